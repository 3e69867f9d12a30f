import { utimesSync } from 'node:fs';
import path from 'node:path';
import { loadDeclarations } from '../../src/load/load.ts';
import { tempFolder, waitUntilSettled, writeFiles } from './temp.ts';

/** Returns the text of a definition file with one task, whose name is the variable `name` that `code` declares. */
export function namedTask(code: string): string {
  return `import { command } from 'image-tasks';\n${code}\nexport default command({ name, run: ['true'] });\n`;
}

/** Creates a project with one task, whose name `tasks/images.ts` imports from `tasks/lib/name.ts`. */
export function makeDefinitions(name = 'one'): string {
  const root = tempFolder();
  writeFiles(root, {
    'tasks/images.ts': namedTask("import { name } from './lib/name.ts';"),
    'tasks/lib/name.ts': `export const name = '${name}';\n`,
  });
  // Whole seconds, so that a test can restore them.
  utimesSync(path.join(root, 'tasks/lib/name.ts'), 1e9, 1e9);
  waitUntilSettled(path.join(root, 'tasks/lib/name.ts'));
  return root;
}

/** Loads the definitions of a project and returns the names of its tasks. */
export async function loadNames(root: string, profile = 'default'): Promise<unknown[]> {
  const { definitions } = await loadDeclarations({
    root,
    profile,
    cacheFolder: path.join(root, '.cache/definitions'),
    programId: 'test',
    loadModule: (url) => import(url),
  });
  return definitions.map(({ definition }) => definition.fields.name);
}
