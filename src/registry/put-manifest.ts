import { type RawManifest, RegistryError } from '../model/registry.ts';
import type { AuthResponse } from './auth.ts';
import { type Client, manifestPath } from './client.ts';
import type { Reference } from './reference.ts';

/** Puts a manifest, byte for byte, under a tag or its digest. The same bytes again change nothing: it may be repeated. */
export async function putManifest(
  client: Client,
  reference: Reference,
  { mediaType, digest, body }: RawManifest,
): Promise<void> {
  const ask = async (): Promise<Pick<AuthResponse, 'headers'>> => {
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
      // The same tag on the same digest is no move: an earlier try did it, and its answer was lost.
      const isRefused = error instanceof RegistryError && error.problem === 'immutable';
      if (isRefused && (await client.head(reference)) === digest) return { headers: new Headers() };
      throw error;
    }
  };
  const { headers } = await ask();
  const kept = headers.get('docker-content-digest');
  if (kept !== null && /^sha256:/.test(kept) && kept !== digest)
    throw new RegistryError(
      'broken',
      `${reference.host} keeps ${digest} of ${reference.repository} as ${kept}`,
      {
        hint: 'it changes what it is given; another registry is needed',
      },
    );
}
