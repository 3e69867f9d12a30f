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

const test = suite('command inputs');

type Files = Parameters<typeof writeFiles>[1];
const options = { root: '', environment: {}, programId: 'test', lock: new Map(), now: new Date(0) };
const warn = (message: string): void => assert.unreachable(message);

/** Observes a task with these inputs as one run does. Returns its observation and its key. */
async function observe(root: string, inputs: readonly string[], run: [string, ...string[]] = ['true']) {
  const graph = graphOf({ task: command({ name: 'task', run, inputs: [...inputs] }) });
  const memo = openMemo(path.join(root, '.cache/memo'), warn);
  const observer = openObserver({
    ...options,
    root,
    depsLogFile: path.join(root, '.cache/traces'),
    memo,
    warn,
  });
  const { keyed, observations } = await computeKeys(graph, new Set(graph.tasks.keys()), observer);
  const observed = observations.get('task:latest')!;
  return { key: keyed.get('task:latest')?.key as Key, observed };
}

/** Returns the paths of a task's inputs. */
async function inputPaths(root: string, ...inputs: string[]): Promise<string[]> {
  const { observed } = await observe(root, inputs);
  assert.is(observed.kind, 'command');
  return observed.kind === 'command' ? observed.inputs.map((entry) => entry.path) : [];
}

/** Returns the message of the definition error for these inputs; undefined if there is none. */
async function problemOf(root: string, inputs: readonly string[], run?: [string, ...string[]]) {
  try {
    await observe(root, inputs, run);
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

/** [how the inputs reach a linked file, inputs, the file] */
const linkedInputs: [string, string[], string][] = [
  ['a symlinked file by name', ['src/data'], 'common/data'],
  ['a symlinked file by glob', ['src/d*'], 'common/data'],
  ['a symlinked file in a folder', ['src'], 'common/data'],
  ['a symlinked folder by name', ['src/dir'], 'common/dir/f'],
  ['a symlinked folder by glob', ['src/d*'], 'common/dir/deep/g'],
  ['a symlinked folder in a folder', ['src/'], 'common/dir/deep/g'],
  ['a symlinked folder matched by a glob segment', ['src/*/deep/*'], 'common/dir/deep/g'],
  ['a symlinked folder as the base of a glob', ['src/dir/**/g'], 'common/dir/deep/g'],
  ['a symlink to a symlink', ['src/twice'], 'common/data'],
  ['a symlink in the path of a name', ['src/dir/f'], 'common/dir/f'],
  ['two symlinks in the path of a glob', ['above/src/dir/*'], 'common/dir/f'],
  ['a symlinked file outside the project', ['src/out'], '../outside/data'],
  ['a symlinked folder outside the project', ['src/**'], '../outside/dir/f'],
];
for (const [what, inputs, file] of linkedInputs) {
  test(`${what}: changes to its target are detected, and nothing is read without a change`, async () => {
    const root = project(linked);
    const before = await observe(root, inputs);
    assert.is((await observe(root, inputs)).observed.kind, 'before');
    writeFileSync(path.join(root, file), 'two');
    const after = await observe(root, inputs);
    assert.is.not(after.key, before.key);
    rmSync(path.join(root, '.cache'), { recursive: true });
    assert.is((await observe(root, inputs)).key, after.key);
  });
}

for (const [program, file] of [
  ['bin/tool', 'common/tool'],
  ['bin/out', '../outside/tool'],
] as const) {
  test(`a change to the target of a symlinked program, ${program}, is detected`, async () => {
    const root = project(linked);
    const before = await observe(root, [], [program]);
    assert.is((await observe(root, [], [program])).observed.kind, 'before');
    writeFileSync(path.join(root, file), '#!/bin/sh\ntrue\n');
    assert.is.not((await observe(root, [], [program])).key, before.key);
  });
}

/** Replaces a symlink. */
function relink(root: string, name: string, target: string): void {
  rmSync(path.join(root, name));
  symlinkSync(target, path.join(root, name));
}

test('the target path of a symlink is part of the key, even if the content is the same', async () => {
  const root = project({ a: 'same', b: 'same', l: { link: 'a' } });
  const before = await observe(root, ['l']);
  relink(root, 'l', 'b');
  assert.is.not((await observe(root, ['l'])).key, before.key);
});

/** [what changes, files, inputs, the change] */
const linkChanges: [string, Files, string[], (root: string) => void][] = [
  [
    'a symlink in the middle of a chain',
    { a: '1', b: '2', mid: { link: 'a' }, l: { link: 'mid' } },
    ['l'],
    (root) => relink(root, 'mid', 'b'),
  ],
  [
    'a symlinked folder in the path',
    { 'v1/x': '1', 'v2/x': '2', now: { link: 'v1' } },
    ['now/x'],
    (root) => relink(root, 'now', 'v2'),
  ],
  [
    'a folder in the path, so that a relative symlink in it leads elsewhere',
    // The symlink itself is the same file before and after.
    { 'v1/data': '1', 'v1/src/l': { link: '../data' }, 'v2/data': '2', now: { link: 'v1/src' } },
    ['now/l'],
    (root) => {
      renameSync(path.join(root, 'v1/src'), path.join(root, 'v2/src'));
      relink(root, 'now', 'v2/src');
    },
  ],
  [
    'a new file in a symlinked folder',
    { 'real/a': '', l: { link: 'real' } },
    ['l/*'],
    (root) => writeFiles(root, { 'real/b': '' }),
  ],
  [
    'a new file in a symlinked folder whose name is the pattern',
    { 'real/a': '', l: { link: 'real' } },
    ['l/[b]', 'real'],
    (root) => writeFiles(root, { 'real/[b]': '' }),
  ],
];
for (const [what, files, inputs, change] of linkChanges) {
  test(`a change is detected: ${what}`, async () => {
    const root = project(files);
    const before = (await problemOf(root, inputs)) ?? (await observe(root, inputs)).key;
    change(root);
    const after = (await problemOf(root, inputs)) ?? (await observe(root, inputs)).key;
    assert.is.not(after, before);
    rmSync(path.join(root, '.cache'), { recursive: true });
    assert.is((await observe(root, inputs)).key, after);
  });
}

/** [what is wrong, files, inputs, message] */
const invalidInputs: [string, Files, string[], RegExp][] = [
  ['a broken symlink', { l: { link: 'gone' } }, ['l'], /broken symlink[\s\S]*l -> gone/],
  ['a broken symlink in a folder', { 'd/l': { link: 'gone' } }, ['d'], /broken symlink[\s\S]*d\/l -> gone/],
  ['a broken symlink that a glob matches', { 'd/l.c': { link: 'gone' } }, ['d/**/*.c'], /broken symlink/],
  ['a symlink to itself', { l: { link: 'l' } }, ['l'], /symlink loop[\s\S]*l -> l/],
  ['two symlinks to each other', { a: { link: 'b' }, b: { link: 'a' } }, ['a*'], /symlink loop/],
  ['a symlink loop in the path', { a: { link: 'a' } }, ['a/x'], /symlink loop/],
  [
    'a symlink to its own folder',
    { 'd/l': { link: '.' } },
    ['d'],
    /symlink to a folder that contains it[\s\S]*d\/l -> \./,
  ],
  [
    'a symlink to a parent folder',
    { 'd/e/l': { link: '../..' } },
    ['d/**/*.c'],
    /symlink to a folder that contains it/,
  ],
  [
    'two folders with symlinks to each other',
    { 'a/l': { link: '../b' }, 'b/l': { link: '../a' } },
    ['a'],
    /symlink to a folder that contains it[\s\S]*a\/l\/l -> \.\.\/a/,
  ],
  ['a missing file', {}, ['gone'], /file not found[\s\S]*gone/],
  ['a glob without a match', { 'src/a.c': '' }, ['src/*.h'], /no files match[\s\S]*src\/\*\.h/],
  ['a glob in a missing folder', {}, ['scr/**'], /no files match/],
  ['an excluded file', { 'src/a.c': '' }, ['src/**', '!src/a.c'], /!src\/a\.c[\s\S]*cannot be excluded/],
  ['an excluding glob', { 'src/a.c': '' }, ['!src/*.h'], /!src\/\*\.h/],
  ['an absolute path', {}, ['/etc/hosts'], /not below the project root/],
];
for (const [what, files, inputs, message] of invalidInputs) {
  test(`${what} is a definition error`, async () => {
    const root = project(files);
    const problem = await problemOf(root, inputs);
    assert.match(problem ?? 'no problem', message);
  });
}

test('symlinks that a glob does not match are not inputs, even broken ones', async () => {
  const root = project({
    'd/a.c': '',
    'd/l': { link: 'gone' },
    'd/m': { link: 'm' },
    '#lock': { link: 'me@here' },
  });
  assert.equal(await inputPaths(root, 'd/**/*.c'), ['d/a.c']);
});

test('nested symlinks to too many paths are an error', () => {
  const files: Record<string, string | { link: string }> = { 'l0/x': '' };
  for (let level = 1; level <= 12; level++)
    for (const name of ['a', 'b']) files[`l${level}/${name}`] = { link: `../l${level - 1}` };
  const root = project(files);
  assert.throws(
    () => findInputs(root, ['l12'], plainDisk, 1000),
    /symlinks lead to more than 1000 paths; name fewer inputs/,
  );
  assert.is(findInputs(root, ['l5'], plainDisk, 1000).inputs.length, 95);
});

/** [inputs, the paths that they match] */
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
  test(`${inputs.join(' ')} matches ${expected.join(' ')}`, async () => {
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
    const found = await inputPaths(root, ...inputs);
    assert.equal(inputs[0] === '*' ? found.filter((name) => !name.includes('/')) : found, expected);
  });
}

test('the whole project as an input does not include .cache', async () => {
  const root = project({ a: '', 'b/c': '' });
  const first = await observe(root, ['.']);
  assert.equal(await inputPaths(root, '.').catch(String), ['.', 'a', 'b', 'b/c']);
  writeFiles(root, { '.cache/more': '' });
  assert.is((await observe(root, ['.'])).key, first.key);
});

test('only folders that can contain a match are read', async () => {
  const root = project({ 'src/a.c': '', 'node_modules/x/a.c': '', 'node_modules/self': { link: '..' } });
  assert.equal(await inputPaths(root, '*/a.c'), ['src/a.c']);
  const { start } = parsePattern('src/*/x').globs[0]!;
  assert.equal([start.next('a').canDescend, start.next('a').next('y').canDescend], [true, false]);
});

/** Returns whether a walk would find this path. */
function matches(pattern: string, file: string): boolean {
  const { literals, globs } = parsePattern(pattern);
  const below = ({ base, start }: Glob): boolean => {
    if (base !== '' && !file.startsWith(`${base}/`)) return false;
    const names = file.slice(base === '' ? 0 : base.length + 1).split('/');
    return names.reduce((state, name) => state.next(name), start).isMatch;
  };
  return literals.includes(file) || globs.some(below);
}

test('matching name by name gives the same result as picomatch on whole paths', () => {
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
        // In picomatch, whether `a/**` matches `a` depends on what precedes it.
        if (parts.at(-1) === '**') return;
        const whole = picomatch(pattern, { dot: true })(file);
        if (whole) assert.ok(matches(pattern, file), `${pattern} does not match ${file}`);
        // picomatch treats `**` differently in braces.
        if (!parts.some((text) => text.includes('/')))
          assert.is(matches(pattern, file), whole, `${pattern} ${file}`);
      },
    ),
    { numRuns: 2000 },
  );
});

test('brace groups with slashes are split into several patterns', () => {
  const matching = (pattern: string, files: string[]): string[] =>
    files.filter((file) => matches(pattern, file));
  const files = ['src/a', 'src/x/a', 'lib/a', 'lib/y/a', 'other/a'];
  assert.equal(matching('{src/**/*,lib/a}', files), ['src/a', 'src/x/a', 'lib/a']);
  assert.equal(matching('{src/{x,z},lib}/a', files), ['src/x/a', 'lib/a']);
  assert.equal(matching('@(src/x|lib)/a', files), ['src/x/a', 'lib/a']);
  assert.equal(matching('{src/a}', ['{src/a}', 'src/b']), ['{src/a}']);
});

test('a file with an mtime of whole seconds is read again for two seconds: the file system may be that coarse', async () => {
  const root = project({ a: 'one' });
  // Newer than the clock minus the coarsest tick.
  const now = Math.floor(Date.now() / 1000) * 1000;
  utimesSync(path.join(root, 'a'), now / 1000, now / 1000);
  const first = await observe(root, ['a']);
  const isNew = Date.now() - now < 1900;
  const second = await observe(root, ['a']);
  if (isNew) assert.is(second.observed.kind, 'command');
  assert.is(second.key, first.key);
});

test.run();
