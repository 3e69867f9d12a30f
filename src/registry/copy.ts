import pLimit from 'p-limit';
import { RegistryError } from '../model/registry.ts';
import type { Client } from './client.ts';
import type { OpenBody } from './http.ts';
import { type Descriptor, parseManifest } from './manifest.ts';
import { putManifest } from './put-manifest.ts';
import type { Reference, RepositoryRef } from './reference.ts';
import { beginUpload, cancelUpload, uploadBlob } from './upload-blob.ts';

/** How many blobs of an image are copied at once. */
const maxBlobs = 3;

/** Copies an image or an index, with all its images, to another repository, under its digest. */
export async function copyImage(client: Client, from: Reference, to: RepositoryRef): Promise<void> {
  const isSame = from.host === to.host && from.repository === to.repository;
  if (from.digest !== undefined && !isSame) {
    // Registries accept a manifest only if everything in it exists, so an existing manifest is complete.
    if ((await client.head({ ...to, digest: from.digest })) !== undefined) return;
  }
  const manifest = await client.manifest(from);
  if (isSame) return;
  const { manifests, config, layers } = parseManifest(manifest, from.repository);
  for (const { digest } of manifests ?? []) await copyImage(client, { ...from, digest }, to);
  const limit = pLimit(maxBlobs);
  const blobs = [...layers, ...(config !== undefined ? [config] : [])].filter(({ urls }) => !urls?.length);
  const distinct = [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
  await Promise.all(distinct.map((blob) => limit(() => copyBlob(client, from, to, blob))));
  await putManifest(client, { ...to, digest: manifest.digest }, manifest);
}

async function copyBlob(
  client: Client,
  from: RepositoryRef,
  to: RepositoryRef,
  blob: Descriptor,
): Promise<void> {
  const { digest, size } = blob;
  if (size === undefined)
    throw new RegistryError('broken', `the manifest of ${from.repository} has no size for ${digest}`);
  const body = source(client, from, digest, size);
  if (from.host !== to.host) {
    if (!(await client.hasBlob(to, digest))) await uploadBlob(client, to, { digest, bytes: size, body });
    return;
  }
  const session = await beginUpload(client, to, { digest, from: from.repository });
  if (session.status === 201) return;
  if (await client.hasBlob(to, digest)) await cancelUpload(client, to, session);
  else await uploadBlob(client, to, { digest, bytes: size, body }, session);
}

/** Streams a blob, so that only a few chunks are in memory. Fails if it is larger than `size`. */
function source(client: Client, from: RepositoryRef, digest: string, size: number): OpenBody {
  return async (signal) => {
    const request = { method: 'GET', path: `blobs/${digest}`, access: 'pull', ok: [200] } as const;
    const { stream } = await client.request(from, { ...request, streamed: true, signal });
    return limited(stream!, size, `${from.host}/${from.repository}@${digest}`);
  };
}

async function* limited(
  stream: AsyncIterable<Uint8Array>,
  size: number,
  name: string,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > size) throw new RegistryError('broken', `${name} is larger than its manifest says`);
    yield chunk;
  }
}
