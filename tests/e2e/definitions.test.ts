import { existsSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeProject, runCli } from '../support/cli.ts';
import { writeFiles } from '../support/temp.ts';

const test = suite('e2e: definitions');
const head = "import { command, image, matrix, profile, project } from 'image-tasks';\n";

/** [what is wrong, definitions, files, texts in the error] */
const wrong: [string, string, Record<string, string>, string[]][] = [
  [
    'an unknown field',
    "export const a = image({ name: 'a', context: 'a', contxt: 'b' });",
    {},
    ['tasks/images.ts', 'a', 'contxt', 'unknown field', 'did you mean context'],
  ],
  [
    'a field of the wrong type',
    "export const a = image({ name: 'a', context: 7 });",
    {},
    ['context', 'found:', '7', 'expected: a string'],
  ],
  ['a file that throws', "throw new Error('boom');", {}, ['tasks/images.ts:2:', 'boom']],
  ['a syntax error', 'export const = 3;', {}, ['tasks/images.ts:2:14', 'export const = 3']],
  ['an import of a missing file', "import './gone.ts';", {}, ['tasks/images.ts:2:', './gone.ts']],
  [
    'a duplicate task',
    "export const a = [image({ name: 'a', context: 'a' }), image({ name: 'a', context: 'b' })];",
    { 'a/Dockerfile': 'FROM scratch\n', 'b/Dockerfile': 'FROM scratch\n' },
    ['duplicate task a:latest', 'a.0', 'a.1'],
  ],
  [
    'a duplicate tag',
    "export const a = image({ name: 'a', context: 'a', versions: ['1', '2'], tags: () => ['x'] });",
    {},
    ['a:1 and a:2 both write the tag a:x'],
  ],
  [
    'a need that no ARG declares',
    "const b = image({ name: 'b', context: 'a' });\nexport const a = image({ name: 'a', context: 'a', needs: { BASE: b } });\nexport { b };",
    { 'a/Dockerfile': 'FROM scratch\nCOPY . /\n' },
    ['needs.BASE', 'a/Dockerfile', 'ARG BASE'],
  ],
  [
    'a need that is not exported',
    "const b = image({ name: 'b', context: 'a' });\nexport const a = image({ name: 'a', context: 'a', needs: { BASE: b } });",
    { 'a/Dockerfile': 'ARG BASE\nFROM $BASE\n' },
    ['unknown need', 'b', 'export it'],
  ],
  [
    'a need without a matching version',
    "export const b = image({ name: 'b', context: 'a', versions: ['1', '2'] });\nexport const a = image({ name: 'a', context: 'a', versions: ['3'], needs: { BASE: b } });",
    {},
    ['needs.BASE', 'b:1, b:2'],
  ],
  [
    'a cycle',
    "export const a = image({ name: 'a', context: 'a', needs: { B: () => b } });\nexport const b = image({ name: 'b', context: 'a', needs: { B: () => a } });",
    {},
    ['dependency cycle: a:latest -> b:latest -> a:latest'],
  ],
  [
    'a version that is not a valid tag',
    "export const a = image({ name: 'a', context: 'a', versions: ['1/2'] });",
    {},
    ['versions', '"1/2"', 'letters, digits'],
  ],
  [
    'a missing context',
    "export const a = image({ name: 'a', context: 'gone' });",
    {},
    ['context', 'folder not found', 'gone'],
  ],
  [
    'a missing Dockerfile',
    "export const a = image({ name: 'a', context: 'a' });",
    { 'a/x': '' },
    ['dockerfile', 'a/Dockerfile'],
  ],
  [
    'an invalid Dockerfile',
    "export const a = image({ name: 'a', context: 'a' });",
    { 'a/Dockerfile': 'FROM scratch\n\nRUM make\n' },
    ['a/Dockerfile:3', 'RUM'],
  ],
  [
    'a target that does not exist',
    "export const a = image({ name: 'a', context: 'a', target: 'x' });",
    { 'a/Dockerfile': 'FROM scratch AS y\n' },
    ['stage "x"', 'y'],
  ],
  [
    'a need without the platform',
    "const b = image({ name: 'b', context: 'b', platforms: ['linux/amd64'] });\nexport const all = [b, image({ name: 'a', context: 'a', platforms: ['linux/amd64', 'linux/s390x'], needs: { B: b } })];",
    { 'a/Dockerfile': 'ARG B\nFROM $B\n', 'b/Dockerfile': 'FROM scratch\n' },
    ['needs.B', 'a:latest@linux/s390x is for linux/s390x, but its need is not', 'b:latest for linux/amd64'],
  ],
  [
    'an alias that is a tag',
    "export const a = image({ name: 'a', versions: ['1', '2'], context: 'a', aliases: ['1'] });",
    { 'a/Dockerfile': 'FROM scratch\n' },
    ['aliases', 'the alias a:1 of a:2 is a tag of a:1'],
  ],
  [
    'two calls of project()',
    "export const p = project({ repo: 'a' });\nexport const q = project({ repo: 'b' });\nexport const a = command({ name: 'a', run: ['true'] });",
    {},
    ['at most one'],
  ],
  [
    'several images in one build arg',
    "export const b = image({ name: 'b', context: 'a', versions: ['1', '2'] });\nexport const a = image({ name: 'a', context: 'a', needs: { B: b.all() } });",
    {},
    ['needs.B', 'all()'],
  ],
  ['no definitions', 'export const x = 1;', {}, ['declare no task']],
];

for (const [what, text, files, texts] of wrong) {
  test(`${what}: exit code 2, with the location`, async () => {
    const { code, err, out } = await runCli(['plan'], { cwd: makeProject(head + text, files) });
    for (const part of texts) assert.ok(err.includes(part), `"${part}" in:\n${err}`);
    assert.is(code, 2);
    assert.is(out, '');
    assert.not.match(err, /internal error/);
  });
}

test('definitions can use several files, read other files, and depend on the profile', async () => {
  const root = makeProject(
    `${head}import { pins } from './lib/pins.ts';\nimport data from './data.json' with { type: 'json' };\nimport { readFileSync } from 'node:fs';\nconst text = readFileSync(new URL('more.txt', import.meta.url), 'utf8').trim();\nexport const nested = { deep: [command({ name: 'a', versions: [...pins, data.v, text, profile], run: ['true'] })] };`,
  );
  writeFiles(root, {
    'tasks/lib/pins.ts': "export const pins: string[] = ['1'];",
    'tasks/data.json': '{ "v": "2" }',
    'tasks/more.txt': '3\n',
    'tasks/other.ts':
      "import { command } from 'image-tasks';\nexport default command({ name: 'b', run: ['true'] });",
    'sub/dir/': '',
  });
  const list = async (args: string[], env = {}): Promise<string[]> => {
    const { out, code, err } = await runCli(['list', '--json', ...args], { cwd: `${root}/sub/dir`, env });
    assert.is(code, 0, err);
    return out
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { id: string }).id);
  };
  assert.equal(await list([]), ['a:1', 'a:2', 'a:3', 'a:default', 'b:latest']);
  assert.equal((await list(['--profile', 'x']))[3], 'a:x');
  assert.equal((await list([], { TASKS_PROFILE: 'y' }))[3], 'a:y');
  // Files are read again in each run.
  writeFiles(root, { 'tasks/more.txt': '4\n', 'tasks/lib/pins.ts': "export const pins = ['0'];" });
  assert.equal((await list([])).slice(0, 3), ['a:0', 'a:2', 'a:4']);
});

test('needs between matrices match on shared axes', async () => {
  const root = makeProject(
    `${head}export const base = command({ name: 'base', versions: matrix({ distro: ['b', 't'] }, { version: (c) => c.distro }), run: (c) => ['echo', c.distro] });
export const server = command({ name: 'server', versions: matrix({ pg: ['15', '17'], distro: ['b', 't'] }, { version: (c) => \`\${c.pg}-\${c.distro}\`, exclude: (c) => c.pg === '15' && c.distro === 't' }), run: ['true'], needs: { base } });
export const one = command({ name: 'one', run: ['true'], needs: { servers: server.all({ pg: '17' }), b: base.at('b') } });`,
  );
  const { out } = await runCli(['graph', '--format', 'json'], { cwd: root });
  const { edges } = JSON.parse(out) as { edges: { from: string; to: string; kind: string }[] };
  assert.equal(edges.map(({ from, to }) => `${from} ${to}`).sort(), [
    'one:latest base:b',
    'one:latest server:17-b',
    'one:latest server:17-t',
    'server:15-b base:b',
    'server:17-b base:b',
    'server:17-t base:t',
  ]);
});

test('relative paths in definitions start at the project root, those in flags at the working directory', async () => {
  const root = makeProject(
    `${head}import { readFileSync } from 'node:fs';\nconst late = () => readFileSync('late', 'utf8').trim();\nexport const a = command({ name: readFileSync('name', 'utf8').trim(), run: () => ['echo', late()] });\n`,
    { name: 'found\n', late: 'x\n', 'sub/deep/file': '' },
  );
  const inside = path.join(root, 'sub/deep');
  for (const [cwd, ...args] of [[root], [inside], ['/', '-C', root], [inside, '-C', '..']]) {
    const { out, code, err } = await runCli([...args, 'list'], { cwd: cwd! });
    assert.is(code, 0, err);
    assert.match(out, 'found');
  }
  const { code, err } = await runCli(['graph', '--format', 'json', '--output', 'graph.json'], {
    cwd: inside,
  });
  assert.is(code, 0, err);
  assert.ok(existsSync(path.join(inside, 'graph.json')));
});

test.run();
