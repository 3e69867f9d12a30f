import path from 'node:path';
import { select, withNeeds } from '../graph/select.ts';
import { compiledFrom } from '../load/compile.ts';
import { linksTo, watchedPaths } from '../observe/watched.ts';
import type { OpenProject } from './project.ts';

/** Where a change can be one of what the selected tasks are made from: definitions, what they import, and what tasks read. */
export function placesOf({ graph, root, cacheFolder }: OpenProject, selectors: readonly string[]): string[] {
  const { files, folders } = compiledFrom(path.join(cacheFolder, 'definitions'));
  return [
    path.join(root, 'tasks'),
    ...files,
    ...folders.flatMap((folder) => linksTo(folder, root)),
    ...watchedPaths(graph, withNeeds(graph, select(graph, selectors)), root),
  ];
}
