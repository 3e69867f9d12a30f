import { symlinkSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DefinitionError } from '../../../src/model/errors.ts';
import { loadNames, makeDefinitions, namedTask } from '../../support/definitions.ts';
import { tempFolder, waitUntilSettled, writeFiles } from '../../support/temp.ts';

const test = suite('loading definitions');

test('definitions read files, the environment and the profile in each run', async () => {
  const root = makeDefinitions();
  writeFiles(root, {
    'tasks/images.ts':
      "import { readFileSync } from 'node:fs';\nimport { command, profile } from 'image-tasks';\nconst text = readFileSync(new URL('x', import.meta.url), 'utf8');\nexport default command({ name: [text, process.env.TASKS_TEST_READ, profile].join('-'), run: ['true'] });\n",
    'tasks/x': 'a',
  });
  process.env.TASKS_TEST_READ = 'b';
  assert.equal(await loadNames(root), ['a-b-default']);
  writeFiles(root, { 'tasks/x': 'c' });
  process.env.TASKS_TEST_READ = 'd';
  assert.equal(await loadNames(root, 'e'), ['c-d-e']);
  delete process.env.TASKS_TEST_READ;
});

/** [what only Node's own loader supports, code that uses it] */
const modules: [string, string][] = [
  ['a top-level await', "const name = await Promise.resolve('awaited');"],
  ['an ES module package', "import { name } from 'only-esm';"],
  [
    'a dynamic import',
    "const { basename } = await import('node:path');\nconst name = basename('/a/awaited');",
  ],
];
for (const [what, text] of modules) {
  test(`${what} works, and errors have the right position`, async () => {
    const root = makeDefinitions();
    writeFiles(root, {
      'tasks/images.ts': namedTask(text),
      'node_modules/only-esm/package.json':
        '{ "name": "only-esm", "type": "module", "exports": "./index.js" }',
      'node_modules/only-esm/index.js': "export const name = await Promise.resolve('awaited');",
    });
    assert.equal(await loadNames(root), ['awaited']);
    assert.equal(await loadNames(root), ['awaited']);
    const lines = text.split('\n').length;
    writeFiles(root, {
      'tasks/images.ts': `import { command } from 'image-tasks';\n${text}\ncommand({ name, run: ['true'] });\n\n  throw new Error('no more');\n`,
    });
    try {
      await loadNames(root);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, DefinitionError);
      assert.match((error as DefinitionError).message, `tasks/images.ts:${lines + 4}:9`);
      assert.match((error as DefinitionError).message, 'no more');
    }
  });
}

test('packages are found if .cache is a symlink to another disk', async () => {
  const root = tempFolder();
  writeFiles(root, {
    'package.json': '{ "type": "module" }',
    'node_modules/both/package.json':
      '{ "name": "both", "exports": { "import": "./one.mjs", "require": "./two.cjs" } }',
    'node_modules/both/one.mjs': "export const name = 'one';",
    'node_modules/both/two.cjs': "exports.name = 'two';",
    'node_modules/both/three.mjs': "export const name = 'three';",
    'tasks/images.ts': namedTask("import { name } from 'both';"),
    '.cache': { link: tempFolder() },
  });
  waitUntilSettled(path.join(root, 'tasks/images.ts'));
  assert.equal(await loadNames(root), ['one']);
  writeFiles(root, {
    'node_modules/both/package.json': '{ "name": "both", "exports": { "import": "./three.mjs" } }',
  });
  assert.equal(await loadNames(root), ['three'], 'the path of a package must not be cached');
});

test('require works in an ES module', async () => {
  const root = tempFolder();
  writeFiles(root, {
    'tasks/images.ts': namedTask(
      "import { base } from './base.cjs';\nconst name = await base(require.resolve('./base.cjs'));",
    ),
    'tasks/base.cjs': "exports.base = require('node:path').basename;",
  });
  assert.equal(await loadNames(root), ['base.cjs']);
});

test('a project works through a symlink at another depth', async () => {
  const root = makeDefinitions();
  const link = path.join(tempFolder(), 'deep');
  symlinkSync(root, link);
  assert.equal(await loadNames(link), ['one']);
  writeFiles(root, { 'tasks/lib/name.ts': "export const name = 'two';\n" });
  assert.equal(await loadNames(link), ['two']);
});

test('a data: URL can be imported', async () => {
  const root = makeDefinitions();
  writeFiles(root, {
    'tasks/images.ts': namedTask("import name from 'data:text/javascript,export default %22inline%22';"),
  });
  assert.equal(await loadNames(root), ['inline']);
});

test('__dirname and __filename are those of the original file, unless it declares them itself', async () => {
  const root = makeDefinitions();
  writeFiles(root, {
    'tasks/images.ts':
      "import { readFileSync } from 'node:fs';\nimport { command } from 'image-tasks';\nimport { own } from './own.ts';\nconst name = readFileSync(`${__dirname}/lib/x`, 'utf8') + own + __filename.endsWith('/tasks/images.ts');\nexport default command({ name, run: ['true'] });\n\n  if (name.startsWith('b')) throw new Error('bad');\n",
    'tasks/own.ts': "const a = 1,\n  __dirname = '-';\nexport const own = __dirname.repeat(a);\n",
    'tasks/lib/x': 'a',
  });
  assert.equal(await loadNames(root), ['a-true']);
  writeFiles(root, { 'tasks/lib/x': 'b' });
  await loadNames(root).then(
    () => assert.unreachable(),
    (error) => assert.match((error as Error).message, 'tasks/images.ts:7:35'),
  );
});

const hints: [string, Parameters<typeof writeFiles>[1], RegExp][] = [
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
for (const [text, files, hint] of hints) {
  test(`${text} fails with a hint`, async () => {
    const root = tempFolder();
    writeFiles(root, {
      ...files,
      'tasks/images.ts': namedTask(text),
    });
    await loadNames(root).then(
      () => assert.unreachable(),
      (error) => assert.match((error as Error).message, hint),
    );
  });
}

test.run();
