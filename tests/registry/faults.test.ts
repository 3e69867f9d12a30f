import { createHash, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type RawManifest, type Registry, RegistryError } from '../../src/model/registry.ts';
import { openRegistry } from '../../src/registry/registry.ts';
import { type Fault, type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { hasRegistry, type RealRegistry, startRegistry } from '../support/registry.ts';
import { registryErrorOf } from '../support/registry-error.ts';
import { writeFiles } from '../support/temp.ts';

const test = suite('registry failures');

/** Faults that a retry fixes. */
const temporary: readonly Fault[] = [429, 500, 503, 'reset', 'midway', 'lost', 'truncated'];
/** Faults that are reported without a retry. */
const permanent: readonly Fault[] = [401, 403, 404];

interface Case {
  readonly name: string;
  /** Calls the method. `full`: a repository, with its host, that has an image with the tags `1` and `2`. */
  act(registry: Registry, full: string, image: RawManifest): Promise<unknown>;
  /** Checks the result and the state of the registry, without faults. */
  check(registry: Registry, full: string, image: RawManifest, result: unknown): Promise<void>;
}

const cases: readonly Case[] = [
  {
    name: 'head',
    act: (registry, full) => registry.head(`${full}:1`),
    check: async (_registry, _full, image, result) => assert.is(result, image.digest),
  },
  {
    name: 'image',
    act: (registry, full) => registry.image(`${full}:1`, 'linux/amd64'),
    check: async (_registry, _full, image, result) =>
      assert.is((result as { digest: string }).digest, image.digest),
  },
  {
    name: 'contents',
    act: (registry, full) => registry.contents(`${full}:1`),
    check: async (_registry, _full, image, result) =>
      assert.is((result as { digest: string }).digest, image.digest),
  },
  {
    name: 'tags',
    act: (registry, full) => registry.tags(full),
    check: async (_registry, _full, _image, result) => assert.equal(result, ['1', '2']),
  },
  {
    name: 'put',
    act: (registry, full, image) => registry.put(`${full}:3`, image),
    check: async (registry, full, image) => assert.is(await registry.head(`${full}:3`), image.digest),
  },
  {
    name: 'copy',
    act: (registry, full, image) => registry.copy(`${full}@${image.digest}`, `${full}/copy`),
    check: async (registry, full, image) =>
      assert.is(await registry.head(`${full}/copy@${image.digest}`), image.digest),
  },
  {
    name: 'mayPush',
    act: (registry, full) => registry.mayPush(full),
    check: async (registry, full) => assert.equal(await registry.tags(full), ['1', '2']),
  },
  {
    name: 'mayDelete',
    act: (registry, full) => registry.mayDelete(full),
    check: async (registry, full) => assert.equal(await registry.tags(full), ['1', '2']),
  },
  {
    name: 'untag',
    act: (registry, full) => registry.untag(`${full}:1`),
    check: async (registry, full, image, result) => {
      assert.is(result, 'gone');
      assert.is(await registry.head(`${full}:1`), undefined);
      assert.is(await registry.head(`${full}:2`), image.digest);
    },
  },
  {
    name: 'write',
    act: (registry, full) => registry.write(`${full}:text`, 'text'),
    check: async (registry, full) => assert.is(await registry.read(`${full}:text`), 'text'),
  },
];

if (hasRegistry) {
  let [real, other]: RealRegistry[] = [];
  let proxy: FaultProxy;
  let serial = 0;
  test.before(async () => {
    [real, other] = [await startRegistry({ deletes: true }), await startRegistry({ deletes: true })];
    proxy = await startFaultProxy(real.host);
  });
  test.after(async () => {
    await proxy.stop();
    await Promise.all([real!.stop(), other!.stop()]);
  });
  const open = (tries = 3, sleep = async (): Promise<void> => undefined): Registry =>
    openRegistry({
      credentials: async () => undefined,
      timing: { now: Date.now, sleep, random: () => 0.5 },
      signal: new AbortController().signal,
      timeoutMs: 10_000,
      tries,
    });
  /** Creates a repository that has an image with two tags. */
  const prepare = async (to = real!, bytes = 1_000): Promise<{ repository: string; image: RawManifest }> => {
    const repository = `team/app${++serial}`;
    const config = Buffer.from(
      JSON.stringify({ os: 'linux', architecture: 'amd64', config: { Labels: {} } }),
    );
    const layer = randomBytes(bytes);
    for (const blob of [config, layer]) await to.putBlob(repository, blob);
    const descriptor = (blob: Buffer) => ({ mediaType: 'x/y', digest: digestOf(blob), size: blob.length });
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const body = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType,
        config: descriptor(config),
        layers: [descriptor(layer)],
      }),
    );
    const image = { mediaType, digest: digestOf(body), body };
    for (const tag of ['1', '2']) await open().put(`${to.host}/${repository}:${tag}`, image);
    return { repository, image };
  };
  /** Returns how many requests a call of a new client takes without faults. */
  const countRequests = async ({ act }: Case): Promise<number> => {
    const { repository, image } = await prepare();
    proxy.clear();
    await act(open(), `${proxy.host}/${repository}`, image);
    return proxy.requests.length;
  };

  for (const each of cases) {
    test(`${each.name}: succeeds if any request fails once in a temporary way`, async () => {
      const count = await countRequests(each);
      for (let nth = 1; nth <= count; nth++)
        for (const fault of temporary) {
          const { repository, image } = await prepare();
          proxy.clear();
          proxy.fail(/./, fault, { nth });
          const result = await each.act(open(), `${proxy.host}/${repository}`, image);
          proxy.clear();
          const where = `${fault} at request ${nth} of ${count}`;
          await each
            .check(open(), `${real!.host}/${repository}`, image, result)
            .catch((error: Error) => assert.unreachable(`${where}: ${error.message}`));
        }
    });

    test(`${each.name}: reports permanent failures, and tags still point to their image or are deleted`, async () => {
      const count = await countRequests(each);
      for (let nth = 1; nth <= count; nth++)
        for (const fault of permanent) {
          const { repository, image } = await prepare();
          proxy.clear();
          proxy.fail(/./, fault, { nth });
          const result = await each.act(open(), `${proxy.host}/${repository}`, image).catch((error) => error);
          if (result instanceof Error) assert.instance(result, RegistryError);
          proxy.clear();
          for (const tag of ['1', '2'])
            assert.ok(
              [image.digest, undefined].includes(await open().head(`${real!.host}/${repository}:${tag}`)),
              `${fault} at request ${nth} of ${count}: ${proxy.requests.map(({ method, path }) => `${method} ${path}`)}`,
            );
        }
    });
  }

  test('untag restores the tag and reports it if all deletes fail', async () => {
    for (const nth of [1, 2, 3])
      for (const fault of [500, 403, 'lost'] as const) {
        const { repository, image } = await prepare();
        proxy.clear();
        proxy.fail(/^DELETE/, fault, { nth, forever: true });
        const result = await open()
          .untag(`${proxy.host}/${repository}:1`)
          .catch((error: unknown) => error);
        if (result !== 'refused') assert.instance(result, RegistryError);
        assert.is(await open().head(`${real!.host}/${repository}:1`), image.digest, `${fault} at ${nth}`);
      }
  });

  test('untag restores the tag if the response to replacing it is always lost', async () => {
    const { repository, image } = await prepare();
    proxy.clear();
    for (const nth of [1, 2, 3]) proxy.fail(/^PUT .*manifests/, 'lost', { nth });
    assert.is((await registryErrorOf(open().untag(`${proxy.host}/${repository}:1`))).problem, 'unreachable');
    assert.is(await open().head(`${real!.host}/${repository}:1`), image.digest);
  });

  test('untag deletes the tag although the registry fails after it has deleted the image', async () => {
    for (const heals of [true, false]) {
      const { repository, image } = await prepare();
      // docker-registry deletes the manifest, then reads all tags to find those on it. It fails on an empty link.
      const broken = path.join(
        real!.folder,
        `data/docker/registry/v2/repositories/${repository}/_manifests/tags/broken`,
      );
      writeFiles(broken, { 'current/link': '' });
      const registry = open(3, async () => {
        if (heals) rmSync(broken, { recursive: true, force: true });
      });
      const name = `${real!.host}/${repository}:1`;
      if (heals) assert.is(await registry.untag(name), 'gone');
      else assert.match((await registryErrorOf(registry.untag(name))).message, /but not the tag/);
      rmSync(broken, { recursive: true, force: true });
      assert.equal(await open().tags(`${real!.host}/${repository}`), heals ? ['2'] : ['1', '2']);
      assert.is(await open().head(name), heals ? undefined : image.digest);
    }
  });

  test('untag leaves a tag alone that another client sets while a failed delete is repeated', async () => {
    const { repository, image } = await prepare();
    const tags = path.join(
      real!.folder,
      `data/docker/registry/v2/repositories/${repository}/_manifests/tags`,
    );
    writeFiles(path.join(tags, 'broken'), { 'current/link': '' });
    const name = `${real!.host}/${repository}:1`;
    const registry = open(3, async () => {
      rmSync(path.join(tags, 'broken'), { recursive: true, force: true });
      await open().put(name, image);
    });
    await registry.untag(name);
    assert.is(await open().head(name), image.digest);
  });

  test('each method reports a registry that always fails as `unreachable`', async () => {
    for (const { act } of cases)
      for (const fault of ['reset', 500] as const) {
        const { repository, image } = await prepare();
        proxy.clear();
        proxy.fail(/./, fault, { forever: true });
        const error = await registryErrorOf(act(open(), `${proxy.host}/${repository}`, image));
        assert.is(error.problem, 'unreachable');
      }
  });

  test('a copy between registries is complete if any request to either fails once', async () => {
    const source = await startFaultProxy(other!.host);
    try {
      const { repository, image } = await prepare(other!, 3_000_000);
      const copy = async (to: string): Promise<void> =>
        await open().copy(`${source.host}/${repository}@${image.digest}`, `${proxy.host}/${to}`);
      proxy.clear();
      await copy(`copy${++serial}`);
      const counts = [source.requests.length, proxy.requests.length];
      for (const [side, failing] of [source, proxy].entries())
        for (let nth = 1; nth <= counts[side]!; nth++)
          for (const fault of temporary) {
            const to = `copy${++serial}`;
            for (const each of [source, proxy]) each.clear();
            failing.fail(/./, fault, { nth });
            await copy(to);
            assert.is(await open().head(`${real!.host}/${to}@${image.digest}`), image.digest);
          }
    } finally {
      await source.stop();
    }
  });

  test('an abort ends a request that hangs', async () => {
    const { repository } = await prepare();
    const abort = new AbortController();
    const registry = openRegistry({
      credentials: async () => undefined,
      timing: { now: Date.now, sleep: async () => undefined, random: () => 0.5 },
      signal: abort.signal,
      timeoutMs: 60_000,
      tries: 3,
    });
    proxy.clear();
    proxy.fail(/./, 'hang');
    const head = registry.head(`${proxy.host}/${repository}:1`).catch((error: Error) => error.message);
    await proxy.waitForHanging(1);
    abort.abort(new Error('stopped'));
    assert.is(await head, 'stopped');
    proxy.clear();
  });
} else test.skip('docker-registry is not installed');

test.run();

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
