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

/** Creates a store in memory whose requests can be made to fail. */
function makeStore() {
  const values = new Map<string, string>();
  const store = {
    values,
    requests: 0,
    /** Each request calls this first. */
    fault: async (): Promise<void> => undefined,
    warnings: [] as string[],
    /** Opens the store as another machine, or another run, does. */
    open: (): SharedStore =>
      openSharedStore({
        displayName: 'here',
        load: async () => async () => adapter,
        warn: (text) => store.warnings.push(text),
        timeoutMs: 20,
      }),
  };
  const request = async <T>(work: () => T): Promise<T> => {
    store.requests++;
    await store.fault();
    return work();
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
/** The record as another machine reads it. */
const sharedRecord = { ...record, shared: true };

test('a machine reads the image records of another machine and stores them in its own .cache', async () => {
  const store = makeStore();
  await recordsOf(store.open()).put(record, manifest);
  const other = recordsOf(store.open());
  assert.equal((await other.get([key])).get(key), sharedRecord);
  assert.equal(await other.manifest(key), manifest);
  store.values.clear();
  assert.equal((await other.get([key])).get(key), sharedRecord, 'its own .cache has the record now');
  assert.is((await other.latest(['one:latest'])).size, 0, 'the latest record is only for its own builds');
  assert.equal(store.warnings, []);
});

test('records of output files are not shared', async () => {
  const store = makeStore();
  const { imageId: _, ...files } = record;
  await recordsOf(store.open()).put({ ...files, filesDigest: 'x' }, manifest);
  assert.is(store.values.size, 0);
});

test('passed tests are not shared', async () => {
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

test('a shared manifest is ignored unless it has the expected key', async () => {
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

test('a store that fails or does not respond causes one warning, gets no more requests, and loses no record', async () => {
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
      /^shared records at here: (gone|no response within 0.02 s); using only \.cache/,
    );
  }
});

test('an invalid value is ignored with one warning, and does not hide other values', async () => {
  const invalidValues: string[] = [
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
  for (const invalid of invalidValues) {
    const store = makeStore();
    await recordsOf(store.open()).put(good, manifest);
    const [name] = [...store.values.keys()].filter((each) => each.startsWith('record:'));
    store.values.set(name!.replace(good.key, key), invalid);
    store.values.set(`manifest:${key}`, invalid);
    const records = recordsOf(store.open());
    assert.equal([...(await records.get([key, good.key])).keys()], [good.key], invalid);
    assert.is(await records.manifest(key), undefined, invalid);
    assert.is(store.warnings.length, 1, `${invalid}: ${store.warnings.join('\n')}`);
  }
});

/** Two machines, each with its own engine, that share a store. */
function machines() {
  const store = makeStore();
  const project = { one: image({ name: 'one', context: 'one' }) };
  const projects = [makeTestProject(project), makeTestProject(project)] as const;
  for (const each of projects) {
    writeFiles(each.root, { 'one/Dockerfile': 'FROM scratch\nCOPY x /\n', 'one/x': 'x' });
    each.shared = store.open();
  }
  return { store, a: projects[0], b: projects[1] };
}

test("another machine's record makes an image in the engine reusable", async () => {
  const { a, b } = machines();
  await a.build();
  // Without its content tag, the image is not found by its label.
  b.engine.allImages.push({ ...a.engine.allImages[0]!, tags: ['test/one:latest-dev1'] });
  assert.is((await b.plan()).plan.steps.get('one:latest')!.action, 'reuse');
});

test('a shared record is ignored if its image is missing, or has no key or another one', async () => {
  const wrongLabels: (Record<string, string> | undefined)[] = [
    undefined,
    {},
    { 'image-tasks.key': 'b'.repeat(64), 'image-tasks.task': 'one:latest' },
  ];
  for (const labels of wrongLabels) {
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

/** Creates a project whose base image was rebuilt from scratch, while its app is still built on the old base image. */
async function rebuiltBase() {
  const store = makeStore();
  const base = image({ name: 'base', context: 'base', publish: false });
  const project = { base, app: image({ name: 'app', context: 'app', needs: { BASE: base } }) };
  const projects = [makeTestProject(project), makeTestProject(project)] as const;
  for (const each of projects)
    writeFiles(each.root, {
      'base/Dockerfile': 'FROM scratch\nCOPY x /\n',
      'base/x': 'x',
      'app/Dockerfile': 'ARG BASE\nFROM $BASE\n',
    });
  const [a, b] = projects;
  await a.build();
  const [old] = a.engine.allImages.filter(({ labels }) => labels['image-tasks.task'] === 'base:latest');
  const { key } = (await a.plan()).plan.steps.get('base:latest')!;
  const fresh = { ...old!, id: `sha256:${'7'.repeat(64)}` };
  b.engine.allImages.push(...a.engine.allImages.filter(({ id }) => id !== old!.id), fresh);
  b.shared = store.open();
  return { store, b, key, old: old!, fresh };
}

test('no shared record makes an image reusable whose label names another base image', async () => {
  const { key: id } = await rebuiltBase();
  const common = {
    key: id,
    task: 'base:latest',
    needs: {},
    bytes: 1,
    durationMs: 1,
    tags: [],
    time: '2099-01-01T00:00:00.000Z',
  };
  const forgeries = [
    (old: string, fresh: string) => ({ ...common, imageId: fresh, manifestDigest: old }),
    (old: string) => ({ ...common, imageId: old }),
    (old: string, fresh: string) => ({ ...common, imageId: fresh, filesDigest: old }),
    (old: string, fresh: string) => ({ ...common, imageId: fresh, shared: false, manifestDigest: old }),
  ];
  for (const forge of forgeries)
    for (const hasOld of [false, true]) {
      const { store, b, key, old, fresh } = await rebuiltBase();
      // Without tags: the rebuilt image has them now.
      if (hasOld) b.engine.allImages.push({ ...old, tags: [] });
      assert.is((await b.plan()).plan.steps.get('app:latest')!.action, 'build', 'without a store');
      store.values.set(`record:${key}`, JSON.stringify({ value: forge(old.id, fresh.id) }));
      store.values.set(`image-tasks:v1:record:${key}`, JSON.stringify({ value: forge(old.id, fresh.id) }));
      const { plan } = await b.plan();
      assert.is(plan.steps.get('app:latest')!.action, 'build', JSON.stringify(forge('old', 'fresh')));
      assert.is((await b.plan()).plan.steps.get('app:latest')!.action, 'build', 'from .cache');
    }
});

test('an invalid address is a usage error, and the message does not show it', () => {
  const invalid = [
    'http://u:secret@h',
    'redis:secret',
    'secret',
    'redis://',
    'redis://:secret@h/name',
    'redis://h:99999999',
  ];
  for (const url of invalid) {
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
