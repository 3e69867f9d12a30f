import { type RawManifest, RegistryError } from '../model/registry.ts';
import type { AuthResponse } from './auth.ts';
import { type Client, manifestPath } from './client.ts';
import type { Reference } from './reference.ts';
import { Retry } from './retry.ts';

/** docker-registry can return this although the blob exists, while another upload writes the link to it. */
const lacksBlob = (error: unknown): boolean =>
  error instanceof RegistryError && error.problem === 'broken' && /BLOB_UNKNOWN/.test(error.message);

/** Pushes a manifest's exact bytes under a tag or its digest. Pushing the same manifest again changes nothing. */
export async function putManifest(
  client: Client,
  reference: Reference,
  { mediaType, digest, body }: RawManifest,
): Promise<void> {
  const ask = async (isLast: boolean): Promise<Pick<AuthResponse, 'headers'> | Retry> => {
    try {
      return await client.request(reference, {
        method: 'PUT',
        path: manifestPath(reference),
        access: 'push',
        headers: { 'content-type': mediaType },
        body,
        ok: [200, 201, 202],
      });
    } catch (error) {
      // If the tag has the digest already, an earlier attempt succeeded and its response was lost.
      const isRefused = error instanceof RegistryError && error.problem === 'immutable';
      if (isRefused && (await client.head(reference)) === digest) return { headers: new Headers() };
      if (!isLast && lacksBlob(error)) return new Retry();
      throw error;
    }
  };
  const { headers } = await client.retry(ask);
  const stored = headers.get('docker-content-digest');
  if (stored !== null && /^sha256:/.test(stored) && stored !== digest)
    throw new RegistryError(
      'broken',
      `${reference.host} stored ${digest} of ${reference.repository} as ${stored}`,
      { hint: 'it modifies manifests; use another registry' },
    );
}
