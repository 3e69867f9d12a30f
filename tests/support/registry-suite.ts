import { createHash, randomBytes } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RawManifest, Registry } from '../../src/model/registry.ts';
import { registryErrorOf } from './registry-error.ts';

export interface OpenedRegistry {
  readonly registry: Registry;
  /** `127.0.0.1:5000` */
  readonly host: string;
  /** Whether it allows deletes. */
  readonly deletes: boolean;
  /** Pushes a blob as another client. `repository`: without the host. */
  putBlob(repository: string, bytes: Buffer): Promise<void> | void;
  close(): Promise<void>;
}

const types = {
  image: 'application/vnd.oci.image.manifest.v1+json',
  docker: 'application/vnd.docker.distribution.manifest.v2+json',
  index: 'application/vnd.oci.image.index.v1+json',
};

/** The contract of `Registry`. It runs against the fake and real registries, so that the fake behaves like them. */
export function registrySuite(name: string, open: () => Promise<OpenedRegistry>): void {
  const test = suite(`registry: ${name}`);
  let opened: OpenedRegistry;
  let registry: Registry;
  let serial = 0;
  test.before(async () => {
    opened = await open();
    registry = opened.registry;
  });
  test.after(async () => await opened.close());

  const freshName = (): string => `team/app${++serial}`;
  const full = (repository: string): string => `${opened.host}/${repository}`;
  /** Creates an image and pushes its blobs, but not its manifest. */
  const makeImage = async (
    repository: string,
    { platform = 'linux/amd64', mediaType = types.image, labels = { a: '1' } } = {},
  ): Promise<RawManifest & { id: string; size: number }> => {
    const [os, architecture, variant] = platform.split('/');
    const config = json({
      os,
      architecture,
      variant,
      created: '2026-11-24T10:00:00.5Z',
      config: { Labels: labels },
      rootfs: { type: 'layers', diff_ids: [] },
    });
    const layer = randomBytes(100_000);
    for (const blob of [config, layer]) await opened.putBlob(repository, blob);
    const descriptor = (bytes: Buffer, mediaType: string) => ({
      mediaType,
      digest: digestOf(bytes),
      size: bytes.length,
    });
    const kind = mediaType === types.image ? 'vnd.oci.image' : 'vnd.docker.container.image';
    const configType =
      mediaType === types.image ? `application/${kind}.config.v1+json` : `application/${kind}.v1+json`;
    const layerType =
      mediaType === types.image
        ? 'application/vnd.oci.image.layer.v1.tar+gzip'
        : 'application/vnd.docker.image.rootfs.diff.tar.gzip';
    const body = json({
      schemaVersion: 2,
      mediaType,
      config: descriptor(config, configType),
      layers: [descriptor(layer, layerType)],
    });
    const size = config.length + layer.length;
    return { mediaType, digest: digestOf(body), body, id: digestOf(config), size };
  };
  const push = async (repository: string, tag: string, options = {}) => {
    const image = await makeImage(repository, options);
    await registry.put(`${full(repository)}:${tag}`, image);
    return image;
  };
  const pushIndex = async (repository: string, tag: string) => {
    const [amd, arm, proof] = [
      await makeImage(repository),
      await makeImage(repository, { platform: 'linux/arm64/v8', labels: { a: 'arm' } }),
      await makeImage(repository, { platform: 'unknown/unknown' }),
    ];
    for (const image of [amd, arm, proof]) await registry.put(`${full(repository)}@${image.digest}`, image);
    const entry = (image: RawManifest, os: string, architecture: string) => ({
      mediaType: image.mediaType,
      digest: image.digest,
      size: image.body.length,
      platform: { os, architecture },
    });
    const body = json({
      schemaVersion: 2,
      mediaType: types.index,
      manifests: [
        {
          ...entry(proof, 'unknown', 'unknown'),
          annotations: {
            'vnd.docker.reference.type': 'attestation-manifest',
            'vnd.docker.reference.digest': amd.digest,
          },
        },
        entry(amd, 'linux', 'amd64'),
        entry(arm, 'linux', 'arm64'),
      ],
    });
    const index = { mediaType: types.index, digest: digestOf(body), body };
    await registry.put(`${full(repository)}:${tag}`, index);
    return { index, amd, arm, proof };
  };

  test('a name that does not exist is not an error', async () => {
    const name = full(freshName());
    assert.is(await registry.head(`${name}:1`), undefined);
    assert.is(await registry.image(`${name}:1`, 'linux/amd64'), undefined);
    assert.is(await registry.read(`${name}:1`), undefined);
    assert.equal(await registry.tags(name), []);
    assert.is((await registryErrorOf(registry.manifest(`${name}:1`))).problem, 'missing');
    assert.is(await registry.untag(`${name}:1`), 'gone');
  });

  test('image returns digests, labels, size and time, by tag and by digest, for its platform only', async () => {
    for (const mediaType of [types.image, types.docker]) {
      const repository = freshName();
      const image = await push(repository, '1', { mediaType, labels: { colour: 'red' } });
      for (const name of [`${full(repository)}:1`, `${full(repository)}@${image.digest}`]) {
        const found = (await registry.image(name, 'linux/amd64'))!;
        assert.equal([found.digest, found.labels], [image.digest, { colour: 'red' }]);
        assert.equal([...found.ids].sort(), [image.id, image.digest].sort());
        assert.equal([found.bytes, found.created], [image.size, Date.parse('2026-11-24T10:00:00.5Z')]);
        assert.is(await registry.image(name, 'linux/arm64'), undefined);
        assert.is(await registry.head(name), image.digest);
      }
    }
  });

  test('a manifest is stored byte for byte, and is also found by its digest', async () => {
    const repository = freshName();
    const image = await push(repository, '1');
    for (const name of [`${full(repository)}:1`, `${full(repository)}@${image.digest}`]) {
      const found = await registry.manifest(name);
      assert.equal([found.mediaType, found.digest], [image.mediaType, image.digest]);
      assert.ok(found.body.equals(image.body));
    }
  });

  test('image finds the image for a platform in an index, and never an attestation', async () => {
    const repository = freshName();
    const { index, amd, arm, proof } = await pushIndex(repository, '1');
    const find = (platform: string) => registry.image(`${full(repository)}:1`, platform);
    assert.equal((await find('linux/amd64'))?.ids, [amd.id, amd.digest, index.digest]);
    assert.equal(
      [(await find('linux/arm64'))?.labels.a, (await find('linux/arm64'))?.ids[0]],
      ['arm', arm.id],
    );
    assert.is((await find('linux/amd64'))?.digest, index.digest);
    const { mediaType, digest, body } = proof;
    assert.equal((await find('linux/amd64'))?.attestations, [{ mediaType, digest, size: body.length }]);
    assert.is((await find('linux/arm64'))?.attestations, undefined);
    assert.is(await find('linux/s390x'), undefined);
    assert.is(await find('unknown/unknown'), undefined);
  });

  test('contents returns an image, all images and other manifests of an index, and the subject of a signature', async () => {
    const repository = freshName();
    const name = full(repository);
    assert.is(await registry.contents(`${name}:1`), undefined);
    const image = await push(repository, '1');
    assert.equal(await registry.contents(`${name}:1`), {
      digest: image.digest,
      manifestDigests: [],
      images: [await registry.image(`${name}:1`, 'linux/amd64')],
    });
    const { index, amd, arm } = await pushIndex(repository, '2');
    const found = (await registry.contents(`${name}:2`))!;
    assert.is(found.digest, index.digest);
    assert.is(found.manifestDigests.length, 3, 'the attestation too');
    for (const { digest } of [amd, arm]) assert.ok(found.manifestDigests.includes(digest));
    assert.equal(
      found.images.map(({ ids, labels }) => [ids.includes(index.digest), labels.a]),
      [
        [true, '1'],
        [true, 'arm'],
      ],
    );
    const empty = json({});
    await opened.putBlob(repository, empty);
    const config = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(empty), size: 2 };
    const subject = { mediaType: types.image, digest: image.digest, size: image.body.length };
    const body = json({ schemaVersion: 2, mediaType: types.image, config, layers: [], subject });
    await registry.put(`${name}:sig`, { mediaType: types.image, digest: digestOf(body), body });
    assert.equal(await registry.contents(`${name}:sig`), {
      digest: digestOf(body),
      manifestDigests: [image.digest],
      images: [],
    });
  });

  test('put moves a tag, and sets no tag if the name has only a digest', async () => {
    const repository = freshName();
    const [one, two] = [await push(repository, '1'), await makeImage(repository)];
    await registry.put(`${full(repository)}@${two.digest}`, two);
    assert.equal(await registry.tags(full(repository)), ['1']);
    assert.is(await registry.head(`${full(repository)}:1`), one.digest);
    await registry.put(`${full(repository)}:1`, two);
    assert.is(await registry.head(`${full(repository)}:1`), two.digest);
    assert.is(
      await registry.head(`${full(repository)}@${one.digest}`),
      one.digest,
      'the previous manifest still exists',
    );
  });

  test('put rejects a manifest whose blobs do not exist', async () => {
    const image = await makeImage(freshName());
    const other = freshName();
    assert.is((await registryErrorOf(registry.put(`${full(other)}:1`, image))).problem, 'broken');
    assert.is(await registry.head(`${full(other)}:1`), undefined);
  });

  test('an image and an index are copied whole to another repository, without a tag', async () => {
    const [from, to] = [freshName(), freshName()];
    const image = await push(from, '1');
    await registry.copy(`${full(from)}@${image.digest}`, full(to));
    assert.equal(await registry.tags(full(to)), []);
    await registry.put(`${full(to)}:x`, image);
    assert.equal((await registry.image(`${full(to)}:x`, 'linux/amd64'))?.ids, [image.id, image.digest]);
    const { index, arm } = await pushIndex(from, '2');
    await registry.copy(`${full(from)}@${index.digest}`, full(to));
    await registry.copy(`${full(from)}@${index.digest}`, full(to));
    await registry.copy(`${full(from)}@${index.digest}`, full(from));
    await registry.put(`${full(to)}:y`, index);
    assert.is((await registry.image(`${full(to)}:y`, 'linux/arm64'))?.ids[0], arm.id);
    const nothing = `${full(from)}@sha256:${'0'.repeat(64)}`;
    assert.is((await registryErrorOf(registry.copy(nothing, full(to)))).problem, 'missing');
  });

  test('mayPush leaves nothing in the registry', async () => {
    const repository = freshName();
    await registry.mayPush(full(repository));
    assert.equal(await registry.tags(full(repository)), []);
  });

  test('mayDelete deletes nothing, and fails if the registry does not allow deletes', async () => {
    const repository = freshName();
    const image = await push(repository, '1');
    if (opened.deletes) await registry.mayDelete(full(repository));
    else assert.is((await registryErrorOf(registry.mayDelete(full(repository)))).problem, 'denied');
    assert.is(await registry.head(`${full(repository)}:1`), image.digest);
  });

  test('tags returns all tags', async () => {
    const repository = freshName();
    const image = await push(repository, '0');
    for (const tag of ['1', '1.2', 'x_y']) await registry.put(`${full(repository)}:${tag}`, image);
    assert.equal([...(await registry.tags(full(repository)))].sort(), ['0', '1', '1.2', 'x_y']);
  });

  test('untag deletes one tag and no other tag of the same image, or nothing if deletes are not allowed', async () => {
    const repository = freshName();
    const image = await push(repository, 'one');
    for (const tag of ['two', 'three']) await registry.put(`${full(repository)}:${tag}`, image);
    for (const tag of ['one', 'two']) {
      assert.is(await registry.untag(`${full(repository)}:${tag}`), opened.deletes ? 'gone' : 'refused');
      assert.is(await registry.head(`${full(repository)}:${tag}`), opened.deletes ? undefined : image.digest);
    }
    assert.is(await registry.head(`${full(repository)}:three`), image.digest);
    const left = opened.deletes ? ['three'] : ['one', 'three', 'two'];
    assert.equal([...(await registry.tags(full(repository)))].sort(), left);
    assert.is(await registry.untag(`${full(repository)}:never`), 'gone');
    await registry.put(`${full(repository)}:one`, image);
    assert.is(await registry.head(`${full(repository)}:one`), image.digest, 'the tag can be set again');
  });

  test('untag of many tags of a repository at the same time leaves none of them', async () => {
    const repository = freshName();
    const image = await push(repository, 'kept');
    const tags = Array.from({ length: 24 }, (_, index) => `t${index}`);
    for (let round = 0; round < 3; round++) {
      await Promise.all(tags.map((tag) => registry.put(`${full(repository)}:${tag}`, image)));
      const results = await Promise.all(tags.map((tag) => registry.untag(`${full(repository)}:${tag}`)));
      assert.equal([...new Set(results)], [opened.deletes ? 'gone' : 'refused']);
      const left = opened.deletes ? ['kept'] : ['kept', ...tags].sort();
      assert.equal([...(await registry.tags(full(repository)))].sort(), left);
    }
  });

  test('a text can be written, replaced and deleted, and reading an image as a text fails', async () => {
    const repository = freshName();
    const name = `${full(repository)}:journal`;
    const large = JSON.stringify({ text: 'ä"\\\n'.repeat(50_000) });
    for (const text of ['{}', '{"a":"ü"}', large]) {
      await registry.write(name, text);
      assert.is(await registry.read(name), text);
    }
    assert.is(await registry.image(name, 'linux/amd64'), undefined, 'it has no platform');
    await registry.write(`${full(repository)}:second`, large);
    assert.is(await registry.untag(name), opened.deletes ? 'gone' : 'refused');
    assert.is(await registry.read(name), opened.deletes ? undefined : large);
    assert.is(await registry.read(`${full(repository)}:second`), large);
    await push(repository, 'image');
    assert.is((await registryErrorOf(registry.read(`${full(repository)}:image`))).problem, 'broken');
  });

  test.run();
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
