import { runProcess } from './process.ts';

/** Reads the commit of a git checkout and whether files in `folder` differ from it; undefined without a checkout or git. */
export async function readGitState(
  folder: string,
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<{ commit: string; dirty: boolean } | undefined> {
  const git = async (...args: string[]): Promise<string[] | undefined> => {
    const lines: string[] = [];
    const { PATH = '', HOME = '' } = environment;
    const exit = await runProcess({
      argv: ['git', '-C', folder, ...args],
      env: { PATH, HOME, LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0' },
      signal,
      onLine: (line) => void lines.push(line),
    });
    return exit.code === 0 ? lines : undefined;
  };
  const [commit] = (await git('rev-parse', 'HEAD')) ?? [];
  // Only the project's folder, without .cache: a change elsewhere in a larger repository does not affect its images.
  const changes = await git('status', '--porcelain', '--', '.', ':(exclude).cache');
  if (commit === undefined || changes === undefined) return undefined;
  return { commit, dirty: changes.length > 0 };
}
