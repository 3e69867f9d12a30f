import type { RequiredPath } from '../dockerfile/context-path.ts';
import type { BuildBlock } from '../model/observed.ts';
import type { ImageTask } from '../model/task.ts';
import { placeInLine } from './line-place.ts';
import { explainMissingSource } from './missing-source.ts';
import { followInContext } from './visible-files.ts';
import type { Listed } from './walk.ts';

/** What a build has as its context. */
export interface BuildContext {
  /** The entries of the folder that the ignore file leaves, sorted by path. */
  readonly listed: readonly Listed[];
  /** The folder, absolute. */
  readonly folder: string;
}

/**
 * Returns why a build cannot succeed: the paths that its instructions need and that its context does not have. The folders of files
 * that other tasks make count as complete: what will be in them is not known. `dockerfile`: its text.
 */
export function findMissingPaths(
  task: Pick<ImageTask, 'dockerfile' | 'context' | 'needs'>,
  dockerfile: string,
  required: readonly RequiredPath[],
  { listed, folder }: BuildContext,
): BuildBlock[] {
  const made = new Set(task.needs.flatMap(({ kind, name }) => (kind === 'files' ? [name] : [])));
  const exists = (path: string): boolean =>
    path === '' || made.has(path.split('/', 1)[0]!) || entryAt(path, listed) !== undefined;
  return required.flatMap(({ path, keyword, line }): BuildBlock[] => {
    const entry = entryAt(path, listed);
    if (entry?.stat.kind !== 'link' && exists(path)) return [];
    const target = followInContext(path, listed);
    // BuildKit reports a loop by itself.
    if (target === undefined || exists(target)) return [];
    const hint = explainMissingSource(target, folder);
    const source = target === path ? path : `${path} (a link to ${target})`;
    return [
      {
        code: 'missing-file',
        message: `${keyword} needs ${source}, which is not in the build context ${task.context}`,
        ...(hint === undefined ? {} : { hint }),
        place: placeInLine(task.dockerfile, dockerfile, line, path),
      },
    ];
  });
}

/** Returns the entry of a path, by binary search. */
function entryAt(path: string, listed: readonly Listed[]): Listed | undefined {
  let [low, high] = [0, listed.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (listed[middle]!.path < path) low = middle + 1;
    else high = middle;
  }
  return listed[low]?.path === path ? listed[low] : undefined;
}
