import { command, type Definition } from 'image-tasks';

/** A command that makes `source.tar` of each of the given tags or commits of a git repository. */
export function gitSource(name: string, repository: string, refs: readonly string[]): Definition {
  return command({
    name: `${name}-source`,
    description: `the source of ${name}, from git`,
    versions: refs,
    run: (ref) => ['images/sources/fetch-git', repository, ref],
  });
}
