import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { TasksError } from '../model/errors.ts';

/** The folder in a project that holds its definition files. */
export const definitionsFolder = 'tasks';

/**
 * The project root: `start` (absolute), or its nearest parent with a folder `tasks/` that holds definition files.
 * @throws TasksError exit 2 where there is none, or `start` is no folder
 */
export function findRoot(start: string): string {
  if (!statSync(start, { throwIfNoEntry: false })?.isDirectory()) {
    throw new TasksError(2, `${start} is not a folder`, { hint: 'name the project with -C DIR' });
  }
  for (let dir = start; ; dir = path.dirname(dir)) {
    if (definitionFiles(dir).length > 0) return dir;
    if (path.dirname(dir) === dir) break;
  }
  throw new TasksError(
    2,
    `no project here: neither ${start} nor a folder above it has definitions (tasks/*.ts)`,
    {
      hint: 'go into a project, name one with -C DIR, or write a first tasks/images.ts',
    },
  );
}

/** The definition files of a project, relative to its root, sorted. */
export function definitionFiles(root: string): string[] {
  const folder = path.join(root, definitionsFolder);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts') && !name.endsWith('.test.ts'))
    .sort()
    .map((name) => `${definitionsFolder}/${name}`);
}
