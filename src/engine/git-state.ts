import { runProcess } from './process.ts';

/** The state of a git checkout; undefined where there is none, or no git. `dirty`: some file differs from the commit. */
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
  // What the project's folder holds, but for our own; a change elsewhere in a larger repository changes no image.
  const changes = await git('status', '--porcelain', '--', '.', ':(exclude).cache');
  if (commit === undefined || changes === undefined) return undefined;
  return { commit, dirty: changes.length > 0 };
}
