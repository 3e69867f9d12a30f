import { randomBytes } from 'node:crypto';
import pLimit, { type LimitFunction } from 'p-limit';
import { type RawManifest, RegistryError } from '../model/registry.ts';
import type { AuthResponse } from './auth.ts';
import { type Client, manifestPath, undefinedIfMissing } from './client.ts';
import type { DocumentStore } from './document-store.ts';
import { putManifest } from './put-manifest.ts';
import type { Reference, RepositoryRef } from './reference.ts';
import { Retry } from './retry.ts';
import { listTags } from './tags.ts';

export type DeleteResult = 'gone' | 'refused';

/** The statuses of registries that do not delete this kind of thing, nothing at all, or not for us. */
const refusals = [400, 401, 403, 404, 405];

/**
 * Checks that a registry allows deletes, by deleting a manifest that cannot exist: registries that allow it respond with 404.
 * @throws RegistryError
 */
export async function mayDelete(client: Client, { host, repository }: RepositoryRef): Promise<void> {
  const path = manifestPath(nonexistent({ host, repository }));
  await client.request(
    { host, repository },
    { method: 'DELETE', path, access: 'delete', ok: [200, 202, 204, 404] },
  );
}

/**
 * Returns a function that deletes single tags: with DELETE if the registry supports that for tags. Otherwise, if it deletes
 * manifests, the function points the tag to a new, unique manifest and deletes that.
 */
export function makeUntag(
  client: Client,
  documents: DocumentStore,
): (reference: Reference) => Promise<DeleteResult> {
  /** Repositories that delete manifests, but not single tags. */
  const manifestsOnly = new Map<string, LimitFunction>();
  return async (reference) => {
    const { host, repository } = reference;
    const name = `${host}/${repository}`;
    if (!manifestsOnly.has(name)) {
      const { status } = await sendDelete(client, reference);
      if (status < 300) return 'gone';
    }
    const before = await undefinedIfMissing(client.manifest(reference));
    if (before === undefined) return 'gone';
    if (!manifestsOnly.has(name)) {
      const probe = await sendDelete(client, nonexistent({ host, repository }));
      if (probe.status >= 300 && probe.status !== 404) return 'refused';
      if (!manifestsOnly.has(name)) manifestsOnly.set(name, pLimit(1));
    }
    // docker-registry 2 can fail to delete a manifest's tags while another tag is written or deleted.
    return await manifestsOnly.get(name)!(() => replaceAndRemove(client, documents, reference, before));
  };
}

async function replaceAndRemove(
  client: Client,
  documents: DocumentStore,
  tagged: Reference,
  before: RawManifest,
): Promise<DeleteResult> {
  const restore = async (): Promise<void> => await putManifest(client, tagged, before);
  try {
    const result = await client.retry((isLast) => replaceAndRemoveOnce(client, documents, tagged, isLast));
    if (result === 'refused') await restore();
    return result;
  } catch (error) {
    if (error instanceof RegistryError && error.problem === 'immutable') return 'refused';
    // The tag may point to the new manifest now.
    if (error instanceof RegistryError) await restore().catch(() => undefined);
    throw error;
  }
}

async function replaceAndRemoveOnce(
  client: Client,
  documents: DocumentStore,
  tagged: Reference,
  isLast: boolean,
): Promise<DeleteResult | Retry> {
  const { host, repository, tag } = tagged;
  // The manifest must be unique: deleting it deletes every tag on it.
  const text = JSON.stringify({ removed: randomBytes(16).toString('hex') });
  const digest = await documents.write(tagged, text);
  const { status } = await sendDelete(client, { host, repository, digest });
  if (status < 300) return 'gone';
  if ((await client.head({ host, repository, digest })) !== undefined) return 'refused';
  // An earlier attempt of the request deleted the manifest. It may have failed before it deleted the tag.
  // If the tag has an image again, another client has set it.
  if ((await client.head(tagged)) !== undefined || !(await listTags(client, tagged)).includes(tag!))
    return 'gone';
  if (!isLast) return new Retry();
  throw new RegistryError('broken', `${host} deleted the image of ${repository}:${tag}, but not the tag`, {
    hint: "look into the registry's log, then try again",
  });
}

/** Returns the reference of a manifest that does not exist. */
function nonexistent({ host, repository }: RepositoryRef): Reference {
  return { host, repository, digest: `sha256:${randomBytes(32).toString('hex')}` };
}

async function sendDelete(client: Client, reference: Reference): Promise<AuthResponse> {
  const ok = [200, 202, 204, ...refusals];
  return await client.request(reference, {
    method: 'DELETE',
    path: manifestPath(reference),
    access: 'delete',
    ok,
  });
}
