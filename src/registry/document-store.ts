import { type RawManifest, RegistryError } from '../model/registry.ts';
import { type Client, digestOf, undefinedIfMissing } from './client.ts';
import { readConfig } from './images.ts';
import { putManifest } from './put-manifest.ts';
import type { Reference, RepositoryRef } from './reference.ts';
import { uploadBlob } from './upload-blob.ts';

/** The label that holds a document's text. */
const label = 'image-tasks.document';

/** The layer of an image without files, as docker has made it since 2014. */
const emptyLayer = Buffer.from('1f8b080000096e8800ff621805a360148c5800080000ffff2eafb5ef00040000', 'hex');
const emptyTar = digestOf(Buffer.alloc(1024));

/** Keeps texts under tags. */
export interface DocumentStore {
  read(reference: Reference): Promise<string | undefined>;
  /** Returns the digest of its manifest. */
  write(reference: Reference, text: string): Promise<string>;
}

/**
 * Texts as images without files, for no platform that exists, the text a label: whatever a registry thinks of artifacts,
 * images it takes.
 */
export function documentStore(client: Client): DocumentStore {
  /** Repositories that have the layer. */
  const ready = new Map<string, Promise<void>>();
  const giveLayer = async (place: RepositoryRef): Promise<void> => {
    const digest = digestOf(emptyLayer);
    if (await client.hasBlob(place, digest)) return;
    await uploadBlob(client, place, { digest, bytes: emptyLayer.length, body: emptyLayer });
  };
  const needLayer = (place: RepositoryRef): Promise<void> => {
    const name = `${place.host}/${place.repository}`;
    const given = ready.get(name) ?? giveLayer(place);
    ready.set(name, given);
    given.catch(() => ready.delete(name));
    return given;
  };
  return {
    async read(reference) {
      const manifest = await undefinedIfMissing(client.manifest(reference));
      if (manifest === undefined) return undefined;
      const { labels } = await readConfig(client, reference, manifest);
      if (labels[label] !== undefined) return labels[label];
      throw new RegistryError(
        'broken',
        `${reference.host}/${reference.repository}:${reference.tag} is no document of ours, but something else`,
        { hint: 'somebody else uses this tag' },
      );
    },
    async write(reference, text) {
      const { config, manifest } = documentOf(text);
      const blob = { digest: digestOf(config), bytes: config.length, body: config };
      await Promise.all([needLayer(reference), uploadBlob(client, reference, blob)]);
      await putManifest(client, reference, manifest);
      return manifest.digest;
    },
  };
}

function documentOf(text: string): { config: Buffer; manifest: RawManifest } {
  const config = asJson({
    architecture: 'unknown',
    os: 'unknown',
    config: { Labels: { [label]: text } },
    rootfs: { type: 'layers', diff_ids: [emptyTar] },
  });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const descriptor = (mediaType: string, bytes: Buffer): object => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  const body = asJson({
    schemaVersion: 2,
    mediaType,
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: [descriptor('application/vnd.oci.image.layer.v1.tar+gzip', emptyLayer)],
  });
  return { config, manifest: { mediaType, digest: digestOf(body), body } };
}

function asJson(value: object): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8');
}
