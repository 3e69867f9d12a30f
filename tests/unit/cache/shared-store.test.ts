import type { KeyvStoreAdapter } from 'keyv';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openRecords } from '../../../src/cache/records.ts';
import { openRedisStore } from '../../../src/cache/redis-store.ts';
import { openSharedStore, type SharedStore } from '../../../src/cache/shared-store.ts';
import { openTestPasses } from '../../../src/cache/test-passes.ts';
import { image } from '../../../src/define/index.ts';
import { hashManifest } from '../../../src/key/hash-manifest.ts';
import type { TasksError } from '../../../src/model/errors.ts';
import type { Manifest, TaskRecord } from '../../../src/model/record.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';
import { makeTestProject } from '../../support/test-project.ts';

const test = suite('records shared between machines');

/** A store in memory whose requests can be made to fail. */
function makeStore() {
  const values = new Map<string, string>();
  const store = {
    values,
    requests: 0,
    /** What a request does first. */
    fault: async (): Promise<void> => undefined,
    warnings: [] as string[],
    /** As another machine, or another run, opens it. */
    open: (): SharedStore =>
      openSharedStore({
        displayName: 'here',
        connect: async () => adapter,
        warn: (text) => store.warnings.push(text),
        timeoutMs: 20,
      }),
  };
  const request = async <T>(answer: () => T): Promise<T> => {
    store.requests++;
    await store.fault();
    return answer();
  };
  const adapter = {
    opts: {},
    namespace: '',
    get: (key: string) => request(() => values.get(key)),
    getMany: (keys: string[]) => request(() => keys.map((key) => values.get(key))),
    set: (key: string, value: string) => request(() => values.set(key, value) && true),
    delete: (key: string) => request(() => values.delete(key)),
    clear: () => request(() => values.clear()),
    on: () => adapter,
  } as unknown as KeyvStoreAdapter;
  return store;
}

const manifest: Manifest = { schema: 1, lines: [['arg', 'a', '1']] };
const key = hashManifest(manifest);
const record: TaskRecord = {
  key,
  task: 'one:latest',
  imageId: `sha256:${'1'.repeat(64)}`,
  needs: {},
  bytes: 1,
  durationMs: 1,
  tags: [],
  time: '2026-01-01T00:00:00.000Z',
};

const recordsOf = (shared: SharedStore) => openRecords(tempFolder(), () => undefined, shared, hashManifest);
/** As another machine finds it. */
const heard = { ...record, shared: true };

test('what one machine has recorded of images, the next one finds, and keeps', async () => {
  const store = makeStore();
  await recordsOf(store.open()).put(record, manifest);
  const other = recordsOf(store.open());
  assert.equal((await other.get([key])).get(key), heard);
  assert.equal(await other.manifest(key), manifest);
  store.values.clear();
  assert.equal((await other.get([key])).get(key), heard, 'its own .cache comes first');
  assert.is((await other.latest(['one:latest'])).size, 0, 'the last record is what this machine made');
  assert.equal(store.warnings, []);
});

test('files are kept by their machine alone, and so are their records', async () => {
  const store = makeStore();
  const { imageId: _, ...files } = record;
  await recordsOf(store.open()).put({ ...files, filesDigest: 'x' }, manifest);
  assert.is(store.values.size, 0);
});

test('a passed test is told to nobody, and no store speaks for one', async () => {
  const passes = openTestPasses(tempFolder(), () => undefined);
  await passes.add('id');
  assert.equal([await passes.has('id'), await passes.has('other')], [true, false]);
  const { store, a } = machines();
  await a.build();
  assert.equal(
    [...store.values.keys()].filter((name) => !/:?(record|manifest):[0-9a-f]{64}$/.test(name)),
    [],
  );
});

test('a manifest counts only with its own key', async () => {
  const store = makeStore();
  await recordsOf(store.open()).put(record, manifest);
  const other = { schema: 1, lines: [['arg', 'a', '2']] };
  const name = [...store.values.keys()].find((each) => each.includes('manifest:'))!;
  store.values.set(name, JSON.stringify({ value: other }));
  assert.is(await recordsOf(store.open()).manifest(key), undefined);
  for (const lines of [[7], [['arg', 1, '2']], [['arg', 'a']], [['arg', 'a', '1', 'x']], 'x', {}]) {
    store.values.set(name, JSON.stringify({ value: { schema: 1, lines } }));
    assert.is(await recordsOf(store.open()).manifest(key), undefined, JSON.stringify(lines));
  }
});

test('a store that fails or does not answer: one warning, nothing more is asked, nothing is lost', async () => {
  const faults: (() => Promise<void>)[] = [
    async () => {
      throw new Error('gone');
    },
    () => new Promise(() => undefined),
  ];
  for (const fault of faults) {
    const store = makeStore();
    store.fault = fault;
    const records = recordsOf(store.open());
    await Promise.all([records.put(record, manifest), records.get(['b'.repeat(64)]), records.manifest('c')]);
    assert.equal((await records.get([key])).get(key), record);
    const { requests } = store;
    assert.is((await records.get(['d'.repeat(64)])).size, 0);
    await records.put(record, manifest);
    assert.is(store.requests, requests);
    assert.is(store.warnings.length, 1, store.warnings.join('\n'));
    assert.match(
      store.warnings[0]!,
      /^shared records at here: (gone|no answer within 0.02 s); only \.cache counts/,
    );
  }
});

test('what is none of ours counts as not there, with one warning, and hides nothing else', async () => {
  const lies: string[] = [
    'garbage',
    '',
    '{"value":',
    'null',
    '7',
    '{"other":1}',
    JSON.stringify({ value: 'text' }),
    JSON.stringify({ value: { ...record, key: 'b'.repeat(64) } }),
    JSON.stringify({ value: { ...record, needs: null } }),
    JSON.stringify({ value: { ...record, needs: { 'base:1': 7 } } }),
    JSON.stringify({ value: { ...record, imageId: undefined } }),
    JSON.stringify({ value: { ...record, imageId: undefined, filesDigest: 'x' } }),
    JSON.stringify({ value: { ...record, durationMs: '1' } }),
    JSON.stringify({ value: { ...record, tags: 'x' } }),
    JSON.stringify({ value: { ...record, tags: [{}] } }),
    JSON.stringify({ value: { ...record, time: undefined } }),
    JSON.stringify({ value: [record] }),
    JSON.stringify({ value: { ...record, bytes: -1 } }),
    JSON.stringify({ value: { ...record, durationMs: -5 } }),
    JSON.stringify({ value: { ...record, task: 'x'.repeat(5000) } }),
    JSON.stringify({ value: { ...record, tags: Array(5000).fill('x') } }),
    `{"value":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
    `{"value":{"__proto__":${JSON.stringify(record)}}}`,
    `{"__proto__":{"value":${JSON.stringify(record)}}}`,
    `"${'x'.repeat((1 << 24) + 1)}"`,
  ];
  const good = { ...record, key: 'f'.repeat(64) };
  for (const lie of lies) {
    const store = makeStore();
    await recordsOf(store.open()).put(good, manifest);
    const [name] = [...store.values.keys()].filter((each) => each.startsWith('record:'));
    store.values.set(name!.replace(good.key, key), lie);
    store.values.set(`manifest:${key}`, lie);
    const records = recordsOf(store.open());
    assert.equal([...(await records.get([key, good.key])).keys()], [good.key], lie);
    assert.is(await records.manifest(key), undefined, lie);
    assert.is(store.warnings.length, 1, `${lie}: ${store.warnings.join('\n')}`);
  }
});

/** Two machines with one engine, or, as if the other had one of its own, with another. */
function machines() {
  const store = makeStore();
  const project = { one: image({ name: 'one', context: 'one' }) };
  const rigs = [makeTestProject(project), makeTestProject(project)] as const;
  for (const rig of rigs) {
    writeFiles(rig.root, { 'one/Dockerfile': 'FROM scratch\nCOPY x /\n', 'one/x': 'x' });
    rig.shared = store.open();
  }
  return { store, a: rigs[0], b: rigs[1] };
}

test('with the image at hand, a record of another machine is enough', async () => {
  const { a, b } = machines();
  await a.build();
  // Without its content tag it is not to be found by its label.
  b.engine.allImages.push({ ...a.engine.allImages[0]!, tags: ['test/one:latest-dev1'] });
  assert.is((await b.plan()).plan.steps.get('one:latest')!.action, 'reuse');
});

test('a record whose image is gone, or carries no key or another one, is not believed', async () => {
  const lies: (Record<string, string> | undefined)[] = [
    undefined,
    {},
    { 'image-tasks.key': 'b'.repeat(64), 'image-tasks.task': 'one:latest' },
  ];
  for (const labels of lies) {
    const { store, a, b } = machines();
    await a.build();
    const { id } = a.engine.allImages[0]!;
    const other = `sha256:${'9'.repeat(64)}`;
    if (labels !== undefined) b.engine.allImages.push({ ...a.engine.allImages[0]!, id: other, labels });
    for (const [name, value] of store.values) store.values.set(name, value.replace(id, other));
    assert.is((await b.plan()).plan.steps.get('one:latest')!.action, 'build');
    assert.is((await b.build()).counts.built, 1);
    assert.is((await b.plan()).plan.steps.get('one:latest')!.action, 'reuse');
  }
});

/** A base that was built again from nothing, and an app that stands on the image before. */
async function rebuiltBase() {
  const store = makeStore();
  const base = image({ name: 'base', context: 'base', publish: false });
  const project = { base, app: image({ name: 'app', context: 'app', needs: { BASE: base } }) };
  const rigs = [makeTestProject(project), makeTestProject(project)] as const;
  for (const rig of rigs)
    writeFiles(rig.root, {
      'base/Dockerfile': 'FROM scratch\nCOPY x /\n',
      'base/x': 'x',
      'app/Dockerfile': 'ARG BASE\nFROM $BASE\n',
    });
  const [a, b] = rigs;
  await a.build();
  const [old] = a.engine.allImages.filter(({ labels }) => labels['image-tasks.task'] === 'base:latest');
  const { key } = (await a.plan()).plan.steps.get('base:latest')!;
  const fresh = { ...old!, id: `sha256:${'7'.repeat(64)}` };
  b.engine.allImages.push(...a.engine.allImages.filter(({ id }) => id !== old!.id), fresh);
  b.shared = store.open();
  return { store, b, key, old: old!, fresh };
}

test('no record of a store makes an image stand on another need than its label says', async () => {
  const { key: id } = await rebuiltBase();
  const rest = {
    key: id,
    task: 'base:latest',
    needs: {},
    bytes: 1,
    durationMs: 1,
    tags: [],
    time: '2099-01-01T00:00:00.000Z',
  };
  const lies = [
    (old: string, fresh: string) => ({ ...rest, imageId: fresh, manifestDigest: old }),
    (old: string) => ({ ...rest, imageId: old }),
    (old: string, fresh: string) => ({ ...rest, imageId: fresh, filesDigest: old }),
    (old: string, fresh: string) => ({ ...rest, imageId: fresh, shared: false, manifestDigest: old }),
  ];
  for (const lie of lies)
    for (const hasOld of [false, true]) {
      const { store, b, key, old, fresh } = await rebuiltBase();
      // Without its tags: another image has them now.
      if (hasOld) b.engine.allImages.push({ ...old, tags: [] });
      assert.is((await b.plan()).plan.steps.get('app:latest')!.action, 'build', 'without a store');
      store.values.set(`record:${key}`, JSON.stringify({ value: lie(old.id, fresh.id) }));
      store.values.set(`image-tasks:v1:record:${key}`, JSON.stringify({ value: lie(old.id, fresh.id) }));
      const { plan } = await b.plan();
      assert.is(plan.steps.get('app:latest')!.action, 'build', JSON.stringify(lie('old', 'fresh')));
      assert.is((await b.plan()).plan.steps.get('app:latest')!.action, 'build', 'from .cache');
    }
});

test('an address that is none is wrong usage, and is not shown', () => {
  const bad = [
    'http://u:secret@h',
    'redis:secret',
    'secret',
    'redis://',
    'redis://:secret@h/name',
    'redis://h:99999999',
  ];
  for (const url of bad) {
    let thrown: TasksError | undefined;
    try {
      openRedisStore(url, () => undefined);
    } catch (error) {
      thrown = error as TasksError;
    }
    assert.is(thrown?.exitCode, 2, url);
    assert.not.match(`${thrown?.message} ${thrown?.hint}`, /secret/);
  }
  for (const url of ['redis://h', 'rediss://u:p@h:1/2', 'valkey://h', 'valkeys://:p@[::1]:1'])
    openRedisStore(url, () => undefined);
});

test.run();
