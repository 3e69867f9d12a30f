import {
  appendFileSync,
  chmodSync,
  lstatSync,
  mkdirSync,
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
import { command, image } from '../../../src/define/index.ts';
import { openFileSystemClock } from '../../../src/disk/stamp.ts';
import { openMemo } from '../../../src/incremental/memo.ts';
import { emptyReadSet, recordingDisk } from '../../../src/incremental/recorder.ts';
import { computeKeys } from '../../../src/key/compute-keys.ts';
import type { LockEntry } from '../../../src/model/lock.ts';
import { openObserver } from '../../../src/observe/observer.ts';
import { graphOf } from '../../support/graphs.ts';
import { tempFolder, waitUntilSettled, writeFiles } from '../../support/temp.ts';

const test = suite('traces: what need not be read again');

const base = image({ name: 'base', context: 'base' });
const app = image({ name: 'app', context: 'app', needs: { BASE: base }, maxAge: '7d' });
const make = command({ name: 'make', run: ['./make.sh'], inputs: ['in/**/*.c', 'notes'], env: ['MODE'] });
const foreign = image({ name: 'foreign', context: 'app', dockerfile: 'base/foreign' });
const graph = graphOf({ base, app, make, foreign });

function project(): string {
  const root = tempFolder();
  writeFiles(root, {
    'base/Dockerfile': 'FROM debian:12\nCOPY . /\n',
    'base/a': 'one',
    'base/foreign': 'FROM scratch\nCOPY x /\n',
    'base/deep/er/b': 'two',
    'base/tmp/c': 'three',
    'base/link': { link: 'a' },
    'base/.dockerignore': 'tmp\nforeign*\n',
    'app/Dockerfile': 'ARG BASE\nFROM $BASE\nCOPY x /\n',
    'app/x': 'x',
    'make.sh*': '#!/bin/sh\n',
    'in/one.c': '1',
    'in/sub/two.c': '2',
    'notes/n': 'n',
  });
  // Whole seconds, so that they can be put back.
  for (const name of ['base/a', 'app/Dockerfile']) utimesSync(path.join(root, name), 1e9, 1e9);
  waitUntilSettled(path.join(root, 'app/Dockerfile'));
  return root;
}

interface Options {
  readonly now?: number;
  readonly environment?: Record<string, string>;
  readonly lock?: readonly LockEntry[];
  readonly programId?: string;
  readonly ids?: readonly string[];
}

/** The key of each task, and which of them were read. */
async function look(root: string, options: Options = {}) {
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  const observer = openObserver({
    root,
    traces: path.join(root, '.cache/traces'),
    memo: openMemo(path.join(root, '.cache/memo'), warn),
    environment: options.environment ?? { MODE: 'fast' },
    now: new Date(options.now ?? 0),
    programId: options.programId ?? 'test',
    lock: new Map((options.lock ?? []).map((entry) => [`${entry.image} ${entry.platform}`, entry])),
    warn,
  });
  const { keyed, observations } = await computeKeys(
    graph,
    new Set(options.ids ?? graph.tasks.keys()),
    observer,
  );
  return {
    keys: Object.fromEntries([...keyed].map(([id, { key }]) => [id.replace(':latest', ''), key])),
    read: [...observations]
      .filter(([, { kind }]) => kind !== 'before')
      .map(([id]) => id.replace(':latest', '')),
    notes: observations.get('app:latest'),
    warnings,
  };
}

/** The key of each task when nothing at all is remembered. */
async function lookAnew(root: string, options: Options = {}) {
  rmSync(path.join(root, '.cache'), { recursive: true, force: true });
  return (await look(root, options)).keys;
}

test('nothing moved: nothing is read, and the keys are the same', async () => {
  const root = project();
  const first = await look(root);
  assert.equal(first.read, ['base', 'app', 'make', 'foreign']);
  const second = await look(root);
  assert.equal(second.read, []);
  assert.equal(second.keys, first.keys);
  assert.equal(await lookAnew(root), first.keys);
});

const sameTimes = (file: string, text: string): void => {
  const { size, mtimeMs } = lstatSync(file);
  writeFileSync(file, text);
  utimesSync(file, 1e9, 1e9);
  assert.equal([lstatSync(file).size, lstatSync(file).mtimeMs], [size, mtimeMs]);
};

/** [what moved, how, which tasks' keys are others] */
const moves: [string, (root: string) => void, string[]][] = [
  ['content of the same size, mtime put back', (root) => sameTimes(`${root}/base/a`, 'eno'), ['base', 'app']],
  [
    'another file of the same size and mtime in its place',
    (root) => {
      writeFileSync(`${root}/new`, 'eno');
      utimesSync(`${root}/new`, 1e9, 1e9);
      renameSync(`${root}/new`, `${root}/base/a`);
    },
    ['base', 'app'],
  ],
  ['a file more', (root) => writeFiles(root, { 'base/deep/er/new': '' }), ['base', 'app']],
  ['a file less', (root) => rmSync(`${root}/base/deep/er/b`), ['base', 'app']],
  ['a file of another name', (root) => renameSync(`${root}/base/a`, `${root}/base/A`), ['base', 'app']],
  ['an empty folder more', (root) => mkdirSync(`${root}/base/deep/empty`), ['base', 'app']],
  ['a file that may be executed now', (root) => chmodSync(`${root}/base/a`, 0o755), ['base', 'app']],
  [
    'a link that leads elsewhere',
    (root) => {
      rmSync(`${root}/base/link`);
      symlinkSync('b', `${root}/base/link`);
    },
    ['base', 'app'],
  ],
  [
    'a folder of the same names in its place',
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
  ['the ignore file gone', (root) => rmSync(`${root}/base/.dockerignore`), ['base', 'app']],
  [
    'an ignore file where there was none',
    (root) => writeFileSync(`${root}/app/.dockerignore`, 'x\n'),
    ['app', 'foreign'],
  ],
  [
    'an ignore file of the Dockerfile where there was none',
    (root) => writeFileSync(`${root}/base/Dockerfile.dockerignore`, 'deep\n'),
    ['base', 'app'],
  ],
  [
    'the Dockerfile, same size, mtime put back',
    (root) => sameTimes(`${root}/app/Dockerfile`, 'ARG BASE\nFROM $BASE\nCOPY x .\n'),
    ['app'],
  ],
  [
    'an ignore file of a Dockerfile that stands in the context of another task',
    (root) => writeFileSync(`${root}/base/foreign.dockerignore`, '*\n'),
    ['foreign'],
  ],
  ['an input that a glob matches', (root) => writeFiles(root, { 'in/sub/three.c': '' }), ['make']],
  ['a folder that a glob matches in', (root) => writeFiles(root, { 'in/more/three.c': '' }), ['make']],
  ['a file in a folder of inputs', (root) => writeFiles(root, { 'notes/m': '' }), ['make']],
  ['the program', (root) => appendFileSync(`${root}/make.sh`, 'true\n'), ['make']],
];
for (const [what, move, changed] of moves) {
  test(`${what}: seen`, async () => {
    const root = project();
    const before = await look(root);
    move(root);
    const after = await look(root);
    const others = Object.keys(before.keys).filter((name) => before.keys[name] !== after.keys[name]);
    assert.equal(others, changed);
    for (const name of changed) assert.ok(after.read.includes(name));
    // And kept: what is remembered now is what is there now.
    assert.equal((await look(root)).keys, after.keys);
    assert.equal(await lookAnew(root), after.keys);
  });
}

const harmless: [string, (root: string) => void, string[]][] = [
  ['a file that is left out', (root) => writeFileSync(`${root}/base/tmp/c`, 'four'), []],
  [
    'a file that the target does not see',
    (root) => writeFiles(root, { 'app/unseen': '' }),
    ['app', 'foreign'],
  ],
  ['a file that was touched', (root) => utimesSync(`${root}/base/a`, 1, 1), ['base']],
  ['a file beside the inputs', (root) => writeFiles(root, { 'in/readme': '' }), ['make']],
];
for (const [what, move, read] of harmless) {
  test(`${what}: read at most, and the keys are the same`, async () => {
    const root = project();
    const before = await look(root);
    move(root);
    const after = await look(root);
    assert.equal(after.keys, before.keys);
    assert.equal(after.read, read);
    waitUntilSettled(`${root}/base/a`);
    await look(root);
    assert.equal((await look(root)).read, []);
  });
}

test('what is as new as the clock is read again: it may change within the same tick', async () => {
  const root = project();
  const ahead = new Date(Date.now() + 3_600_000);
  utimesSync(`${root}/base/a`, ahead, ahead);
  const before = await look(root);
  assert.equal((await look(root)).read, ['base']);
  writeFileSync(`${root}/base/a`, 'eno');
  utimesSync(`${root}/base/a`, ahead, ahead);
  assert.is.not((await look(root)).keys.base, before.keys.base);
});

test('the environment that a command is given, and the period of an age', async () => {
  const root = project();
  const before = await look(root);
  const slow = await look(root, { environment: { MODE: 'slow' } });
  assert.equal(slow.read, ['make']);
  assert.is.not(slow.keys.make, before.keys.make);
  assert.is.not((await look(root, { environment: {} })).keys.make, before.keys.make);
  const later = await look(root, { now: 8 * 86_400_000 });
  assert.ok(later.read.includes('app'));
  assert.is.not(later.keys.app, before.keys.app);
});

test('the lock, and another program: everything is read', async () => {
  const root = project();
  const before = await look(root);
  const digest = `sha256:${'1'.repeat(64)}`;
  const entry = {
    image: 'debian:12',
    platform: 'linux/amd64',
    digest,
    onbuild: false,
    profiles: ['default'],
  };
  const locked = await look(root, { lock: [entry] });
  assert.is.not(locked.keys.base, before.keys.base);
  assert.is.not(locked.keys.app, before.keys.app);
  assert.equal((await look(root, { lock: [entry] })).read, []);
  const moved = await look(root, { lock: [{ ...entry, digest: digest.replaceAll('1', '2') }] });
  assert.is.not(moved.keys.base, locked.keys.base);
  assert.equal((await look(root, { programId: 'other' })).read.length, 4);
});

test('ONBUILD that comes into a needed Dockerfile is said of what stands on it; all is said again when nothing moved', async () => {
  const root = project();
  const before = await look(root);
  assert.equal(before.notes?.kind === 'image' && before.notes.vague, []);
  appendFileSync(`${root}/base/Dockerfile`, 'ONBUILD COPY . /\n');
  const after = await look(root);
  assert.equal(after.read, ['base', 'app']);
  waitUntilSettled(`${root}/base/Dockerfile`);
  await look(root);
  const again = await look(root);
  assert.equal(again.read, []);
  assert.equal(again.notes?.kind === 'before' && again.notes.vague, [
    'base:latest has ONBUILD instructions, which run here',
  ]);
});

const throughLinks: [string, (root: string) => void, (root: string) => void][] = [
  [
    'a context that is a link, and leads elsewhere',
    (root) => {
      renameSync(`${root}/app`, `${root}/real`);
      symlinkSync('real', `${root}/app`);
    },
    (root) => {
      writeFiles(root, { 'real2/Dockerfile': 'ARG BASE\nFROM $BASE\nCOPY x /\n', 'real2/x': 'y' });
      rmSync(`${root}/app`);
      symlinkSync('real2', `${root}/app`);
    },
  ],
  [
    'a context that is a link, and a file in it',
    (root) => {
      renameSync(`${root}/app`, `${root}/real`);
      symlinkSync('real', `${root}/app`);
    },
    (root) => writeFileSync(`${root}/real/x`, 'y'),
  ],
  [
    'a context that is a link, and an ignore file that comes into it',
    (root) => {
      renameSync(`${root}/app`, `${root}/real`);
      symlinkSync('real', `${root}/app`);
    },
    (root) => writeFileSync(`${root}/real/.dockerignore`, 'x\n'),
  ],
  [
    'a Dockerfile that is a link to a link, and what it leads to',
    (root) => {
      renameSync(`${root}/app/Dockerfile`, `${root}/real`);
      symlinkSync('real', `${root}/hop`);
      symlinkSync('../hop', `${root}/app/Dockerfile`);
    },
    (root) => appendFileSync(`${root}/real`, 'COPY x /y\n'),
  ],
  [
    'a Dockerfile that is a link to a link, which leads elsewhere',
    (root) => {
      renameSync(`${root}/app/Dockerfile`, `${root}/real`);
      symlinkSync('real', `${root}/hop`);
      symlinkSync('../hop', `${root}/app/Dockerfile`);
    },
    (root) => {
      writeFileSync(`${root}/real2`, 'ARG BASE\nFROM $BASE\nCOPY x /z\n');
      rmSync(`${root}/hop`);
      symlinkSync('real2', `${root}/hop`);
    },
  ],
  [
    'an ignore file that is a link, and what it leads to',
    (root) => {
      writeFileSync(`${root}/ignored`, 'nothing\n');
      symlinkSync('../ignored', `${root}/app/.dockerignore`);
    },
    (root) => writeFileSync(`${root}/ignored`, 'x\n'),
  ],
  [
    'folders above that are a link',
    (root) => {
      mkdirSync(`${root}/v1`);
      renameSync(`${root}/app`, `${root}/v1/app`);
      symlinkSync('v1/app', `${root}/app`);
    },
    (root) => {
      writeFiles(root, { 'v2/app/Dockerfile': 'ARG BASE\nFROM $BASE\nCOPY x /\n', 'v2/app/x': 'other' });
      rmSync(`${root}/app`);
      symlinkSync('v2/app', `${root}/app`);
    },
  ],
];
for (const [what, link, change] of throughLinks) {
  test(`${what}: seen; nothing is read before`, async () => {
    const root = project();
    link(root);
    for (const name of ['app', 'app/x', 'app/Dockerfile', '.']) waitUntilSettled(path.join(root, name));
    const ids = ['base:latest', 'app:latest'];
    const before = await look(root, { ids });
    assert.equal((await look(root, { ids })).read, []);
    change(root);
    const { keys } = await look(root, { ids });
    assert.is.not(keys.app, before.keys.app);
    assert.equal(keys, await lookAnew(root, { ids }));
  });
}

test('a folder on the way that is switched while names are read: nothing is remembered', () => {
  const root = tempFolder();
  writeFiles(root, { 'v1/d/a': '', 'v2/d/b': '', now: { link: 'v1' } });
  for (const name of ['v1/d', 'v2/d']) waitUntilSettled(path.join(root, name));
  const folder = path.join(root, 'now/d');
  const trace = emptyReadSet();
  const disk = recordingDisk(() => trace, openFileSystemClock(path.join(root, 'clock')));
  assert.is(disk.lstat(folder)?.kind, 'folder');
  rmSync(path.join(root, 'now'));
  symlinkSync('v2', path.join(root, 'now'));
  assert.equal(disk.readdir(folder), ['b']);
  assert.is(trace.isComplete, false);
});

test('tasks that a run does not ask for stay remembered', async () => {
  const root = project();
  await look(root);
  writeFileSync(`${root}/base/a`, 'eno');
  waitUntilSettled(`${root}/base/a`);
  assert.equal((await look(root, { ids: ['base:latest'] })).read, ['base']);
  assert.equal((await look(root, { ids: ['make:latest'] })).read, []);
});

test('many changes, one after the other: each is seen, all the rest stays remembered, and what is kept does not grow', async () => {
  const root = project();
  const traces = path.join(root, '.cache/traces');
  await look(root);
  const sizes: number[] = [];
  for (let round = 0; round < 120; round++) {
    const [file, tasks] = round % 3 === 0 ? ['base/a', ['base', 'app']] : ['in/one.c', ['make']];
    writeFiles(root, { [file]: `round ${round}` });
    waitUntilSettled(path.join(root, file));
    const changed = await look(root);
    assert.equal(changed.read, tasks, `round ${round}`);
    const after = await look(root);
    assert.equal([after.read, after.keys], [[], changed.keys], `round ${round}`);
    sizes.push(lstatSync(traces).size);
  }
  assert.ok(Math.max(...sizes.slice(60)) <= Math.max(...sizes.slice(0, 60)) + 100, sizes.join(' '));
  const { keys } = await look(root);
  assert.equal(await lookAnew(root), keys);
});

test('traces that were torn or edited are set aside with a word, and never believed', async () => {
  const root = project();
  const before = await look(root);
  const file = path.join(root, '.cache/traces');
  const whole = readFileSync(file);
  const edited = Buffer.from(whole);
  edited[whole.length - 20]! ^= 1;
  const stamps = Buffer.from(whole);
  stamps[60]! ^= 1;
  for (const bytes of [
    edited,
    stamps,
    whole.subarray(0, -1),
    whole.subarray(0, 40),
    Buffer.from('x'),
    Buffer.alloc(0),
  ]) {
    writeFileSync(file, bytes);
    const { keys, read, warnings } = await look(root);
    assert.equal(keys, before.keys);
    assert.is(read.length, 4);
    assert.match(warnings.join(), 'damaged: set aside as traces.broken');
  }
  assert.equal((await look(root)).read, []);
  assert.ok(readdirSync(path.dirname(file)).includes('traces.broken'));
});

test('a name with a line end in it: read in each run', async () => {
  const root = project();
  writeFiles(root, { 'base/two\nlines': '1' });
  waitUntilSettled(`${root}/base/two\nlines`);
  const before = await look(root);
  assert.equal((await look(root)).read, ['base']);
  writeFiles(root, { 'base/two\nlines': '2' });
  assert.is.not((await look(root)).keys.base, before.keys.base);
});

test.run();
