import type { Memo } from '../incremental/memo.ts';
import type { FileEntry } from '../model/observed.ts';

/**
 * What a build can see of its context and hardly is to: git's own files, and what git-lfs leaves in place of files that it
 * did not fetch. In words, with what to do; paths from the project's root.
 */
export function contextWarnings(entries: readonly FileEntry[], context: string, memo: Memo): string[] {
  const located = ({ path }: FileEntry): string => (context === '.' ? path : `${context}/${path}`);
  const isGit = ({ path }: FileEntry): boolean => path === '.git' || path.endsWith('/.git');
  const git = entries.find(isGit);
  const pointers = entries.filter((entry) => entry.type === 'file' && memo.isLfsPointer(entry.digest));
  const [pointer, ...more] = pointers;
  return [
    ...(git === undefined
      ? []
      : [`${located(git)} is in the build context, and changes with every commit: name it in .dockerignore`]),
    ...(pointer === undefined
      ? []
      : more.length === 0
        ? [`${located(pointer)} is a Git LFS pointer, not the file itself: git lfs pull`]
        : [`${located(pointer)} and ${more.length} more are Git LFS pointers, not the files: git lfs pull`]),
  ];
}
