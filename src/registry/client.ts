import { createHash } from 'node:crypto';
import { type RawManifest, RegistryError } from '../model/registry.ts';
import { type AuthResponse, withAuthorization } from './auth.ts';
import type { FindCredentials } from './credentials.ts';
import { makeSend, type Request, type SendOptions } from './http.ts';
import { manifestTypes } from './manifest.ts';
import { directNetwork, type Network } from './network.ts';
import type { Reference, RepositoryRef } from './reference.ts';
import { type Access, responseError } from './response-error.ts';
import { Retry, retry } from './retry.ts';

export interface ClientOptions extends SendOptions {
  readonly credentials: FindCredentials;
}

/** A request about a repository. */
export interface RepositoryRequest
  extends Pick<Request, 'method' | 'headers' | 'body' | 'noRetry' | 'streamed' | 'signal'> {
  /** Relative to `/v2/NAME/`, or a full URL from a response. */
  readonly path: string;
  readonly access: Access;
  /** Another repository that the request reads from. */
  readonly alsoPulls?: string;
  /** The statuses that are not errors. */
  readonly ok: readonly number[];
}

/** A low-level registry client. Every method throws a RegistryError with a hint. */
export interface Client {
  request(repo: RepositoryRef, request: RepositoryRequest): Promise<AuthResponse>;
  /** Retries an operation that takes several requests, as often as a single request is retried. */
  retry<T>(attempt: (isLast: boolean) => Promise<T | Retry>): Promise<T>;
  /** Returns the digest that a tag points to, without reading the manifest; undefined if it does not exist. */
  head(reference: Reference): Promise<string | undefined>;
  /** Returns the manifest of an image or an index, its digest verified. */
  manifest(reference: Reference): Promise<RawManifest>;
  /** Returns a small blob, such as an image's config, its digest verified. */
  blob(repo: RepositoryRef, digest: string): Promise<Buffer>;
  hasBlob(repo: RepositoryRef, digest: string): Promise<boolean>;
  /** How hosts are reached. */
  readonly network: Network;
}

/** Returns a client for the OCI distribution protocol. It can talk to any number of registries. */
export function openClient(options: ClientOptions): Client {
  const { network = directNetwork } = options;
  const sendAs = withAuthorization(makeSend(options), options.credentials, network);
  /** Repeats a request if the host turns out to be one of docker's insecure registries. */
  const reach = async (host: string, attempt: () => Promise<AuthResponse>): Promise<AuthResponse> => {
    await network.resolve(host);
    for (;;) {
      const version = network.version(host);
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof RegistryError) || error.problem !== 'unreachable') throw error;
        if (!(await network.recheck(host, version))) throw error;
      }
    }
  };
  /** Repositories that we have pushed to. Later reads use the token for pushing, which also allows pulling. */
  const pushed = new Set<string>();
  /** Retries a request whose response does not match its digest. */
  const verified = (reference: Reference, request: RepositoryRequest): Promise<AuthResponse> =>
    client.retry(async (isLast) => {
      const response = await client.request(reference, request);
      const expected = reference.digest ?? digestHeader(response.headers);
      if (expected === undefined || digestOf(response.body) === expected) return response;
      if (isLast) throw digestMismatch(reference, expected);
      return new Retry();
    });
  const client: Client = {
    network,
    async request(repo, request) {
      const { host, repository } = repo;
      const name = `${host}/${repository}`;
      const access = request.access === 'pull' && pushed.has(name) ? 'push' : request.access;
      const { method, headers, body, noRetry, streamed, signal } = request;
      const isUrl = /^https?:/.test(request.path);
      const response = await reach(host, () =>
        sendAs(host, scopesOf(repository, access, request.alsoPulls), {
          method,
          url: isUrl ? request.path : `${network.baseUrl(host)}/v2/${repository}/${request.path}`,
          ...(headers !== undefined ? { headers } : {}),
          ...(body !== undefined ? { body } : {}),
          ...(noRetry !== undefined ? { noRetry } : {}),
          ...(streamed !== undefined ? { streamed } : {}),
          ...(signal !== undefined ? { signal } : {}),
        }),
      );
      if (request.ok.includes(response.status)) {
        if (request.access === 'push') pushed.add(name);
        return response;
      }
      const credentials = await options.credentials(host);
      throw responseError(response, {
        host,
        repository,
        access: request.access,
        name: nameOf(repo, request),
        credentials,
      });
    },
    retry: (attempt) => retry(options, attempt),
    async head(reference) {
      const response = await client.request(reference, {
        method: 'HEAD',
        path: manifestPath(reference),
        access: 'pull',
        headers: { accept: manifestTypes.join(', ') },
        ok: [200, 404, ...noHead],
      });
      if (response.status === 404) return undefined;
      if (noHead.includes(response.status))
        return (await undefinedIfMissing(client.manifest(reference)))?.digest;
      // Some registries omit the header.
      return digestHeader(response.headers) ?? (await client.manifest(reference)).digest;
    },
    async manifest(reference) {
      const { headers, body } = await verified(reference, {
        method: 'GET',
        path: manifestPath(reference),
        access: 'pull',
        headers: { accept: manifestTypes.join(', ') },
        ok: [200],
      });
      return { mediaType: mediaTypeOf(headers, body, reference), digest: digestOf(body), body };
    },
    async blob(repo, digest) {
      const path = `blobs/${digest}`;
      const request = { method: 'GET', path, access: 'pull', ok: [200] } as const;
      return (await verified({ ...repo, digest }, request)).body;
    },
    async hasBlob(repo, digest) {
      const path = `blobs/${digest}`;
      const request = { method: 'HEAD', path, access: 'pull', ok: [200, 404, ...noHead] } as const;
      const { status } = await client.request(repo, request);
      if (!noHead.includes(status)) return status === 200;
      const body = new AbortController();
      const get = { method: 'GET', path, access: 'pull', ok: [200, 404] } as const;
      const response = await client.request(repo, { ...get, streamed: true, signal: body.signal });
      body.abort();
      return response.status === 200;
    },
  };
  return client;
}

/** Registries that do not support HEAD respond with one of these; GET may still work. */
const noHead = [400, 403, 405, 501];

/** Returns the digest in a response's headers; undefined if it is missing, invalid, or not SHA-256. */
function digestHeader(headers: Headers): string | undefined {
  const stated = headers.get('docker-content-digest') ?? '';
  return /^sha256:[0-9a-f]{64}$/.test(stated) ? stated : undefined;
}

/** Returns undefined if a query fails with `missing`. */
export async function undefinedIfMissing<T>(query: Promise<T>): Promise<T | undefined> {
  try {
    return await query;
  } catch (error) {
    if (error instanceof RegistryError && error.problem === 'missing') return undefined;
    throw error;
  }
}

function scopesOf(repository: string, access: Access, alsoPulls: string | undefined): string[] {
  const actions = { pull: 'pull', push: 'pull,push', delete: 'pull,push,delete' }[access];
  return [
    `repository:${repository}:${actions}`,
    ...(alsoPulls === undefined ? [] : [`repository:${alsoPulls}:pull`]),
  ];
}

/** Returns the name of what a request is about, for messages. */
function nameOf({ host, repository }: RepositoryRef, { path }: RepositoryRequest): string {
  const [, what] = /^(?:manifests|blobs)\/([^/?]+)$/.exec(path) ?? [];
  if (what === undefined) return `${host}/${repository}`;
  return `${host}/${repository}${what.includes(':') ? '@' : ':'}${what}`;
}

/** Returns the path of a manifest, relative to `/v2/NAME/`. */
export function manifestPath({ digest, tag }: Reference): string {
  return `manifests/${digest ?? tag}`;
}

/** Returns the SHA-256 digest, `sha256:…`. */
export function digestOf(body: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(body).digest('hex')}`;
}

function mediaTypeOf(headers: Headers, body: Buffer, reference: Reference): string {
  const inBody = (): unknown => {
    try {
      return (JSON.parse(body.toString('utf8')) as { mediaType?: unknown } | null)?.mediaType;
    } catch {
      return undefined;
    }
  };
  const type = headers.get('content-type')?.replace(/;.*$/s, '').trim();
  const found = [type, inBody()].find((each) => manifestTypes.includes(each as string));
  if (found !== undefined) return found as string;
  throw new RegistryError(
    'broken',
    `${formatReference(reference)} is not an image: its media type is ${type ?? 'unknown'}`,
  );
}

function digestMismatch(reference: Reference, digest: string): RegistryError {
  return new RegistryError(
    'broken',
    `${reference.host} sent content that does not match ${digest} for ${formatReference(reference)}`,
    { hint: 'a proxy may be modifying the responses' },
  );
}

/** Returns a reference's full name, for messages. */
function formatReference({ host, repository, tag, digest }: Reference): string {
  return `${host}/${repository}${digest !== undefined ? `@${digest}` : `:${tag}`}`;
}
