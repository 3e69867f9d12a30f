import {
  appendFileSync,
  chmodSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keysFromScratch, makeObservedProject, observeProject } from '../../support/observed-project.ts';
import { waitUntilSettled, writeFiles } from '../../support/temp.ts';

const test = suite('change detection');

test('without a change, no task is read and the keys stay the same', async () => {
  const root = makeObservedProject();
  const first = await observeProject(root);
  assert.equal(first.read, ['base', 'app', 'make', 'foreign']);
  const second = await observeProject(root);
  assert.equal(second.read, []);
  assert.equal(second.keys, first.keys);
  assert.equal(await keysFromScratch(root), first.keys);
});

/** Rewrites a file without changing its size and mtime. */
const rewriteInPlace = (file: string, text: string): void => {
  const { size, mtimeMs } = lstatSync(file);
  writeFileSync(file, text);
  utimesSync(file, 1e9, 1e9);
  assert.equal([lstatSync(file).size, lstatSync(file).mtimeMs], [size, mtimeMs]);
};

/** [what changes, the change, the tasks whose keys change] */
const changes: [string, (root: string) => void, string[]][] = [
  [
    'file content with the same size and mtime',
    (root) => rewriteInPlace(`${root}/base/a`, 'eno'),
    ['base', 'app'],
  ],
  [
    'a file replaced by another with the same size and mtime',
    (root) => {
      writeFileSync(`${root}/new`, 'eno');
      utimesSync(`${root}/new`, 1e9, 1e9);
      renameSync(`${root}/new`, `${root}/base/a`);
    },
    ['base', 'app'],
  ],
  ['a new file', (root) => writeFiles(root, { 'base/deep/er/new': '' }), ['base', 'app']],
  ['a removed file', (root) => rmSync(`${root}/base/deep/er/b`), ['base', 'app']],
  ['a renamed file', (root) => renameSync(`${root}/base/a`, `${root}/base/A`), ['base', 'app']],
  ['a new empty folder', (root) => mkdirSync(`${root}/base/deep/empty`), ['base', 'app']],
  ['a file made executable', (root) => chmodSync(`${root}/base/a`, 0o755), ['base', 'app']],
  [
    'the target of a symlink',
    (root) => {
      rmSync(`${root}/base/link`);
      symlinkSync('b', `${root}/base/link`);
    },
    ['base', 'app'],
  ],
  [
    'a folder replaced by another with the same names',
    (root) => {
      mkdirSync(`${root}/other/er`, { recursive: true });
      writeFileSync(`${root}/other/er/b`, 'owt');
      renameSync(`${root}/base/deep`, `${root}/gone`);
      renameSync(`${root}/other`, `${root}/base/deep`);
    },
    ['base', 'app'],
  ],
  [
    'the ignore file',
    (root) => writeFileSync(`${root}/base/.dockerignore`, 'a\nforeign*\n'),
    ['base', 'app'],
  ],
  ['a removed ignore file', (root) => rmSync(`${root}/base/.dockerignore`), ['base', 'app']],
  ['a new ignore file', (root) => writeFileSync(`${root}/app/.dockerignore`, 'x\n'), ['app', 'foreign']],
  [
    'a new ignore file of the Dockerfile',
    (root) => writeFileSync(`${root}/base/Dockerfile.dockerignore`, 'deep\n'),
    ['base', 'app'],
  ],
  [
    'the Dockerfile with the same size and mtime',
    (root) => rewriteInPlace(`${root}/app/Dockerfile`, 'ARG BASE\nFROM $BASE\nCOPY x .\n'),
    ['app'],
  ],
  [
    'an ignore file of a Dockerfile in the context of another task',
    (root) => writeFileSync(`${root}/base/foreign.dockerignore`, '*\n'),
    ['foreign'],
  ],
  ['a new input that a glob matches', (root) => writeFiles(root, { 'in/sub/three.c': '' }), ['make']],
  ['a new folder with a match of a glob', (root) => writeFiles(root, { 'in/more/three.c': '' }), ['make']],
  ['a new file in an input folder', (root) => writeFiles(root, { 'notes/m': '' }), ['make']],
  ['the program of a command', (root) => appendFileSync(`${root}/make.sh`, 'true\n'), ['make']],
];
for (const [what, change, changed] of changes) {
  test(`a change is detected: ${what}`, async () => {
    const root = makeObservedProject();
    const before = await observeProject(root);
    change(root);
    const after = await observeProject(root);
    const differing = Object.keys(before.keys).filter((name) => before.keys[name] !== after.keys[name]);
    assert.equal(differing, changed);
    for (const name of changed) assert.ok(after.read.includes(name));
    // The deps log now has the new state.
    assert.equal((await observeProject(root)).keys, after.keys);
    assert.equal(await keysFromScratch(root), after.keys);
  });
}

/** [what changes, the change, the tasks that are read again] */
const harmless: [string, (root: string) => void, string[]][] = [
  ['an ignored file', (root) => writeFileSync(`${root}/base/tmp/c`, 'four'), []],
  [
    'a file that the target does not use',
    (root) => writeFiles(root, { 'app/unseen': '' }),
    ['app', 'foreign'],
  ],
  ['the mtime of a file', (root) => utimesSync(`${root}/base/a`, 1, 1), ['base']],
  ['a file next to the inputs', (root) => writeFiles(root, { 'in/readme': '' }), ['make']],
];
for (const [what, change, read] of harmless) {
  test(`a change that does not affect keys: ${what}`, async () => {
    const root = makeObservedProject();
    const before = await observeProject(root);
    change(root);
    const after = await observeProject(root);
    assert.equal(after.keys, before.keys);
    assert.equal(after.read, read);
    waitUntilSettled(`${root}/base/a`);
    await observeProject(root);
    assert.equal((await observeProject(root)).read, []);
  });
}

test('a change of a passed environment variable or of the maxAge period is detected', async () => {
  const root = makeObservedProject();
  const before = await observeProject(root);
  const slow = await observeProject(root, { environment: { MODE: 'slow' } });
  assert.equal(slow.read, ['make']);
  assert.is.not(slow.keys.make, before.keys.make);
  assert.is.not((await observeProject(root, { environment: {} })).keys.make, before.keys.make);
  const later = await observeProject(root, { now: 8 * 86_400_000 });
  assert.ok(later.read.includes('app'));
  assert.is.not(later.keys.app, before.keys.app);
});

test('a change of the lock file or of the program version makes all tasks be read again', async () => {
  const root = makeObservedProject();
  const before = await observeProject(root);
  const digest = `sha256:${'1'.repeat(64)}`;
  const entry = {
    image: 'debian:12',
    platform: 'linux/amd64',
    digest,
    onbuild: false,
    profiles: ['default'],
  };
  const locked = await observeProject(root, { lock: [entry] });
  assert.is.not(locked.keys.base, before.keys.base);
  assert.is.not(locked.keys.app, before.keys.app);
  assert.equal((await observeProject(root, { lock: [entry] })).read, []);
  const moved = await observeProject(root, { lock: [{ ...entry, digest: digest.replaceAll('1', '2') }] });
  assert.is.not(moved.keys.base, locked.keys.base);
  assert.equal((await observeProject(root, { programId: 'other' })).read.length, 4);
});

test('another version of the program reads every task again, and gives it the same key', async () => {
  const root = makeObservedProject();
  const before = await observeProject(root, { programId: '0.1.0-a' });
  const after = await observeProject(root, { programId: '0.2.0-b' });
  assert.is(after.read.length, 4);
  assert.equal(after.keys, before.keys);
  assert.equal(await keysFromScratch(root, { programId: '0.3.0-c' }), before.keys);
});

test('ONBUILD in the Dockerfile of a need is noted on its dependents, also in later runs', async () => {
  const root = makeObservedProject();
  const before = await observeProject(root);
  assert.equal(before.notes?.kind === 'image' && before.notes.vague, []);
  appendFileSync(`${root}/base/Dockerfile`, 'ONBUILD COPY . /\n');
  const after = await observeProject(root);
  assert.equal(after.read, ['base', 'app']);
  waitUntilSettled(`${root}/base/Dockerfile`);
  await observeProject(root);
  const later = await observeProject(root);
  assert.equal(later.read, []);
  assert.equal(later.notes?.kind === 'before' && later.notes.vague, [
    'base:latest has ONBUILD instructions, which run in this build',
  ]);
});

test.run();
