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
import { loadDeclarations } from '../../../src/load/load.ts';
import { DefinitionError } from '../../../src/model/errors.ts';
import { tempFolder, waitUntilSettled, writeFiles } from '../../support/temp.ts';

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
  waitUntilSettled(path.join(root, 'tasks/lib/name.ts'));
  return root;
}

async function names(root: string, profile = 'default'): Promise<unknown[]> {
  const { definitions } = await loadDeclarations({
    root,
    profile,
    cacheFolder: path.join(root, '.cache/definitions'),
    programId: 'test',
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

/** [file that is imported, how, what it holds: a name is put in] */
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
  test(`${text} ${file}: a change is seen, and nothing is compiled without one`, async () => {
    const root = tempFolder();
    const place = file === 'package.json' ? root : path.join(root, 'tasks');
    const write = (name: string): void => writeFiles(place, { [file]: content(name) });
    writeFiles(root, {
      'tasks/images.ts': `import { command } from 'image-tasks';\n${text}\nexport default command({ name, run: ['true'] });\n`,
      'tasks/lib/w.ts': "export { name } from './v.cjs';",
      'tasks/lib/v.cjs': "exports.name = 'one';",
      'lib/one.ts': "export const name = 'one';",
      'lib/two.ts': "export const name = 'two';",
    });
    write('one');
    waitUntilSettled(path.join(place, file));
    assert.equal(await names(root), ['one']);
    const index = path.join(root, '.cache/definitions/index.json');
    const { ino } = lstatSync(index);
    assert.equal(await names(root), ['one']);
    assert.is(lstatSync(index).ino, ino, 'compiled again');
    write('two');
    assert.equal(await names(root), ['two']);
  });
}

/** A project that imports `text`, and two folders `v1` and `v2`, of which a link shows one. */
function versions(
  text: (root: string) => string,
  link: string,
  files = {},
): { root: string; turn: () => void } {
  const root = tempFolder();
  writeFiles(root, {
    'v1/name.ts': "export const name = 'one';\n",
    'v2/name.ts': "export const name = 'two';\n",
    [link]: { link: 'v1' },
    'tasks/images.ts': `import { command } from 'image-tasks';\nimport { name } from '${text(root)}';\nexport default command({ name, run: ['true'] });\n`,
    ...files,
  });
  waitUntilSettled(path.join(root, 'tasks/images.ts'));
  return {
    root,
    turn() {
      rmSync(path.join(root, link));
      symlinkSync('v2', path.join(root, link));
    },
  };
}

const subpath = (meaning: unknown) => ({ 'package.json': JSON.stringify({ imports: meaning }) });
const switched: [string, ReturnType<typeof versions>][] = [
  ['whose name starts like the folder of definitions', versions(() => '../t/name.ts', 't')],
  ['by an absolute path', versions((root) => `${root}/now/name.ts`, 'now')],
  ['by a subpath', versions(() => '#name', 'now', subpath({ '#name': './now/name.ts' }))],
  ['by a pattern', versions(() => '#x/now/name', 'now', subpath({ '#x/*': { node: './*.ts' } }))],
];
for (const [said, { root, turn }] of switched)
  test(`a linked folder ${said}, which then leads elsewhere`, async () => {
    assert.equal(await names(root), ['one']);
    turn();
    assert.equal(await names(root), ['two']);
  });

test('a package, where .cache is a link to another disk', async () => {
  const root = tempFolder();
  writeFiles(root, {
    'package.json': '{ "type": "module" }',
    'node_modules/both/package.json':
      '{ "name": "both", "exports": { "import": "./one.mjs", "require": "./two.cjs" } }',
    'node_modules/both/one.mjs': "export const name = 'one';",
    'node_modules/both/two.cjs': "exports.name = 'two';",
    'node_modules/both/three.mjs': "export const name = 'three';",
    'tasks/images.ts':
      "import { command } from 'image-tasks';\nimport { name } from 'both';\nexport default command({ name, run: ['true'] });\n",
    '.cache': { link: tempFolder() },
  });
  waitUntilSettled(path.join(root, 'tasks/images.ts'));
  assert.equal(await names(root), ['one']);
  writeFiles(root, {
    'node_modules/both/package.json': '{ "name": "both", "exports": { "import": "./three.mjs" } }',
  });
  assert.equal(await names(root), ['three'], 'no place of a package is remembered');
});

test('require, in an ES module too', async () => {
  const root = tempFolder();
  writeFiles(root, {
    'tasks/images.ts':
      "import { command } from 'image-tasks';\nimport { base } from './base.cjs';\nconst name = await base(require.resolve('./base.cjs'));\nexport default command({ name, run: ['true'] });\n",
    'tasks/base.cjs': "exports.base = require('node:path').basename;",
  });
  assert.equal(await names(root), ['base.cjs']);
});

test('compiled code that is damaged is compiled anew', async () => {
  const root = project();
  waitUntilSettled(path.join(root, 'tasks/images.ts'));
  assert.equal(await names(root), ['one']);
  const folder = path.join(root, '.cache/definitions');
  const code = path.join(folder, readdirSync(folder).find((name) => name.endsWith('.js'))!);
  const text = readFileSync(code, 'utf8');
  for (const damaged of ['', text.slice(0, -9), text.replaceAll('one', 'two')]) {
    writeFileSync(code, damaged);
    assert.equal(await names(root), ['one']);
  }
});

test('an index that holds anything is no fault', async () => {
  const root = project();
  assert.equal(await names(root), ['one']);
  const index = path.join(root, '.cache/definitions/index.json');
  const kept = JSON.parse(readFileSync(index, 'utf8')) as object;
  const odd = [
    { inputs: null },
    { inputs: { 'a\0': [1, 2, 3, 4] } },
    { absent: [1] },
    { folders: { '\0': [] } },
  ];
  for (const each of odd) {
    writeFileSync(index, JSON.stringify({ ...kept, inputs: {}, absent: [], folders: {}, ...each }));
    assert.equal(await names(root), ['one']);
  }
});

test('a project that is called through a link, at another depth', async () => {
  const root = project();
  const link = path.join(tempFolder(), 'deep');
  symlinkSync(root, link);
  assert.equal(await names(link), ['one']);
  writeFiles(root, { 'tasks/lib/name.ts': "export const name = 'two';\n" });
  assert.equal(await names(link), ['two']);
});

test('text in an import itself', async () => {
  const root = project();
  writeFiles(root, {
    'tasks/images.ts':
      "import { command } from 'image-tasks';\nimport name from 'data:text/javascript,export default %22inline%22';\nexport default command({ name, run: ['true'] });\n",
  });
  assert.equal(await names(root), ['inline']);
});

test('a package.json that comes, which says what an import means', async () => {
  const root = project();
  writeFiles(root, {
    'package.json': '{ "imports": { "#name": "./tasks/lib/name.ts" } }',
    'tasks/lib/other.ts': "export const name = 'other';",
    'tasks/images.ts':
      "import { command } from 'image-tasks';\nimport { name } from '#name';\nexport default command({ name, run: ['true'] });\n",
  });
  waitUntilSettled(path.join(root, 'tasks/images.ts'));
  assert.equal(await names(root), ['one']);
  writeFiles(root, { 'tasks/package.json': '{ "imports": { "#name": "./lib/other.ts" } }' });
  assert.equal(await names(root), ['other']);
});

test('__dirname and __filename are those of the file, where it does not declare them itself', async () => {
  const root = project();
  writeFiles(root, {
    'tasks/images.ts':
      "import { readFileSync } from 'node:fs';\nimport { command } from 'image-tasks';\nimport { own } from './own.ts';\nconst name = readFileSync(`${__dirname}/lib/x`, 'utf8') + own + __filename.endsWith('/tasks/images.ts');\nexport default command({ name, run: ['true'] });\n\n  if (name.startsWith('b')) throw new Error('bad');\n",
    'tasks/own.ts': "const a = 1,\n  __dirname = '-';\nexport const own = __dirname.repeat(a);\n",
    'tasks/lib/x': 'a',
  });
  assert.equal(await names(root), ['a-true']);
  writeFiles(root, { 'tasks/lib/x': 'b' });
  await names(root).then(
    () => assert.unreachable(),
    (error) => assert.match((error as Error).message, 'tasks/images.ts:7:35'),
  );
});

const remedies: [string, Parameters<typeof writeFiles>[1], RegExp][] = [
  [
    "import { name } from '@lib/name';",
    { 'tsconfig.json': '{ "compilerOptions": { "paths": { "@lib/*": ["./lib/*"] } } }', 'lib/name.ts': '' },
    /tsconfig\.json[\s\S]*relative path/,
  ],
  [
    "import { name } from 'source';",
    {
      'packages/source/package.json': '{ "name": "source", "type": "module", "exports": "./index.tsx" }',
      'packages/source/index.tsx': "enum E { A = 'a' }\nexport const name: string = E.A;",
      'node_modules/source': { link: '../packages/source' },
    },
    /compile the package to JavaScript, or import its source by a relative path/,
  ],
];
for (const [text, files, remedy] of remedies) {
  test(`${text} says what to do`, async () => {
    const root = tempFolder();
    writeFiles(root, {
      ...files,
      'tasks/images.ts': `import { command } from 'image-tasks';\n${text}\nexport default command({ name, run: ['true'] });\n`,
    });
    await names(root).then(
      () => assert.unreachable(),
      (error) => assert.match((error as Error).message, remedy),
    );
  });
}

test('an index that somebody else wrote names nothing that is run or removed', async () => {
  const root = project();
  assert.equal(await names(root), ['one']);
  const index = path.join(root, '.cache/definitions/index.json');
  const victim = path.join(root, 'victim');
  writeFileSync(victim, 'module.exports = {};');
  const kept = JSON.parse(readFileSync(index, 'utf8')) as object;
  for (const name of ['../../victim', victim]) {
    writeFileSync(index, JSON.stringify({ ...kept, name, file: victim, map: victim }));
    assert.equal(await names(root), ['one']);
    writeFileSync(index, JSON.stringify({ ...kept, name, file: victim, map: victim, identity: 'other' }));
    assert.equal(await names(root), ['one']);
    assert.ok(existsSync(victim));
  }
});

test.run();
