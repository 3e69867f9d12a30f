import { lstatSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadDeclarations } from '../../../src/load/load.ts';
import { DefinitionError } from '../../../src/model/errors.ts';
import { settle, tempFolder, writeFiles } from '../../support/temp.ts';

const test = suite('definitions: compiled once, evaluated anew');

/** A project whose one task is called as `lib/name.ts` says. */
function project(name = 'one'): string {
  const root = tempFolder();
  writeFiles(root, {
    'tasks/images.ts':
      "import { command } from 'image-tasks';\nimport { name } from './lib/name.ts';\nexport default command({ name, run: ['true'] });\n",
    'tasks/lib/name.ts': `export const name = '${name}';\n`,
  });
  // Whole seconds, so that they can be put back.
  utimesSync(path.join(root, 'tasks/lib/name.ts'), 1e9, 1e9);
  settle(path.join(root, 'tasks/lib/name.ts'));
  return root;
}

async function names(root: string, profile = 'default'): Promise<unknown[]> {
  const { definitions } = await loadDeclarations({
    root,
    profile,
    cacheFolder: path.join(root, '.cache/definitions'),
    programId: 'test',
    defineModule: path.resolve('dist/define.mjs'),
    loadModule: (url) => import(url),
  });
  return definitions.map(({ definition }) => definition.fields.name);
}

/** [what happens to a file that is imported, by which stamps alone it could not be told] */
const changes: [string, (file: string) => void][] = [
  [
    'edited, same size, mtime put back',
    (file) => {
      writeFileSync(file, "export const name = 'two';\n");
      utimesSync(file, 1e9, 1e9);
    },
  ],
  [
    'another file of the same size and mtime in its place',
    (file) => {
      writeFileSync(`${file}.new`, "export const name = 'two';\n");
      utimesSync(`${file}.new`, 1e9, 1e9);
      renameSync(`${file}.new`, file);
    },
  ],
  [
    'a link in its place',
    (file) => {
      writeFileSync(`${file}.other.ts`, "export const name = 'two';\n");
      rmSync(file);
      symlinkSync(`${file}.other.ts`, file);
    },
  ],
];
for (const [what, change] of changes) {
  test(`an imported file: ${what}`, async () => {
    const root = project();
    assert.equal(await names(root), ['one']);
    change(path.join(root, 'tasks/lib/name.ts'));
    assert.equal(await names(root), ['two']);
  });
}

test('a link among the definitions that leads elsewhere', async () => {
  const root = project();
  const link = path.join(root, 'tasks/lib/name.ts');
  renameSync(link, path.join(root, 'first.ts'));
  writeFiles(root, { 'second.ts': "export const name = 'two';\n" });
  symlinkSync(path.join(root, 'first.ts'), link);
  assert.equal(await names(root), ['one']);
  rmSync(link);
  symlinkSync(path.join(root, 'second.ts'), link);
  assert.equal(await names(root), ['two']);
});

test('a new file that an import now means', async () => {
  const root = project();
  writeFiles(root, {
    'tasks/images.ts':
      "import { command } from 'image-tasks';\nimport { name } from './lib/name';\nexport default command({ name, run: ['true'] });\n",
    'tasks/lib/name/index.ts': "export const name = 'folder';\n",
  });
  rmSync(path.join(root, 'tasks/lib/name.ts'));
  assert.equal(await names(root), ['folder']);
  writeFiles(root, { 'tasks/lib/name.ts': "export const name = 'file';\n" });
  assert.equal(await names(root), ['file']);
});

test('an edit within the same tick of the clock as the run that compiled', async () => {
  const root = project();
  const file = path.join(root, 'tasks/lib/name.ts');
  // Ahead of the clock, so that any later time may be the same.
  const ahead = new Date(Date.now() + 3_600_000);
  utimesSync(file, ahead, ahead);
  assert.equal(await names(root), ['one']);
  const { ino } = lstatSync(file);
  writeFileSync(file, "export const name = 'two';\n");
  utimesSync(file, ahead, ahead);
  assert.is(lstatSync(file).ino, ino);
  assert.equal(await names(root), ['two']);
});

test('what a definition reads is read in each run: files, the environment, the profile', async () => {
  const root = project();
  writeFiles(root, {
    'tasks/images.ts':
      "import { readFileSync } from 'node:fs';\nimport { command, profile } from 'image-tasks';\nconst text = readFileSync(new URL('x', import.meta.url), 'utf8');\nexport default command({ name: [text, process.env.TASKS_TEST_READ, profile].join('-'), run: ['true'] });\n",
    'tasks/x': 'a',
  });
  process.env.TASKS_TEST_READ = 'b';
  assert.equal(await names(root), ['a-b-default']);
  writeFiles(root, { 'tasks/x': 'c' });
  process.env.TASKS_TEST_READ = 'd';
  assert.equal(await names(root, 'e'), ['c-d-e']);
  delete process.env.TASKS_TEST_READ;
});

/** Only Node's own loader can do these. */
const modules: [string, string][] = [
  ['a top-level await', "const name = await Promise.resolve('awaited');"],
  ['a package that is an ES module alone', "import { name } from 'only-esm';"],
  [
    'an import when it is evaluated',
    "const { basename } = await import('node:path');\nconst name = basename('/a/awaited');",
  ],
];
for (const [what, text] of modules) {
  test(`${what}, and a fault told by its place`, async () => {
    const root = project();
    writeFiles(root, {
      'tasks/images.ts': `import { command } from 'image-tasks';\n${text}\nexport default command({ name, run: ['true'] });\n`,
      'node_modules/only-esm/package.json':
        '{ "name": "only-esm", "type": "module", "exports": "./index.js" }',
      'node_modules/only-esm/index.js': "export const name = await Promise.resolve('awaited');",
    });
    assert.equal(await names(root), ['awaited']);
    assert.equal(await names(root), ['awaited']);
    const lines = text.split('\n').length;
    writeFiles(root, {
      'tasks/images.ts': `import { command } from 'image-tasks';\n${text}\ncommand({ name, run: ['true'] });\n\n  throw new Error('no more');\n`,
    });
    try {
      await names(root);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, DefinitionError);
      assert.match((error as DefinitionError).message, `tasks/images.ts:${lines + 4}:9`);
      assert.match((error as DefinitionError).message, 'no more');
    }
  });
}

test.run();
