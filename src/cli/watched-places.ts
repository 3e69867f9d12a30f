import path from 'node:path';
import { resolveSelectors, withNeeds } from '../graph/select.ts';
import { compiledInputs } from '../load/compile.ts';
import { linksOnPath, watchedPaths } from '../observe/watch-paths.ts';
import type { OpenProject } from './project.ts';

/** Where a change can be one of what the selected tasks are made from: definitions, what they import, and what tasks read. */
export function placesOf({ graph, root, cacheFolder }: OpenProject, selectors: readonly string[]): string[] {
  const { files, folders } = compiledInputs(path.join(cacheFolder, 'definitions'));
  return [
    path.join(root, 'tasks'),
    ...files,
    ...folders.flatMap((folder) => linksOnPath(folder, root)),
    ...watchedPaths(graph, withNeeds(graph, resolveSelectors(graph, selectors)), root),
  ];
}
