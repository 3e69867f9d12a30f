import path from 'node:path';
import { select, withNeeds } from '../graph/select.ts';
import { compiledFrom } from '../load/compile.ts';
import { watchedPaths } from '../observe/watched.ts';
import type { OpenProject } from './project.ts';

/** Where a change can be one of what the selected tasks are made from: definitions, what they import, and what tasks read. */
export function placesOf({ graph, root, cacheFolder }: OpenProject, selectors: readonly string[]): string[] {
  return [
    path.join(root, 'tasks'),
    ...compiledFrom(path.join(cacheFolder, 'definitions')),
    ...watchedPaths(graph, withNeeds(graph, select(graph, selectors)), root),
  ];
}
