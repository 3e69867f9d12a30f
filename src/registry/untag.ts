import { randomBytes } from 'node:crypto';
import { type RawManifest, RegistryError } from '../model/registry.ts';
import type { Answer } from './auth.ts';
import { type Client, ifThere, manifestPath } from './client.ts';
import type { Documents } from './document.ts';
import { putManifest } from './put.ts';
import type { Place, Reference } from './reference.ts';

export type Removal = 'gone' | 'refused';

/** Registries answer one of these where they delete something else, or nothing, or not for us. */
const refusals = [400, 401, 403, 404, 405];

/**
 * Deletes a manifest and every tag on it. That it was not there any more is as good: the answer of an earlier try may
 * have been lost.
 */
export async function remove(client: Client, reference: Reference): Promise<Removal> {
  const { status } = await ask(client, reference);
  if (status < 300) return 'gone';
  // Where we may not even read, that is what is wrong: it throws.
  return (await client.head(reference)) === undefined ? 'gone' : 'refused';
}

/** Asks for a manifest to be deleted that cannot exist: registries that delete say that it isn't there. @throws RegistryError */
export async function mayDelete(client: Client, { host, repository }: Place): Promise<void> {
  const path = manifestPath(nowhere({ host, repository }));
  await client.ask(
    { host, repository },
    { method: 'DELETE', path, access: 'delete', ok: [200, 202, 204, 404] },
  );
}

/**
 * Takes tags away one by one: by DELETE where a registry knows that for tags, else by putting something on the tag that
 * nothing else points at, and deleting that. First it is made sure that the registry deletes at all.
 */
export function untagging(client: Client, documents: Documents): (reference: Reference) => Promise<Removal> {
  /** Repositories that delete manifests, but not tags alone. */
  const roundabout = new Set<string>();
  return async (reference) => {
    const { host, repository } = reference;
    const name = `${host}/${repository}`;
    if (!roundabout.has(name)) {
      const { status } = await ask(client, reference);
      if (status < 300) return 'gone';
    }
    const before = await ifThere(client.manifest(reference));
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
  documents: Documents,
  tagged: Reference,
  before: RawManifest,
): Promise<Removal> {
  const { host, repository } = tagged;
  const giveBack = async (): Promise<void> => await putManifest(client, tagged, before);
  try {
    // Another for each time: it must not take away somebody else's tag with it.
    const text = JSON.stringify({ removed: randomBytes(16).toString('hex') });
    const digest = await documents.write(tagged, text);
    const removal = await remove(client, { host, repository, digest });
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
function nowhere({ host, repository }: Place): Reference {
  return { host, repository, digest: `sha256:${randomBytes(32).toString('hex')}` };
}

async function ask(client: Client, reference: Reference): Promise<Answer> {
  const ok = [200, 202, 204, ...refusals];
  return await client.ask(reference, {
    method: 'DELETE',
    path: manifestPath(reference),
    access: 'delete',
    ok,
  });
}
