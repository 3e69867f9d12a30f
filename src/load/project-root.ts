import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { TasksError } from '../model/errors.ts';

/** The folder of the definition files, relative to the project root. */
export const definitionsFolder = 'tasks';

/**
 * Finds the project root: `start` (absolute) or its nearest parent that has definition files in `tasks/`.
 * @throws TasksError (exit 2) if there is none, or `start` is not a folder
 */
export function findRoot(start: string): string {
  if (!statSync(start, { throwIfNoEntry: false })?.isDirectory()) {
    throw new TasksError(2, `${start} is not a folder`, { hint: 'pass the folder of a project: -C DIR' });
  }
  for (let dir = start; ; dir = path.dirname(dir)) {
    if (definitionFiles(dir).length > 0) return dir;
    if (path.dirname(dir) === dir) break;
  }
  throw new TasksError(2, `no project found: no definitions (tasks/*.ts) in ${start} or its parent folders`, {
    hint: 'change to a project, pass its folder with -C DIR, or create tasks/images.ts',
  });
}

/** Returns the definition files of a project, relative to its root, sorted. */
export function definitionFiles(root: string): string[] {
  const folder = path.join(root, definitionsFolder);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts') && !name.endsWith('.test.ts'))
    .sort()
    .map((name) => `${definitionsFolder}/${name}`);
}
