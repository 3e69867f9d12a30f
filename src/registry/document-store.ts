import { type RawManifest, RegistryError } from '../model/registry.ts';
import { type Client, digestOf, undefinedIfMissing } from './client.ts';
import { readConfig } from './images.ts';
import { putManifest } from './put-manifest.ts';
import type { Reference, RepositoryRef } from './reference.ts';
import { uploadBlob } from './upload-blob.ts';

/** The label that contains a document's text. */
const label = 'image-tasks.document';

/** The layer of an image without files, as docker has written it since 2014. */
const emptyLayer = Buffer.from('1f8b080000096e8800ff621805a360148c5800080000ffff2eafb5ef00040000', 'hex');
const emptyTar = digestOf(Buffer.alloc(1024));

/** Stores texts under tags. */
export interface DocumentStore {
  read(reference: Reference): Promise<string | undefined>;
  /** Returns the digest of the document's manifest. */
  write(reference: Reference, text: string): Promise<string>;
}

/**
 * Stores each text in a label of an image without files, for the platform `unknown/unknown`. Not every registry accepts
 * artifacts, but all accept images.
 */
export function documentStore(client: Client): DocumentStore {
  /** Uploads of the empty layer, by repository. */
  const uploads = new Map<string, Promise<void>>();
  const uploadLayer = async (repo: RepositoryRef): Promise<void> => {
    const digest = digestOf(emptyLayer);
    if (await client.hasBlob(repo, digest)) return;
    await uploadBlob(client, repo, { digest, bytes: emptyLayer.length, body: emptyLayer });
  };
  const ensureLayer = (repo: RepositoryRef): Promise<void> => {
    const name = `${repo.host}/${repo.repository}`;
    const upload = uploads.get(name) ?? uploadLayer(repo);
    uploads.set(name, upload);
    upload.catch(() => uploads.delete(name));
    return upload;
  };
  return {
    async read(reference) {
      const manifest = await undefinedIfMissing(client.manifest(reference));
      if (manifest === undefined) return undefined;
      const { labels } = await readConfig(client, reference, manifest);
      if (labels[label] !== undefined) return labels[label];
      throw new RegistryError(
        'broken',
        `${reference.host}/${reference.repository}:${reference.tag} was not written by tasks`,
        { hint: 'another tool uses this tag' },
      );
    },
    async write(reference, text) {
      const { config, manifest } = documentOf(text);
      const blob = { digest: digestOf(config), bytes: config.length, body: config };
      await Promise.all([ensureLayer(reference), uploadBlob(client, reference, blob)]);
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
