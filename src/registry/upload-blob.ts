import { RegistryError } from '../model/registry.ts';
import type { AuthResponse } from './auth.ts';
import type { Client } from './client.ts';
import type { OpenBody } from './http.ts';
import type { RepositoryRef } from './reference.ts';
import { Retry } from './retry.ts';

/** Bytes to put into a repository. */
export interface BlobUpload {
  /** `sha256:…` */
  readonly digest: string;
  readonly bytes: number;
  readonly body: Uint8Array | OpenBody;
}

/**
 * Puts a blob into a repository. A session for an upload can be lost at any moment, and what it holds after a failure is
 * anybody's guess: each new try begins with a new one. `session`: one that is open already
 */
export async function uploadBlob(
  client: Client,
  place: RepositoryRef,
  blob: BlobUpload,
  session?: AuthResponse,
): Promise<void> {
  let open = session;
  await client.retry(async (isLast) => {
    const begun = open ?? (await beginUpload(client, place));
    open = undefined;
    try {
      await send(client, place, blob, uploadUrl(client, place, begun));
      return true;
    } catch (error) {
      const isPassing = error instanceof RegistryError && ['broken', 'unreachable'].includes(error.problem);
      if (isLast || !isPassing) throw error;
    }
    // The answer alone may have been lost.
    return (await client.hasBlob(place, blob.digest)) ? true : new Retry();
  });
}

async function send(
  client: Client,
  place: RepositoryRef,
  { digest, bytes, body }: BlobUpload,
  url: string,
): Promise<void> {
  await client.request(place, {
    method: 'PUT',
    // Appended as text: what the registry wrote may be signed.
    path: `${url}${url.includes('?') ? '&' : '?'}digest=${digest}`,
    access: 'push',
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(bytes) },
    body,
    once: true,
    ok: [201, 204],
  });
}

/** Opens a session for an upload; `mount`: or takes the blob over from another repository there, status 201. */
export async function beginUpload(
  client: Client,
  place: RepositoryRef,
  mount?: { readonly digest: string; readonly from: string },
): Promise<AuthResponse> {
  const query = mount === undefined ? '' : `?mount=${mount.digest}&from=${encodeURIComponent(mount.from)}`;
  return await client.request(place, {
    method: 'POST',
    path: `blobs/uploads/${query}`,
    access: 'push',
    ok: mount === undefined ? [202] : [201, 202],
    ...(mount !== undefined ? { also: mount.from } : {}),
  });
}

/** Gives a session up. Where that fails the registry forgets it by itself after a while. */
export async function cancelUpload(
  client: Client,
  place: RepositoryRef,
  session: AuthResponse,
): Promise<void> {
  try {
    const any = [200, 202, 204, 400, 401, 403, 404, 405];
    const path = uploadUrl(client, place, session);
    await client.request(place, { method: 'DELETE', path, access: 'push', once: true, ok: any });
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
  }
}

/** Where an upload goes on, in full. */
function uploadUrl(
  { network }: Client,
  { host, repository }: RepositoryRef,
  { headers }: AuthResponse,
): string {
  const base = new URL(`${network.baseUrl(host)}/v2/${repository}/blobs/uploads/`);
  const location = headers.get('location');
  if (location === null || !URL.canParse(location, base.href))
    throw new RegistryError('broken', `${host} does not say where to upload to`);
  const url = new URL(location, base);
  // Registries behind a proxy do not always know that they are reached with encryption.
  if (url.host === base.host) url.protocol = base.protocol;
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && network.allowsHttp(url.host)))
    throw new RegistryError('broken', `${host} wants uploads at ${url.host} without encryption`);
  return url.href;
}
