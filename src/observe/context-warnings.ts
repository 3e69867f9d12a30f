import type { Memo } from '../incremental/memo.ts';
import type { FileEntry } from '../model/observed.ts';

/**
 * Returns warnings about files of a build context that are probably a mistake: a `.git`, and Git LFS pointers of files that
 * were not fetched. Each warning says what to do; paths are relative to the project root. `ignoreFile` returns the ignore file of the
 * context, whether it exists or not.
 */
export function contextWarnings(
  entries: readonly FileEntry[],
  context: string,
  ignoreFile: () => string,
  memo: Memo,
): string[] {
  const projectPath = ({ path }: FileEntry): string => (context === '.' ? path : `${context}/${path}`);
  const isGit = ({ path }: FileEntry): boolean => path === '.git' || path.endsWith('/.git');
  const git = entries.find(isGit);
  const pointers = entries.filter((entry) => entry.type === 'file' && memo.isLfsPointer(entry.digest));
  const [pointer, ...more] = pointers;
  return [
    ...(git === undefined
      ? []
      : [
          `${projectPath(git)} is in the build context and changes with every commit: add the line ${git.path} to ${ignoreFile()}`,
        ]),
    ...(pointer === undefined
      ? []
      : more.length === 0
        ? [`${projectPath(pointer)} is a Git LFS pointer, not the file itself: run git lfs pull`]
        : [
            `${projectPath(pointer)} and ${more.length} more are Git LFS pointers, not the files: run git lfs pull`,
          ]),
  ];
}
