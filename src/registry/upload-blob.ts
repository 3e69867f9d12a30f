import { RegistryError } from '../model/registry.ts';
import type { AuthResponse } from './auth.ts';
import type { Client } from './client.ts';
import type { OpenBody } from './http.ts';
import type { RepositoryRef } from './reference.ts';
import { Retry } from './retry.ts';

/** A blob to upload. */
export interface BlobUpload {
  /** `sha256:…` */
  readonly digest: string;
  readonly bytes: number;
  readonly body: Uint8Array | OpenBody;
}

/**
 * Uploads a blob. Each attempt starts a new upload session, because a session can be lost at any time and its state after a
 * failure is unknown. `session`: an open session to use first.
 */
export async function uploadBlob(
  client: Client,
  repo: RepositoryRef,
  blob: BlobUpload,
  session?: AuthResponse,
): Promise<void> {
  let open = session;
  await client.retry(async (isLast) => {
    const current = open ?? (await beginUpload(client, repo));
    open = undefined;
    try {
      await send(client, repo, blob, uploadUrl(client, repo, current));
      return true;
    } catch (error) {
      const isTemporary = error instanceof RegistryError && ['broken', 'unreachable'].includes(error.problem);
      if (isLast || !isTemporary) throw error;
    }
    // The upload may have succeeded and only the response been lost.
    return (await client.hasBlob(repo, blob.digest)) ? true : new Retry();
  });
}

async function send(
  client: Client,
  repo: RepositoryRef,
  { digest, bytes, body }: BlobUpload,
  url: string,
): Promise<void> {
  await client.request(repo, {
    method: 'PUT',
    // Appended as text, because the registry's URL may be signed.
    path: `${url}${url.includes('?') ? '&' : '?'}digest=${digest}`,
    access: 'push',
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(bytes) },
    body,
    noRetry: true,
    ok: [201, 204],
  });
}

/** Starts an upload session. `mount`: a blob to mount from another repository instead; status 201 if that worked. */
export async function beginUpload(
  client: Client,
  repo: RepositoryRef,
  mount?: { readonly digest: string; readonly from: string },
): Promise<AuthResponse> {
  const query = mount === undefined ? '' : `?mount=${mount.digest}&from=${encodeURIComponent(mount.from)}`;
  return await client.request(repo, {
    method: 'POST',
    path: `blobs/uploads/${query}`,
    access: 'push',
    ok: mount === undefined ? [202] : [201, 202],
    ...(mount !== undefined ? { alsoPulls: mount.from } : {}),
  });
}

/** Cancels an upload session. Ignores failures, because the registry discards old sessions. */
export async function cancelUpload(
  client: Client,
  repo: RepositoryRef,
  session: AuthResponse,
): Promise<void> {
  try {
    const any = [200, 202, 204, 400, 401, 403, 404, 405];
    const path = uploadUrl(client, repo, session);
    await client.request(repo, { method: 'DELETE', path, access: 'push', noRetry: true, ok: any });
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
  }
}

/** Returns the URL at which an upload continues. */
function uploadUrl(
  { network }: Client,
  { host, repository }: RepositoryRef,
  { headers }: AuthResponse,
): string {
  const base = new URL(`${network.baseUrl(host)}/v2/${repository}/blobs/uploads/`);
  const location = headers.get('location');
  if (location === null || !URL.canParse(location, base.href))
    throw new RegistryError('broken', `${host} returned no valid upload URL`);
  const url = new URL(location, base);
  // A registry behind a proxy may not know that clients use HTTPS.
  if (url.host === base.host) url.protocol = base.protocol;
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && network.allowsHttp(url.host)))
    throw new RegistryError('broken', `${host} redirects uploads to ${url.host} without TLS`);
  return url.href;
}
