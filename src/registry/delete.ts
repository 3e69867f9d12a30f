import { randomBytes } from 'node:crypto';
import { type RawManifest, RegistryError } from '../model/registry.ts';
import type { AuthResponse } from './auth.ts';
import { type Client, manifestPath, undefinedIfMissing } from './client.ts';
import type { DocumentStore } from './document-store.ts';
import { putManifest } from './put-manifest.ts';
import type { Reference, RepositoryRef } from './reference.ts';

export type DeleteResult = 'gone' | 'refused';

/** Registries answer one of these where they delete something else, or nothing, or not for us. */
const refusals = [400, 401, 403, 404, 405];

/**
 * Deletes a manifest and every tag on it. That it was not there any more is as good: the answer of an earlier try may
 * have been lost.
 */
export async function deleteManifest(client: Client, reference: Reference): Promise<DeleteResult> {
  const { status } = await ask(client, reference);
  if (status < 300) return 'gone';
  // Where we may not even read, that is what is wrong: it throws.
  return (await client.head(reference)) === undefined ? 'gone' : 'refused';
}

/** Asks for a manifest to be deleted that cannot exist: registries that delete say that it isn't there. @throws RegistryError */
export async function mayDelete(client: Client, { host, repository }: RepositoryRef): Promise<void> {
  const path = manifestPath(nowhere({ host, repository }));
  await client.request(
    { host, repository },
    { method: 'DELETE', path, access: 'delete', ok: [200, 202, 204, 404] },
  );
}

/**
 * Takes tags away one by one: by DELETE where a registry knows that for tags, else by putting something on the tag that
 * nothing else points at, and deleting that. First it is made sure that the registry deletes at all.
 */
export function makeUntag(
  client: Client,
  documents: DocumentStore,
): (reference: Reference) => Promise<DeleteResult> {
  /** Repositories that delete manifests, but not tags alone. */
  const roundabout = new Set<string>();
  return async (reference) => {
    const { host, repository } = reference;
    const name = `${host}/${repository}`;
    if (!roundabout.has(name)) {
      const { status } = await ask(client, reference);
      if (status < 300) return 'gone';
    }
    const before = await undefinedIfMissing(client.manifest(reference));
    if (before === undefined) return 'gone';
    if (!roundabout.has(name)) {
      const probe = await ask(client, nowhere({ host, repository }));
      if (probe.status >= 300 && probe.status !== 404) return 'refused';
      roundabout.add(name);
    }
    return await replaceAndRemove(client, documents, reference, before);
  };
}

async function replaceAndRemove(
  client: Client,
  documents: DocumentStore,
  tagged: Reference,
  before: RawManifest,
): Promise<DeleteResult> {
  const { host, repository } = tagged;
  const giveBack = async (): Promise<void> => await putManifest(client, tagged, before);
  try {
    // Another for each time: it must not take away somebody else's tag with it.
    const text = JSON.stringify({ removed: randomBytes(16).toString('hex') });
    const digest = await documents.write(tagged, text);
    const removal = await deleteManifest(client, { host, repository, digest });
    if (removal === 'refused') await giveBack();
    return removal;
  } catch (error) {
    if (error instanceof RegistryError && error.problem === 'immutable') return 'refused';
    // What was done nobody knows: the tag must point at something that makes sense.
    if (error instanceof RegistryError) await giveBack().catch(() => undefined);
    throw error;
  }
}

/** A manifest that is not there. */
function nowhere({ host, repository }: RepositoryRef): Reference {
  return { host, repository, digest: `sha256:${randomBytes(32).toString('hex')}` };
}

async function ask(client: Client, reference: Reference): Promise<AuthResponse> {
  const ok = [200, 202, 204, ...refusals];
  return await client.request(reference, {
    method: 'DELETE',
    path: manifestPath(reference),
    access: 'delete',
    ok,
  });
}
