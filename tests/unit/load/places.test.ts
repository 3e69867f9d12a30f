import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { callSite, type Sited } from '../../../src/define/call-site.ts';
import { makeGraph, resolveProject } from '../../../src/graph/graph.ts';
import { loadDeclarations } from '../../../src/load/load.ts';
import { DefinitionError, type Problem } from '../../../src/model/errors.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';

const test = suite('places of problems');

type Files = Parameters<typeof writeFiles>[1];

function load(root: string) {
  return loadDeclarations({
    root,
    profile: 'default',
    cacheFolder: path.join(root, '.cache/definitions'),
    programId: 'test',
    loadModule: (url) => import(url),
  });
}

/** Returns the problems of definitions, as opening their project finds them. */
async function problemsOf(files: Files): Promise<readonly Problem[]> {
  const root = tempFolder();
  writeFiles(root, files);
  try {
    const declarations = await load(root);
    try {
      resolveProject(declarations);
      makeGraph(declarations, 'linux/amd64');
    } catch (error) {
      assert.instance(error, DefinitionError);
      return declarations.locate(error as DefinitionError).problems;
    }
  } catch (error) {
    assert.instance(error, DefinitionError, String((error as Error).stack));
    return (error as DefinitionError).problems;
  }
  return [];
}

/** Returns where problems are, and what is marked there: `tasks/images.ts:3:12 'x'`. */
async function placesOf(files: Files): Promise<string[]> {
  const problems = await problemsOf(files);
  return problems.map(({ file, place }) =>
    place === undefined
      ? file
      : `${place.file}:${place.line}:${place.column} ${place.text.slice(place.column - 1, place.column - 1 + place.length)}`,
  );
}

const head = "import { command, image, matrix, project } from 'image-tasks';\n";

/** [what, definitions from line 2 on, places] */
const cases: readonly (readonly [what: string, text: string, places: readonly string[]])[] = [
  [
    'a value',
    "export const a = image({\n  name: 'a',\n  context: '/abs',\n});",
    ["tasks/images.ts:4:12 '/abs'"],
  ],
  [
    'the name of an unknown field',
    "export const a = image({ name: 'a', contxt: 'a', context: 'a' });",
    ['tasks/images.ts:2:37 contxt'],
  ],
  [
    'the call, for a missing field',
    "export const a =\n  image({ name: 'a' });",
    ['tasks/images.ts:3:3 image'],
  ],
  [
    'the call, for a field that is written elsewhere',
    "const common = { context: 7 as never };\nexport const a = image({ name: 'a', ...common });",
    ['tasks/images.ts:3:18 image'],
  ],
  [
    'an element of a list, and a nested field',
    "export const a = image({ name: 'a', context: 'a', tags: ['ok', 'not ok'], needs: { BASE: undefined as never } });",
    ["tasks/images.ts:2:64 'not ok'"],
  ],
  [
    'a need',
    "export const a = image({ name: 'a', context: 'a', needs: { BASE: undefined as never } });",
    ['tasks/images.ts:2:66 undefined as never'],
  ],
  [
    'the version of a matrix',
    "const cells = matrix({ v: ['1'] }, { version: (c) => `${c.v}!` });\nexport const a = image({ name: 'a', context: 'a', versions: cells });",
    ['tasks/images.ts:2:47 (c) => `${c.v}!`'],
  ],
  [
    'a version of a list',
    "export const a = image({ name: 'a', context: 'a', versions: ['1', '2!'] });",
    ["tasks/images.ts:2:67 '2!'"],
  ],
  ['project()', "export default project({ repo: 'Upper' });", ["tasks/images.ts:2:32 'Upper'"]],
  [
    'the second of two tasks of a name',
    "export const a = image({ name: 'a', context: 'a' });\nexport const b = image({ name: 'a', context: 'a' });",
    ["tasks/images.ts:3:32 'a'"],
  ],
  [
    'problems of a file in the order of its lines',
    "export const b = image({ context: 7 as never, name: 'b' });\nexport const a = command({ name: 'a', run: [] as never,\n  retries: -1 });",
    ['tasks/images.ts:2:35 7 as never', 'tasks/images.ts:3:44 [] as never', 'tasks/images.ts:4:12 -1'],
  ],
];
for (const form of ['script', 'module'])
  for (const [what, text, places] of cases)
    test(`${what} (${form})`, async () => {
      // A top-level await makes it a module.
      const end = form === 'module' ? '\nawait undefined;\n' : '\n';
      assert.equal(await placesOf({ 'tasks/images.ts': head + text + end }), places);
    });

test('a field in a function of another file', async () => {
  const lib =
    "import { image } from 'image-tasks';\nexport const make = (name: string) =>\n  image({ name, context: '..' });\n";
  const files = {
    'tasks/images.ts': "import { make } from '../lib/make.ts';\nexport const a = make('a');\n",
    'lib/make.ts': lib,
  };
  const [problem] = await problemsOf(files);
  assert.equal([problem!.file, problem!.definition, problem!.field], ['tasks/images.ts', 'a', 'context']);
  assert.equal(await placesOf(files), ["lib/make.ts:3:26 '..'"]);
});

test('an error while a file is loaded, and a syntax error', async () => {
  assert.equal(
    await placesOf({
      'tasks/images.ts': `${head}\nconst x = undefined as never as { y: 1 };\n  x.y;\nexport default x;\n`,
    }),
    ['tasks/images.ts:4:5 y'],
  );
  assert.equal(await placesOf({ 'tasks/images.ts': "const é = '🎉'; const = 1;\n" }), [
    'tasks/images.ts:1:23 =',
  ]);
  // The first line has the path of the file before it is compiled.
  assert.equal(await placesOf({ 'tasks/images.ts': 'const x = __dirname; const = 1;\n' }), [
    'tasks/images.ts:1:28 =',
  ]);
});

/** [what, files, place, message, hint] */
const imports: readonly (readonly [
  what: string,
  files: Files,
  place: string,
  message: string,
  hint?: string,
])[] = [
  [
    'an unknown name of image-tasks',
    { 'tasks/images.ts': "import { command,\n  imgae } from 'image-tasks';\nimgae({});\n" },
    'tasks/images.ts:2:3 imgae',
    'image-tasks has no export imgae',
    'did you mean image?',
  ],
  [
    'the same in a namespace',
    { 'tasks/images.ts': "import * as tasks from 'image-tasks';\ntasks.imgae({});\n" },
    'tasks/images.ts:2:7 imgae',
    'image-tasks has no export imgae',
    'did you mean image?',
  ],
  [
    'the same in a module',
    { 'tasks/images.ts': "import { imgae } from 'image-tasks';\nawait imgae({});\n" },
    'tasks/images.ts:1:10 imgae',
    'image-tasks has no export imgae',
    'did you mean image?',
  ],
  [
    'an unknown name of a file',
    {
      'tasks/images.ts': "import { bese } from '../lib/x.ts';\nbese();\n",
      'lib/x.ts': 'export const base = 1;\n',
    },
    'tasks/images.ts:1:10 bese',
    'lib/x.ts has no export bese',
    'did you mean base?',
  ],
  [
    'a missing file',
    { 'tasks/images.ts': "import '../lib/bse.ts';\n", 'lib/base.ts': '', 'lib/bse.txt': '' },
    "tasks/images.ts:1:8 '../lib/bse.ts'",
    'cannot find the file ../lib/bse.ts',
    'did you mean ../lib/base.ts?',
  ],
  [
    'a file in a folder of another name',
    { 'tasks/images.ts': "import '../lob/base';\n", 'lib/base.ts': '', 'lab/x.ts': '' },
    "tasks/images.ts:1:8 '../lob/base'",
    'cannot find the file ../lob/base',
  ],
  [
    'an unknown package',
    {
      'tasks/images.ts':
        "// 'image-taks'\n// import 'image-taks'\nimport { image } from 'image-taks';\nimage({});\n",
    },
    "tasks/images.ts:3:23 'image-taks'",
    'cannot find the package image-taks',
    'did you mean image-tasks?',
  ],
  [
    'a package that is like an installed one, in another file',
    {
      'tasks/images.ts': "import '../lib/x.ts';\n",
      'lib/x.ts': "import * as c from '@x/colorz';\nc.red();\n",
      'node_modules/@x/colors/package.json': '{}',
    },
    "lib/x.ts:1:20 '@x/colorz'",
    'cannot find the package @x/colorz',
    'did you mean @x/colors?',
  ],
  [
    'an unknown name of a package',
    {
      'tasks/images.ts': "import {\n  red as r, grene,\n} from 'colors';\nr(grene);\n",
      'node_modules/colors/package.json': '{ "type": "module", "exports": "./i.js" }',
      'node_modules/colors/i.js': 'export const red = 1, green = 2;\n',
    },
    'tasks/images.ts:2:13 grene',
    'colors has no export grene',
    'did you mean green?',
  ],
];
for (const [what, files, place, message, hint] of imports)
  test(`a wrong import: ${what}`, async () => {
    const [problem, ...others] = await problemsOf(files);
    assert.equal(others, []);
    assert.equal(await placesOf(files), [place]);
    assert.equal([problem!.message, problem!.hint], [message, hint]);
  });

test('what image-tasks exports works in all forms of import', async () => {
  const text = [
    "import * as all from 'image-tasks';",
    "import { image, type ImageFields } from 'image-tasks';",
    "export { ImageFields } from 'image-tasks';",
    "export const a = all.image({ name: 'a', context: 'a' } satisfies ImageFields<string>);",
    "export const b = require('image-tasks').image({ name: 'b', context: 'a' });",
    "export const c = image({ name: 'c', context: 'a' });",
  ];
  assert.equal(await problemsOf({ 'tasks/images.ts': text.join('\n') }), []);
});

test('where a definition was made is in no JSON and among no names', async () => {
  const root = tempFolder();
  writeFiles(root, { 'tasks/images.ts': `${head}export const a = image({ name: 'a', context: 'a' });\n` });
  const declarations = await load(root);
  const { definition } = declarations.definitions[0]!;
  assert.match((definition as Sited)[callSite]!.stack!, /\d+:\d+/);
  assert.equal(Object.keys(definition), ['fields', 'at', 'all']);
  assert.not.match(
    JSON.stringify([definition, [...makeGraph(declarations, 'linux/amd64').tasks]]),
    /Error|:\d+:\d+/,
  );
});

test.run();
