import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as fc from 'fast-check';
import picomatch from 'picomatch';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { command } from '../../../src/define/index.ts';
import { plainDisk } from '../../../src/disk/disk.ts';
import { openMemo } from '../../../src/incremental/memo.ts';
import { computeKeys } from '../../../src/key/compute-keys.ts';
import { DefinitionError } from '../../../src/model/errors.ts';
import type { Key } from '../../../src/model/record.ts';
import { type Glob, parsePattern } from '../../../src/observe/input-pattern.ts';
import { findInputs } from '../../../src/observe/inputs.ts';
import { openObserver } from '../../../src/observe/observer.ts';
import { graphOf } from '../../support/graphs.ts';
import { tempFolder, waitUntilSettled, writeFiles } from '../../support/temp.ts';

const test = suite('inputs of commands');

type Files = Parameters<typeof writeFiles>[1];
const options = { root: '', environment: {}, programId: 'test', lock: new Map(), now: new Date(0) };
const warn = (message: string): void => assert.unreachable(message);

/** What a task with these inputs reads, and its key. */
async function look(root: string, inputs: readonly string[], run: [string, ...string[]] = ['true']) {
  const graph = graphOf({ task: command({ name: 'task', run, inputs: [...inputs] }) });
  const memo = openMemo(path.join(root, '.cache/memo'), warn);
  const observer = openObserver({ ...options, root, traces: path.join(root, '.cache/traces'), memo, warn });
  const { keyed, observations } = await computeKeys(graph, new Set(graph.tasks.keys()), observer);
  const observed = observations.get('task:latest')!;
  return { key: keyed.get('task:latest')?.key as Key, observed };
}

/** The paths that count. */
async function pathsOf(root: string, ...inputs: string[]): Promise<string[]> {
  const { observed } = await look(root, inputs);
  assert.is(observed.kind, 'command');
  return observed.kind === 'command' ? observed.inputs.map((entry) => entry.path) : [];
}

async function faultOf(root: string, inputs: readonly string[], run?: [string, ...string[]]) {
  try {
    await look(root, inputs, run);
  } catch (error) {
    assert.instance(error, DefinitionError);
    return (error as DefinitionError).message;
  }
  return undefined;
}

function project(files: Files): string {
  const root = path.join(tempFolder(), 'project');
  mkdirSync(root);
  writeFiles(root, files);
  const names = Object.keys(files).map((name) => path.join(root, name.replace(/\*$/, '')));
  for (const name of [root, ...names.slice(-2)]) waitUntilSettled(name);
  return root;
}

const linked: Files = {
  '../outside/data': 'one',
  '../outside/dir/f': 'one',
  '../outside/tool*': '#!/bin/sh\n',
  'common/data': 'one',
  'common/dir/f': 'one',
  'common/dir/deep/g': 'one',
  'common/again': { link: 'data' },
  'src/data': { link: '../common/data' },
  'src/dir': { link: '../common/dir' },
  'src/twice': { link: '../common/again' },
  'src/out': { link: '../../outside/data' },
  'src/outdir': { link: '../../outside/dir' },
  'above/src': { link: '../src' },
  'bin/tool': { link: '../common/tool' },
  'bin/out': { link: '../../outside/tool' },
  'common/tool*': '#!/bin/sh\n',
};

const behind: [string, string[], string][] = [
  ['a linked file by name', ['src/data'], 'common/data'],
  ['a linked file by glob', ['src/d*'], 'common/data'],
  ['a linked file below a folder', ['src'], 'common/data'],
  ['a linked folder by name', ['src/dir'], 'common/dir/f'],
  ['a linked folder by glob', ['src/d*'], 'common/dir/deep/g'],
  ['a linked folder below a folder', ['src/'], 'common/dir/deep/g'],
  ['a linked folder on the way of a glob', ['src/*/deep/*'], 'common/dir/deep/g'],
  ['a linked folder as the base of a glob', ['src/dir/**/g'], 'common/dir/deep/g'],
  ['a link to a link', ['src/twice'], 'common/data'],
  ['a link on the way of a name', ['src/dir/f'], 'common/dir/f'],
  ['links on the way twice', ['above/src/dir/*'], 'common/dir/f'],
  ['a linked file outside of the project', ['src/out'], '../outside/data'],
  ['a linked folder outside of the project', ['src/**'], '../outside/dir/f'],
];
for (const [what, inputs, file] of behind) {
  test(`${what}: a change behind it is one; without a change nothing is read`, async () => {
    const root = project(linked);
    const before = await look(root, inputs);
    assert.is((await look(root, inputs)).observed.kind, 'before');
    writeFileSync(path.join(root, file), 'two');
    const after = await look(root, inputs);
    assert.is.not(after.key, before.key);
    rmSync(path.join(root, '.cache'), { recursive: true });
    assert.is((await look(root, inputs)).key, after.key);
  });
}

for (const [program, file] of [
  ['bin/tool', 'common/tool'],
  ['bin/out', '../outside/tool'],
] as const) {
  test(`a program that is a link, ${program}: a change behind it is one`, async () => {
    const root = project(linked);
    const before = await look(root, [], [program]);
    assert.is((await look(root, [], [program])).observed.kind, 'before');
    writeFileSync(path.join(root, file), '#!/bin/sh\ntrue\n');
    assert.is.not((await look(root, [], [program])).key, before.key);
  });
}

/** A link in another's place. */
function relink(root: string, name: string, target: string): void {
  rmSync(path.join(root, name));
  symlinkSync(target, path.join(root, name));
}

test('a link counts with its text, too', async () => {
  const root = project({ a: 'same', b: 'same', l: { link: 'a' } });
  const before = await look(root, ['l']);
  relink(root, 'l', 'b');
  assert.is.not((await look(root, ['l'])).key, before.key);
});

const switches: [string, Files, string[], (root: string) => void][] = [
  [
    'a link in the middle of a chain',
    { a: '1', b: '2', mid: { link: 'a' }, l: { link: 'mid' } },
    ['l'],
    (root) => relink(root, 'mid', 'b'),
  ],
  [
    'a linked folder on the way',
    { 'v1/x': '1', 'v2/x': '2', now: { link: 'v1' } },
    ['now/x'],
    (root) => relink(root, 'now', 'v2'),
  ],
  [
    'a folder on the way, so that a link in it leads elsewhere',
    // The link itself is the same file before and after.
    { 'v1/data': '1', 'v1/src/l': { link: '../data' }, 'v2/data': '2', now: { link: 'v1/src' } },
    ['now/l'],
    (root) => {
      renameSync(path.join(root, 'v1/src'), path.join(root, 'v2/src'));
      relink(root, 'now', 'v2/src');
    },
  ],
  [
    'a file that appears behind a linked folder',
    { 'real/a': '', l: { link: 'real' } },
    ['l/*'],
    (root) => writeFiles(root, { 'real/b': '' }),
  ],
  [
    'a file of a name that was not there, behind a linked folder',
    { 'real/a': '', l: { link: 'real' } },
    ['l/[b]', 'real'],
    (root) => writeFiles(root, { 'real/[b]': '' }),
  ],
];
for (const [what, files, inputs, change] of switches) {
  test(`${what}: seen`, async () => {
    const root = project(files);
    const before = (await faultOf(root, inputs)) ?? (await look(root, inputs)).key;
    change(root);
    const after = (await faultOf(root, inputs)) ?? (await look(root, inputs)).key;
    assert.is.not(after, before);
    rmSync(path.join(root, '.cache'), { recursive: true });
    assert.is((await look(root, inputs)).key, after);
  });
}

const nowhere: [string, Files, string[], RegExp][] = [
  ['a link that leads nowhere', { l: { link: 'gone' } }, ['l'], /leads nowhere[\s\S]*l -> gone/],
  ['one below a folder', { 'd/l': { link: 'gone' } }, ['d'], /leads nowhere[\s\S]*d\/l -> gone/],
  ['one that a glob matches', { 'd/l.c': { link: 'gone' } }, ['d/**/*.c'], /leads nowhere/],
  ['a link to itself', { l: { link: 'l' } }, ['l'], /in a circle[\s\S]*l -> l/],
  ['links to one another', { a: { link: 'b' }, b: { link: 'a' } }, ['a*'], /in a circle/],
  ['a circle on the way', { a: { link: 'a' } }, ['a/x'], /in a circle/],
  ['a folder linked into itself', { 'd/l': { link: '.' } }, ['d'], /leads back[\s\S]*d\/l -> \./],
  ['a folder linked into a folder below it', { 'd/e/l': { link: '../..' } }, ['d/**/*.c'], /leads back/],
  [
    'two folders linked into one another',
    { 'a/l': { link: '../b' }, 'b/l': { link: '../a' } },
    ['a'],
    /leads back[\s\S]*a\/l\/l -> \.\.\/a/,
  ],
  ['a name of nothing', {}, ['gone'], /there is no such file[\s\S]*gone/],
  ['a glob that matches nothing', { 'src/a.c': '' }, ['src/*.h'], /nothing matches[\s\S]*src\/\*\.h/],
  ['a glob in a folder that is not there', {}, ['scr/**'], /nothing matches/],
  ['what is left out', { 'src/a.c': '' }, ['src/**', '!src/a.c'], /!src\/a\.c[\s\S]*cannot be excluded/],
  ['all but something', { 'src/a.c': '' }, ['!src/*.h'], /!src\/\*\.h/],
  ['an absolute path', {}, ['/etc/hosts'], /not below the project root/],
];
for (const [what, files, inputs, message] of nowhere) {
  test(`${what}: a fault of the definition`, async () => {
    const root = project(files);
    const fault = await faultOf(root, inputs);
    assert.match(fault ?? 'no fault', message);
  });
}

test('a program whose links lead in a circle, or nowhere', async () => {
  const root = project({ loop: { link: 'loop' }, lost: { link: 'gone' } });
  assert.match((await faultOf(root, [], ['./loop'])) ?? '', /its links lead in a circle/);
  assert.match((await faultOf(root, [], ['./lost'])) ?? '', /there is no such program/);
});

test('links that a glob does not match are no inputs, whatever they lead to', async () => {
  const root = project({
    'd/a.c': '',
    'd/l': { link: 'gone' },
    'd/m': { link: 'm' },
    '#lock': { link: 'me@here' },
  });
  assert.equal(await pathsOf(root, 'd/**/*.c'), ['d/a.c']);
});

test('links to links to links: too many paths are an error, not an hour', () => {
  const files: Record<string, string | { link: string }> = { 'l0/x': '' };
  for (let level = 1; level <= 12; level++)
    for (const name of ['a', 'b']) files[`l${level}/${name}`] = { link: `../l${level - 1}` };
  const root = project(files);
  assert.throws(
    () => findInputs(root, ['l12'], plainDisk, 1000),
    /more than 1000 paths stand behind links; name fewer inputs/,
  );
  assert.is(findInputs(root, ['l5'], plainDisk, 1000).inputs.length, 95);
});

const globs: [string[], string[]][] = [
  [['app/[id]/page.ts'], ['app/[id]/page.ts']],
  [['app/[id]/*.ts'], ['app/[id]/page.ts']],
  [['app/\\[id\\]/page.ts'], ['app/[id]/page.ts']],
  [['app/(group)/*.ts'], ['app/(group)/page.ts']],
  [['app/(group)/**'], ['app/(group)', 'app/(group)/page.ts']],
  [['app/{x}/*.ts'], ['app/{x}/page.ts']],
  [['c++/*.cc'], ['c++/a.cc']],
  [['!x.ts'], ['!x.ts']],
  [['app/{\\(group\\),[[]id]}/page.ts'], ['app/(group)/page.ts', 'app/[id]/page.ts']],
  [['{c++,app/\\(group\\)}/*.{cc,ts}'], ['app/(group)/page.ts', 'c++/a.cc']],
  [['./src/*.c'], ['src/a.c']],
  [['src/**/*.c'], ['src/a.c', 'src/x/b.c']],
  [['src/**/x/*'], ['src/x/b.c', 'src/x/deep', 'src/x/deep/c.h']],
  [['**/*.h'], ['src/x/deep/c.h']],
  [['src/x*'], ['src/x', 'src/x/b.c', 'src/x/deep', 'src/x/deep/c.h']],
  [['src/**/deep'], ['src/x/deep', 'src/x/deep/c.h']],
  [['.e*'], ['.env']],
  [['*'], ['!x.ts', '.env', 'app', 'c++', 'src']],
];
for (const [inputs, expected] of globs) {
  test(`${inputs.join(' ')}: ${expected.join(' ')}`, async () => {
    const root = project({
      'app/[id]/page.ts': '',
      'app/(group)/page.ts': '',
      'app/{x}/page.ts': '',
      'c++/a.cc': '',
      '!x.ts': '',
      '.env': '',
      'src/a.c': '',
      'src/x/b.c': '',
      'src/x/deep/c.h': '',
    });
    const found = await pathsOf(root, ...inputs);
    assert.equal(inputs[0] === '*' ? found.filter((name) => !name.includes('/')) : found, expected);
  });
}

test('the whole project, but not its state', async () => {
  const root = project({ a: '', 'b/c': '' });
  const first = await look(root, ['.']);
  assert.equal(await pathsOf(root, '.').catch(String), ['.', 'a', 'b', 'b/c']);
  writeFiles(root, { '.cache/more': '' });
  assert.is((await look(root, ['.'])).key, first.key);
});

test('only folders that can hold a match are entered', async () => {
  const root = project({ 'src/a.c': '', 'node_modules/x/a.c': '', 'node_modules/self': { link: '..' } });
  assert.equal(await pathsOf(root, '*/a.c'), ['src/a.c']);
  const { start } = parsePattern('src/*/x').globs[0]!;
  assert.equal([start.next('a').canDescend, start.next('a').next('y').canDescend], [true, false]);
});

/** Whether a walk takes a path. */
function takes(pattern: string, file: string): boolean {
  const { literals, globs } = parsePattern(pattern);
  const below = ({ base, start }: Glob): boolean => {
    if (base !== '' && !file.startsWith(`${base}/`)) return false;
    const names = file.slice(base === '' ? 0 : base.length + 1).split('/');
    return names.reduce((at, each) => at.next(each), start).isMatch;
  };
  return literals.includes(file) || globs.some(below);
}

test('matching name by name agrees with picomatch on whole paths', () => {
  const name = fc.stringMatching(/^[abc]{1,3}$/);
  const part = fc.oneof(
    name,
    fc.constantFrom('*', '**', 'a*', '*b', '?', '[ab]', '*c*a', '{a,b*}', '{a/b,c/*}', '@(a|b)'),
  );
  fc.assert(
    fc.property(
      fc.array(part, { minLength: 1, maxLength: 4 }),
      fc.array(name, { minLength: 1, maxLength: 4 }),
      (parts, names) => {
        const [pattern, file] = [parts.join('/'), names.join('/')];
        // Whether `a/**` is `a`, too, hangs there on what stands before it.
        if (parts.at(-1) === '**') return;
        const whole = picomatch(pattern, { dot: true })(file);
        if (whole) assert.ok(takes(pattern, file), `${pattern} does not take ${file}`);
        // In braces `**` is not what it is elsewhere.
        if (!parts.some((each) => each.includes('/')))
          assert.is(takes(pattern, file), whole, `${pattern} ${file}`);
      },
    ),
    { numRuns: 2000 },
  );
});

test('groups in braces that reach over several names are several patterns', () => {
  const taken = (pattern: string, files: string[]): string[] => files.filter((file) => takes(pattern, file));
  const files = ['src/a', 'src/x/a', 'lib/a', 'lib/y/a', 'other/a'];
  assert.equal(taken('{src/**/*,lib/a}', files), ['src/a', 'src/x/a', 'lib/a']);
  assert.equal(taken('{src/{x,z},lib}/a', files), ['src/x/a', 'lib/a']);
  assert.equal(taken('@(src/x|lib)/a', files), ['src/x/a', 'lib/a']);
  assert.equal(taken('{src/a}', ['{src/a}', 'src/b']), ['{src/a}']);
});

test('times of whole seconds: read again for two seconds, since the file system may be that coarse', async () => {
  const root = project({ a: 'one' });
  // In the future of the clock by less than its coarsest tick would be.
  const now = Math.floor(Date.now() / 1000) * 1000;
  utimesSync(path.join(root, 'a'), now / 1000, now / 1000);
  const first = await look(root, ['a']);
  const isNew = Date.now() - now < 1900;
  const second = await look(root, ['a']);
  if (isNew) assert.is(second.observed.kind, 'command');
  assert.is(second.key, first.key);
});

test.run();
