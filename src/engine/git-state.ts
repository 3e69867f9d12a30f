import { runProcess } from './process.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the commit of a git checkout; undefined without a checkout or git. */
export async function readCommit(
  folder: string,
  environment: Environment,
  signal: AbortSignal,
): Promise<string | undefined> {
  return (await runGit(folder, environment, signal, 'rev-parse', 'HEAD'))?.[0];
}

/** Reads the commit of a git checkout and whether files in `folder` differ from it; undefined without a checkout or git. */
export async function readGitState(
  folder: string,
  environment: Environment,
  signal: AbortSignal,
): Promise<{ commit: string; dirty: boolean } | undefined> {
  const commit = await readCommit(folder, environment, signal);
  // Only the project's folder, without .cache: a change elsewhere in a larger repository does not affect its images.
  const status = ['status', '--porcelain', '--', '.', ':(exclude).cache'];
  const changes = await runGit(folder, environment, signal, ...status);
  if (commit === undefined || changes === undefined) return undefined;
  return { commit, dirty: changes.length > 0 };
}

/** Returns the lines that git prints; undefined if it fails. */
async function runGit(
  folder: string,
  { PATH = '', HOME = '' }: Environment,
  signal: AbortSignal,
  ...args: readonly string[]
): Promise<string[] | undefined> {
  const lines: string[] = [];
  const exit = await runProcess({
    argv: ['git', '-C', folder, ...args],
    env: { PATH, HOME, LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0' },
    signal,
    onLine: (line) => void lines.push(line),
  });
  return exit.code === 0 ? lines : undefined;
}
