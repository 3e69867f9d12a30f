import { command, type Definition } from 'image-tasks';

/** Declares a command that creates a `source.tar` of each of these tags or commits of a git repository. */
export function gitSource(name: string, repository: string, refs: readonly string[]): Definition {
  return command({
    name: `${name}-source`,
    description: `the source of ${name}, from git`,
    versions: refs,
    run: (ref) => ['images/sources/fetch-git', repository, ref],
  });
}
