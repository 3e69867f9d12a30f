import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pinImages } from '../../../src/app/pin-images.ts';
import { image } from '../../../src/define/index.ts';
import { openMemo } from '../../../src/incremental/memo.ts';
import { diffManifests } from '../../../src/key/diff-manifests.ts';
import { formatDifference } from '../../../src/key/difference.ts';
import { TasksError } from '../../../src/model/errors.ts';
import { type Lock, type LockEntry, lockEntryId } from '../../../src/model/lock.ts';
import type { ObservedImage } from '../../../src/model/observed.ts';
import type { Step } from '../../../src/model/plan.ts';
import type { BuildRequest } from '../../../src/model/ports.ts';
import { formatLock, parseLock, readLock, writeLock } from '../../../src/observe/lock-file.ts';
import { graphOf, observe } from '../../support/graphs.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';
import { makeTestProject } from '../../support/test-project.ts';

const test = suite('lock file');
const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;
const entry = (name: string, more: Partial<LockEntry> = {}): LockEntry => ({
  image: name,
  platform: 'linux/amd64',
  digest: digest('a'),
  onbuild: false,
  profiles: ['default'],
  ...more,
});
const lockOf = (...entries: LockEntry[]): Lock => new Map(entries.map((each) => [lockEntryId(each), each]));

test('a lock file has one entry per line, sorted', () => {
  const two = [entry('b:1'), entry('a:1', { platform: 'any', profiles: ['y', 'x'] })];
  assert.is(
    formatLock(lockOf(...two)),
    `{
  "schema": 1,
  "images": [
    {"image":"a:1","platform":"any","digest":"${digest('a')}","onbuild":false,"profiles":["x","y"]},
    {"image":"b:1","platform":"linux/amd64","digest":"${digest('a')}","onbuild":false,"profiles":["default"]}
  ]
}
`,
  );
  assert.is(formatLock(lockOf(...two.reverse())), formatLock(lockOf(...two)));
});

test('a formatted lock parses to the same lock', () => {
  const arb = fc.record({
    image: fc.string({ minLength: 1 }),
    platform: fc.constantFrom('any', 'linux/arm64'),
    digest: fc.constantFrom(digest('0'), digest('f')),
    onbuild: fc.boolean(),
    profiles: fc.uniqueArray(fc.string({ minLength: 1 })).map((all) => all.sort()),
  });
  fc.assert(
    fc.property(fc.array(arb), (entries) => {
      const lock = lockOf(...entries);
      assert.is(formatLock(parseLock(formatLock(lock))), formatLock(lock));
      assert.is(parseLock(formatLock(lock)).size, lock.size);
    }),
  );
});

const valid = `{"image":"a","platform":"any","digest":"${digest('a')}","onbuild":false,"profiles":[]}`;
/** [text, message] */
const invalid: [string, RegExp][] = [
  ['{\n"schema": 1,\n<<<<<<< ours\n', /lock\.json: line 3: invalid JSON/],
  ['', /invalid JSON/],
  ['null', /schema is undefined/],
  ['{"schema":2,"images":[]}', /schema is 2; this version of tasks reads schema 1/],
  ['{"schema":1}', /images is not a list/],
  ['{"schema":1,"images":[3]}', /images\[0\]\.image is undefined/],
  [
    `{"schema":1,"images":[${valid},${valid.replace(/a{64}/, 'a')}]}`,
    /images\[1\]\.digest is "sha256:a"; expected/,
  ],
  [`{"schema":1,"images":[${valid},${valid}]}`, /images\[1\] is a duplicate of a any/],
  [`{"schema":1,"images":[${valid.replace('"onbuild":false,', '')}]}`, /images\[0\]\.onbuild is undefined/],
  [`{"schema":1,"images":[${valid.replace('}', ',"x":1}')}]}`, /images\[0\]\.x is an unknown field/],
];
for (const [text, message] of invalid) {
  test(`an invalid lock file is an error: ${message.source}`, () => {
    try {
      parseLock(text);
    } catch (error) {
      assert.is((error as TasksError).exitCode, 2);
      assert.match((error as TasksError).message, message);
      return;
    }
    assert.unreachable();
  });
}

test('the lock file is written atomically, and a missing one is an empty lock', () => {
  const root = tempFolder();
  writeFiles(root, { 'tasks/': '' });
  assert.is(readLock(root).size, 0);
  writeLock(root, lockOf(entry('a')));
  assert.equal(readdirSync(path.join(root, 'tasks')), ['lock.json']);
  assert.is(readFileSync(path.join(root, 'tasks/lock.json'), 'utf8'), formatLock(readLock(root)));
});

const fakeRegistry = (answers: Record<string, string>) => {
  const queries: string[] = [];
  return {
    queries,
    resolve: async (used: Pick<LockEntry, 'image' | 'platform'>) => {
      queries.push(lockEntryId(used));
      const found = answers[used.image];
      if (found === undefined) throw new TasksError(3, 'not found');
      return { digest: digest(found), onbuild: false };
    },
  };
};
const want = (name: string, platform = 'linux/amd64') => ({ image: name, platform });

test('lock adds missing images, keeps the others, and continues after a failure', async () => {
  const { queries, resolve } = fakeRegistry({ a: 'b', new: 'c' });
  const before = lockOf(entry('a', { profiles: ['other'] }), entry('unused'));
  const made = await pinImages(before, [want('a'), want('gone'), want('new')], {
    profile: 'default',
    update: false,
    resolve,
  });
  assert.equal(queries, ['gone linux/amd64', 'new linux/amd64']);
  assert.equal(
    made.lock,
    lockOf(
      entry('a', { profiles: ['default', 'other'] }),
      entry('unused'),
      entry('new', { digest: digest('c') }),
    ),
  );
  assert.equal([made.added.length, made.moved.length, made.dropped.length], [1, 0, 0]);
  assert.equal(
    made.failed.map(({ used, error }) => [used.image, error.message]),
    [['gone', 'not found']],
  );
});

test('--update queries all platforms, drops images that no profile uses, and keeps those of other profiles and failed ones', async () => {
  const { queries, resolve } = fakeRegistry({ a: 'b' });
  const before = lockOf(
    entry('a'),
    entry('a', { platform: 'linux/arm64' }),
    entry('gone'),
    entry('unused'),
    entry('elsewhere', { profiles: ['default', 'other'] }),
  );
  const made = await pinImages(before, [want('a'), want('gone')], {
    profile: 'default',
    update: true,
    resolve,
  });
  assert.equal(queries, ['a linux/amd64', 'a linux/arm64', 'gone linux/amd64']);
  assert.equal(
    made.moved.map(({ after }) => after.platform),
    ['linux/amd64', 'linux/arm64'],
  );
  assert.equal(
    made.dropped.map((each) => each.image),
    ['unused'],
  );
  assert.equal(
    made.lock,
    lockOf(
      entry('a', { digest: digest('b') }),
      entry('a', { platform: 'linux/arm64', digest: digest('b') }),
      entry('gone'),
      entry('elsewhere', { profiles: ['other'] }),
    ),
  );
});

const files = { 'c/Dockerfile': 'FROM debian:12\nCOPY a /\n', 'c/a': '', 'c/b': '' };
const observeWith = async (lock: Lock, changes: Record<string, string> = {}): Promise<ObservedImage> => {
  const root = tempFolder();
  writeFiles(root, { ...files, ...changes });
  const graph = graphOf({ t: image({ name: 't', context: 'c', platforms: ['linux/amd64'] }) });
  const memo = openMemo(path.join(root, 'memo'), () => undefined);
  const options = { root, memo, environment: {}, now: new Date(0), programId: 'test', lock };
  return (await observe(graph, ['t:latest'], options)).get('t:latest') as ObservedImage;
};
const contextPaths = ({ context }: ObservedImage): string[] => context.map((each) => each.path);

test('a base image is impure unless an entry pins it for its platform', async () => {
  assert.equal((await observeWith(lockOf(entry('debian:12')))).impure, []);
  for (const other of [entry('debian:13'), entry('debian:12', { platform: 'linux/arm64' })])
    assert.equal((await observeWith(lockOf(other))).impure, [
      { kind: 'image', source: 'debian:12', detail: 'line 1: debian:12 is not pinned by digest' },
    ]);
});

test('a base image with ONBUILD makes the whole context an input; an image that is only copied from does not', async () => {
  const lock = lockOf(entry('debian:12', { onbuild: true }));
  const plain = await observeWith(lockOf(entry('debian:12')));
  assert.equal([contextPaths(plain), plain.vague], [['a'], []]);
  const withOnbuild = await observeWith(lock);
  assert.equal(contextPaths(withOnbuild), ['Dockerfile', 'a', 'b']);
  assert.match(withOnbuild.vague.join(), /line 1: debian:12 has ONBUILD instructions/);
  const copied = await observeWith(lock, {
    'c/Dockerfile': 'FROM scratch\nCOPY --from=debian:12 /x /\nCOPY a /\n',
  });
  assert.equal([contextPaths(copied), copied.vague], [['a'], []]);
  const named = `debian@${digest('c')}`;
  const byDigest = await observeWith(lockOf(entry(named, { onbuild: true })), {
    'c/Dockerfile': `FROM ${named}\nCOPY a /\n`,
  });
  assert.equal(
    contextPaths(byDigest),
    ['Dockerfile', 'a', 'b'],
    'also for a base image that is named by digest',
  );
});

test('an image named by digest counts by its digest alone once it is known to have no ONBUILD', async () => {
  const named = `debian:12@${digest('c')}`;
  const root = tempFolder();
  writeFiles(root, { ...files, 'c/Dockerfile': `FROM ${named}\nCOPY a /\n` });
  const graph = graphOf({ t: image({ name: 't', context: 'c', platforms: ['linux/amd64'] }) });
  const memo = openMemo(path.join(root, 'memo'), () => undefined);
  let asked = 0;
  const hasOnbuild = async (): Promise<boolean> => asked++ > 0;
  const observed = async (): Promise<ObservedImage> =>
    (
      await observe(graph, ['t:latest'], {
        root,
        memo,
        environment: {},
        now: new Date(0),
        programId: 'test',
        lock: lockOf(),
        hasOnbuild,
      })
    ).get('t:latest') as ObservedImage;
  const first = await observed();
  assert.equal([contextPaths(first), first.vague, first.impure, first.suspect], [['a'], [], [], []]);
  writeFiles(root, { 'c/b': 'changed', 'c/.git/HEAD': 'x' });
  assert.equal(await observed(), first);
  assert.is(asked, 1, 'the answer is remembered by digest');
});

test('the whole context is an input while it is unknown whether a base image named by digest has ONBUILD', async () => {
  const named = `debian@${digest('c')}`;
  const from = { 'c/Dockerfile': `FROM ${named}\nCOPY a /\n` };
  const unknown = await observeWith(lockOf(), from);
  assert.equal([contextPaths(unknown), unknown.impure], [['Dockerfile', 'a', 'b'], []]);
  assert.equal(unknown.vague, [
    'line 1: cannot check yet whether debian@sha256:cccccccccccc… has ONBUILD instructions',
  ]);
  const known = await observeWith(lockOf(entry(named)), from);
  assert.equal([contextPaths(known), known.vague], [['a'], []]);
  const copied = await observeWith(lockOf(), {
    'c/Dockerfile': `FROM scratch\nCOPY --from=${named} /x /\nCOPY a /\n`,
  });
  assert.equal([contextPaths(copied), copied.vague], [['a'], []]);
});

test('a new digest changes the key, is explained as a moved base, and is passed to the build', async () => {
  const rig = makeTestProject({ t: image({ name: 't', context: 'c', platforms: ['linux/amd64'] }) });
  writeFiles(rig.root, { ...files, 'tasks/': '' });
  const plan = async () => (await rig.plan()).plan.steps.get('t:latest')!;
  const unpinned = await plan();
  writeLock(rig.root, lockOf(entry('debian:12')));
  await rig.build();
  const [pinned, repeated] = [await plan(), await plan()];
  assert.is.not(pinned.key, unpinned.key);
  assert.equal([repeated.action, repeated.reasons.map(({ code }) => code)], ['reuse', ['up-to-date']]);
  writeLock(rig.root, lockOf(entry('debian:12', { digest: digest('b') })));
  const moved = await plan();
  assert.is.not(moved.key, pinned.key);
  assert.is(moved.action, 'build');
  const why = (before: Step, after: Step) =>
    diffManifests(before.manifest!, after.manifest!).map(formatDifference);
  assert.equal(why(pinned, moved), ['base debian:12 moved']);
  assert.equal(why(unpinned, pinned), ['base debian:12 is now pinned']);
  assert.equal(why(pinned, unpinned), ['base debian:12 is no longer pinned']);
  rig.engine.autoFinish = false;
  const run = (await rig.plan()).run();
  while (rig.engine.pending.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const { request, succeed } = rig.engine.pending[0]!;
  assert.is(textOf(request), `FROM debian@${digest('b')}\nCOPY a /\n`);
  succeed();
  await run;
});

const textOf = ({ dockerfile }: BuildRequest): string => Buffer.from(dockerfile.text).toString();

test.run();
