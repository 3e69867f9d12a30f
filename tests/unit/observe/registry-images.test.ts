import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openMemo } from '../../../src/incremental/memo.ts';
import { RegistryError } from '../../../src/model/registry.ts';
import { listRemoteImages } from '../../../src/observe/registry-images.ts';
import { queryRemoteImages, type RemoteImageQuery } from '../../../src/observe/remote-images.ts';
import { type FakeRegistry, fakeRegistry } from '../../support/fake-registry.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('what a registry that alone has the images is asked');

const queries = (count: number, repositories = 2): RemoteImageQuery[] =>
  Array.from({ length: count }, (_, index) => ({
    id: `app${index % repositories}:${index}`,
    contentTag: `h/team/app${index % repositories}:${index}-k0`,
    platform: 'linux/amd64',
  }));

function push(registry: FakeRegistry, name: string, id: string): string {
  const hex = Buffer.from(id).toString('hex').padEnd(64, '0');
  return registry.push(name, { id: `sha256:${hex}`, labels: { id }, platform: 'linux/amd64', created: 0 });
}

const countCalls = (registry: FakeRegistry): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { method } of registry.calls.splice(0)) counts[method] = (counts[method] ?? 0) + 1;
  return counts;
};

test('1,000 images: one list of tags per repository, one HEAD per present tag, and each image once in all runs', async () => {
  const registry = fakeRegistry();
  const all = queries(1_000);
  for (const { contentTag } of all.slice(0, 900)) push(registry, contentTag, contentTag);
  const file = `${tempFolder()}/memo`;
  const memo = openMemo(file, assert.unreachable);
  assert.is((await listRemoteImages(registry, all, memo)).size, 900);
  assert.equal(countCalls(registry), { tags: 2, head: 900, image: 900 });

  const found = await listRemoteImages(registry, all, openMemo(file, assert.unreachable));
  assert.equal(countCalls(registry), { tags: 2, head: 900 });
  assert.is(found.get('app0:0')?.image.labels.id, 'h/team/app0:0-k0');
});

test('a tag that was moved to another image is read again', async () => {
  const registry = fakeRegistry();
  const [query] = queries(1);
  const memo = openMemo(`${tempFolder()}/memo`, assert.unreachable);
  push(registry, query!.contentTag, 'old');
  await listRemoteImages(registry, [query!], memo);
  push(registry, query!.contentTag, 'new');
  const found = await listRemoteImages(registry, [query!], memo);
  assert.is(found.get(query!.id)?.image.labels.id, 'new');
});

test('a pass counts only on the same image', async () => {
  const registry = fakeRegistry();
  const [query] = queries(1);
  const passTag = `${query!.contentTag}-t0`;
  push(registry, query!.contentTag, 'image');
  push(registry, passTag, 'image');
  const memo = openMemo(`${tempFolder()}/memo`, assert.unreachable);
  const find = async () => (await listRemoteImages(registry, [{ ...query!, passTag }], memo)).get(query!.id);
  assert.is((await find())?.passed, true);
  push(registry, passTag, 'other');
  assert.is((await find())?.passed, false);
});

test('beside attestations, a pass counts on their index and on the image alone', async () => {
  const [query] = queries(1);
  const { contentTag, id } = query!;
  const passTag = `${contentTag}-t0`;
  const [index, manifest, other] = ['1', '2', '3'].map((digit) => `sha256:${digit.repeat(64)}`);
  const image = {
    digest: index!,
    manifest: { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: manifest!, size: 1 },
    ids: [manifest!, index!],
    labels: {},
    bytes: 1,
  };
  const passedOn = async (digest: string | undefined): Promise<boolean | undefined> => {
    const registry = {
      tags: async () => [contentTag, passTag].map((tag) => tag.slice(tag.lastIndexOf(':') + 1)),
      head: async (name: string) => (name === passTag ? digest : index),
      image: async () => image,
      mayPush: async () => undefined,
    };
    const memo = openMemo(`${tempFolder()}/memo`, assert.unreachable);
    const inRegistryMode = (await listRemoteImages(registry, [{ ...query!, passTag }], memo)).get(id)?.passed;
    const inEngineMode = (await queryRemoteImages(registry, [{ ...query!, passTag }])).get(id)?.passed;
    assert.is(inRegistryMode, inEngineMode);
    return inRegistryMode;
  };
  assert.is(await passedOn(index), true);
  assert.is(await passedOn(manifest), true);
  assert.is(await passedOn(other), false);
  assert.is(await passedOn(undefined), false);
});

test('a registry that lists no tags is asked for each', async () => {
  const registry = fakeRegistry();
  const all = queries(3, 1);
  push(registry, all[0]!.contentTag, 'image');
  registry.beforeCall = ({ method }) => {
    if (method === 'tags') throw new RegistryError('broken', 'no list');
  };
  const memo = openMemo(`${tempFolder()}/memo`, assert.unreachable);
  assert.equal([...(await listRemoteImages(registry, all, memo)).keys()], [all[0]!.id]);
});

test('a repository that does not exist yet may be denied to those who only read', async () => {
  const registry = fakeRegistry();
  let mayPush = false;
  registry.beforeCall = ({ method }) => {
    if (method === 'mayPush') mayPush = true;
    else if (!mayPush) throw new RegistryError('denied', 'login required');
  };
  const memo = openMemo(`${tempFolder()}/memo`, assert.unreachable);
  assert.is((await listRemoteImages(registry, queries(1), memo)).size, 0);
});

test('a registry that does not answer is an error', async () => {
  const registry = fakeRegistry();
  registry.beforeCall = () => {
    throw new RegistryError('unreachable', 'no route');
  };
  const memo = openMemo(`${tempFolder()}/memo`, assert.unreachable);
  const error = await listRemoteImages(registry, queries(1), memo).catch((thrown: Error) => thrown);
  assert.instance(error, RegistryError);
});

test.run();
