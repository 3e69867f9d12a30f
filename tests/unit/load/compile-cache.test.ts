import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadNames, makeDefinitions, namedTask } from '../../support/definitions.ts';
import { tempFolder, waitUntilSettled, writeFiles } from '../../support/temp.ts';

const test = suite('compiled definitions');

/** [how an imported file changes, the change]. Each leaves some of the file's stamp the same. */
const changes: [string, (file: string) => void][] = [
  [
    'a rewrite with the same size and mtime',
    (file) => {
      writeFileSync(file, "export const name = 'two';\n");
      utimesSync(file, 1e9, 1e9);
    },
  ],
  [
    'replaced by another file with the same size and mtime',
    (file) => {
      writeFileSync(`${file}.new`, "export const name = 'two';\n");
      utimesSync(`${file}.new`, 1e9, 1e9);
      renameSync(`${file}.new`, file);
    },
  ],
  [
    'replaced by a symlink',
    (file) => {
      writeFileSync(`${file}.other.ts`, "export const name = 'two';\n");
      rmSync(file);
      symlinkSync(`${file}.other.ts`, file);
    },
  ],
];
for (const [what, change] of changes) {
  test(`a changed import is compiled again: ${what}`, async () => {
    const root = makeDefinitions();
    assert.equal(await loadNames(root), ['one']);
    change(path.join(root, 'tasks/lib/name.ts'));
    assert.equal(await loadNames(root), ['two']);
  });
}

test('a symlink to another file is compiled again', async () => {
  const root = makeDefinitions();
  const link = path.join(root, 'tasks/lib/name.ts');
  renameSync(link, path.join(root, 'first.ts'));
  writeFiles(root, { 'second.ts': "export const name = 'two';\n" });
  symlinkSync(path.join(root, 'first.ts'), link);
  assert.equal(await loadNames(root), ['one']);
  rmSync(link);
  symlinkSync(path.join(root, 'second.ts'), link);
  assert.equal(await loadNames(root), ['two']);
});

test('a new file that takes precedence in an import is compiled', async () => {
  const root = makeDefinitions();
  writeFiles(root, {
    'tasks/images.ts': namedTask("import { name } from './lib/name';"),
    'tasks/lib/name/index.ts': "export const name = 'folder';\n",
  });
  rmSync(path.join(root, 'tasks/lib/name.ts'));
  assert.equal(await loadNames(root), ['folder']);
  writeFiles(root, { 'tasks/lib/name.ts': "export const name = 'file';\n" });
  assert.equal(await loadNames(root), ['file']);
});

test('an edit in the same clock tick as the previous run is noticed', async () => {
  const root = makeDefinitions();
  const file = path.join(root, 'tasks/lib/name.ts');
  // A time in the future, so that the edit cannot change it.
  const ahead = new Date(Date.now() + 3_600_000);
  utimesSync(file, ahead, ahead);
  assert.equal(await loadNames(root), ['one']);
  const { ino } = lstatSync(file);
  writeFileSync(file, "export const name = 'two';\n");
  utimesSync(file, ahead, ahead);
  assert.is(lstatSync(file).ino, ino);
  assert.equal(await loadNames(root), ['two']);
});

/** [imported file, import, content of the file for a name] */
const kinds: [string, string, (name: string) => string][] = [
  ['lib/v.ts', "import { name } from './lib/v.ts';", (name) => `export const name: string = '${name}';`],
  ['lib/v.mts', "import { name } from './lib/v.mts';", (name) => `export const name: string = '${name}';`],
  ['lib/v.cts', "import { name } from './lib/v.cts';", (name) => `export const name: string = '${name}';`],
  ['lib/v.js', "import { name } from './lib/v.js';", (name) => `export const name = '${name}';`],
  ['lib/v.mjs', "import { name } from './lib/v.mjs';", (name) => `export const name = '${name}';`],
  ['lib/v.cjs', "import { name } from './lib/v.cjs';", (name) => `exports.name = '${name}';`],
  ['lib/v.cjs', "const { name } = require('./lib/v.cjs');", (name) => `exports.name = '${name}';`],
  ['lib/v.tsx', "import { name } from './lib/v.tsx';", (name) => `export const name: string = '${name}';`],
  ['lib/v.jsx', "import { name } from './lib/v.jsx';", (name) => `export const name = '${name}';`],
  ['lib/v.json', "import { name } from './lib/v.json';", (name) => JSON.stringify({ name })],
  [
    'lib/v.json',
    "import v from './lib/v.json' with { type: 'json' }; const { name } = v;",
    (name) => JSON.stringify({ name }),
  ],
  ['lib/v.txt', "import name from './lib/v.txt';", (name) => name],
  ['lib/index.ts', "import { name } from './lib';", (name) => `export const name = '${name}';`],
  ['lib/v.cjs', "import { name } from './lib/w.ts';", (name) => `exports.name = '${name}';`],
  [
    'package.json',
    "import { name } from '#lib';",
    (name) => JSON.stringify({ imports: { '#lib': `./lib/${name}.ts` } }),
  ],
];
for (const [file, text, content] of kinds) {
  test(`${text} recompiles if ${file} changes, and only then`, async () => {
    const root = tempFolder();
    const folder = file === 'package.json' ? root : path.join(root, 'tasks');
    const write = (name: string): void => writeFiles(folder, { [file]: content(name) });
    writeFiles(root, {
      'tasks/images.ts': namedTask(text),
      'tasks/lib/w.ts': "export { name } from './v.cjs';",
      'tasks/lib/v.cjs': "exports.name = 'one';",
      'lib/one.ts': "export const name = 'one';",
      'lib/two.ts': "export const name = 'two';",
    });
    write('one');
    waitUntilSettled(path.join(folder, file));
    assert.equal(await loadNames(root), ['one']);
    const index = path.join(root, '.cache/definitions/index.json');
    const { ino } = lstatSync(index);
    assert.equal(await loadNames(root), ['one']);
    assert.is(lstatSync(index).ino, ino, 'compiled again without a change');
    write('two');
    assert.equal(await loadNames(root), ['two']);
  });
}

/** Creates a project that imports a file through a symlink to the folder `v1`; `relink` changes the symlink to `v2`. */
function linkedProject(
  from: (root: string) => string,
  link: string,
  files = {},
): { root: string; relink: () => void } {
  const root = tempFolder();
  writeFiles(root, {
    'v1/name.ts': "export const name = 'one';\n",
    'v2/name.ts': "export const name = 'two';\n",
    [link]: { link: 'v1' },
    'tasks/images.ts': namedTask(`import { name } from '${from(root)}';`),
    ...files,
  });
  waitUntilSettled(path.join(root, 'tasks/images.ts'));
  return {
    root,
    relink() {
      rmSync(path.join(root, link));
      symlinkSync('v2', path.join(root, link));
    },
  };
}

const packageWithImports = (imports: unknown) => ({ 'package.json': JSON.stringify({ imports }) });
const linkedImports: [string, ReturnType<typeof linkedProject>][] = [
  ['whose name is a prefix of the definitions folder', linkedProject(() => '../t/name.ts', 't')],
  ['in an absolute path', linkedProject((root) => `${root}/now/name.ts`, 'now')],
  [
    'in a subpath import',
    linkedProject(() => '#name', 'now', packageWithImports({ '#name': './now/name.ts' })),
  ],
  [
    'in a subpath pattern',
    linkedProject(() => '#x/now/name', 'now', packageWithImports({ '#x/*': { node: './*.ts' } })),
  ],
];
for (const [what, { root, relink }] of linkedImports)
  test(`a changed symlink to a folder is noticed: ${what}`, async () => {
    assert.equal(await loadNames(root), ['one']);
    relink();
    assert.equal(await loadNames(root), ['two']);
  });

test('a new package.json that changes an import is noticed', async () => {
  const root = makeDefinitions();
  writeFiles(root, {
    'package.json': '{ "imports": { "#name": "./tasks/lib/name.ts" } }',
    'tasks/lib/other.ts': "export const name = 'other';",
    'tasks/images.ts': namedTask("import { name } from '#name';"),
  });
  waitUntilSettled(path.join(root, 'tasks/images.ts'));
  assert.equal(await loadNames(root), ['one']);
  writeFiles(root, { 'tasks/package.json': '{ "imports": { "#name": "./lib/other.ts" } }' });
  assert.equal(await loadNames(root), ['other']);
});

test('damaged compiled code is compiled again', async () => {
  const root = makeDefinitions();
  waitUntilSettled(path.join(root, 'tasks/images.ts'));
  assert.equal(await loadNames(root), ['one']);
  const folder = path.join(root, '.cache/definitions');
  const code = path.join(folder, readdirSync(folder).find((name) => name.endsWith('.js'))!);
  const text = readFileSync(code, 'utf8');
  for (const damaged of ['', text.slice(0, -9), text.replaceAll('one', 'two')]) {
    writeFileSync(code, damaged);
    assert.equal(await loadNames(root), ['one']);
  }
});

test('an index with invalid values is ignored', async () => {
  const root = makeDefinitions();
  assert.equal(await loadNames(root), ['one']);
  const index = path.join(root, '.cache/definitions/index.json');
  const content = JSON.parse(readFileSync(index, 'utf8')) as object;
  const invalid = [
    { inputs: null },
    { inputs: { 'a\0': [1, 2, 3, 4] } },
    { absent: [1] },
    { folders: { '\0': [] } },
  ];
  for (const values of invalid) {
    writeFileSync(index, JSON.stringify({ ...content, inputs: {}, absent: [], folders: {}, ...values }));
    assert.equal(await loadNames(root), ['one']);
  }
});

test('an edited index cannot make tasks run or remove other files', async () => {
  const root = makeDefinitions();
  assert.equal(await loadNames(root), ['one']);
  const index = path.join(root, '.cache/definitions/index.json');
  const victim = path.join(root, 'victim');
  writeFileSync(victim, 'module.exports = {};');
  const content = JSON.parse(readFileSync(index, 'utf8')) as object;
  for (const name of ['../../victim', victim]) {
    writeFileSync(index, JSON.stringify({ ...content, name, file: victim, map: victim }));
    assert.equal(await loadNames(root), ['one']);
    writeFileSync(index, JSON.stringify({ ...content, name, file: victim, map: victim, identity: 'other' }));
    assert.equal(await loadNames(root), ['one']);
    assert.ok(existsSync(victim));
  }
});

test.run();
