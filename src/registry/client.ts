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

/** One request about a repository. */
export interface RepositoryRequest
  extends Pick<Request, 'method' | 'headers' | 'body' | 'once' | 'streamed' | 'signal'> {
  /** Below `/v2/NAME/`; or a whole URL, where an answer led. */
  readonly path: string;
  readonly access: Access;
  /** Another repository that is read with it. */
  readonly also?: string;
  /** The statuses that are no error. */
  readonly ok: readonly number[];
}

/** What can be asked of registries, request by request. Every method throws a RegistryError that says what to do. */
export interface Client {
  request(place: RepositoryRef, wish: RepositoryRequest): Promise<AuthResponse>;
  /** Tries something of several requests as often as each request is tried. */
  retry<T>(attempt: (isLast: boolean) => Promise<T | Retry>): Promise<T>;
  /** The digest that a tag points at, without the manifest; undefined where nothing is there. */
  head(reference: Reference): Promise<string | undefined>;
  /** An image's or index's manifest, its digest verified against its bytes. */
  manifest(reference: Reference): Promise<RawManifest>;
  /** A small blob, an image's config, verified. `digest`: `sha256:…` */
  blob(place: RepositoryRef, digest: string): Promise<Buffer>;
  hasBlob(place: RepositoryRef, digest: string): Promise<boolean>;
  /** How the hosts that were asked are reached. */
  readonly network: Network;
}

/** A client of the OCI distribution protocol, for any number of registries. */
export function openClient(options: ClientOptions): Client {
  const { network = directNetwork } = options;
  const sendAs = withAuthorization(makeSend(options), options.credentials, network);
  /** A registry without encryption may be one that docker's engine is told to trust: then it is asked again. */
  const reach = async (host: string, ask: () => Promise<AuthResponse>): Promise<AuthResponse> => {
    await network.resolve(host);
    for (;;) {
      const version = network.version(host);
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof RegistryError) || error.problem !== 'unreachable') throw error;
        if (!(await network.recheck(host, version))) throw error;
      }
    }
  };
  /** Where we were let push: what may push may read, with one token. */
  const pushed = new Set<string>();
  /** What is garbled on its way is asked for again. */
  const verified = (reference: Reference, wish: RepositoryRequest): Promise<AuthResponse> =>
    client.retry(async (isLast) => {
      const answer = await client.request(reference, wish);
      const expected = reference.digest ?? statedDigest(answer.headers);
      if (expected === undefined || digestOf(answer.body) === expected) return answer;
      if (isLast) throw otherBytes(reference, expected);
      return new Retry();
    });
  const client: Client = {
    network,
    async request(place, wish) {
      const { host, repository } = place;
      const name = `${host}/${repository}`;
      const access = wish.access === 'pull' && pushed.has(name) ? 'push' : wish.access;
      const { method, headers, body, once, streamed, signal } = wish;
      const isWhole = /^https?:/.test(wish.path);
      const answer = await reach(host, () =>
        sendAs(host, scopesOf(repository, access, wish.also), {
          method,
          url: isWhole ? wish.path : `${network.baseUrl(host)}/v2/${repository}/${wish.path}`,
          ...(headers !== undefined ? { headers } : {}),
          ...(body !== undefined ? { body } : {}),
          ...(once !== undefined ? { once } : {}),
          ...(streamed !== undefined ? { streamed } : {}),
          ...(signal !== undefined ? { signal } : {}),
        }),
      );
      if (wish.ok.includes(answer.status)) {
        if (wish.access === 'push') pushed.add(name);
        return answer;
      }
      const credentials = await options.credentials(host);
      throw responseError(answer, {
        host,
        repository,
        access: wish.access,
        name: spoken(place, wish),
        credentials,
      });
    },
    retry: (attempt) => retry(options, attempt),
    async head(reference) {
      const answer = await client.request(reference, {
        method: 'HEAD',
        path: manifestPath(reference),
        access: 'pull',
        headers: { accept: manifestTypes.join(', ') },
        ok: [200, 404, ...noHead],
      });
      if (answer.status === 404) return undefined;
      if (noHead.includes(answer.status))
        return (await undefinedIfMissing(client.manifest(reference)))?.digest;
      // Some registries leave it out.
      return statedDigest(answer.headers) ?? (await client.manifest(reference)).digest;
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
    async blob(place, digest) {
      const path = `blobs/${digest}`;
      const wish = { method: 'GET', path, access: 'pull', ok: [200] } as const;
      return (await verified({ ...place, digest }, wish)).body;
    },
    async hasBlob(place, digest) {
      const path = `blobs/${digest}`;
      const wish = { method: 'HEAD', path, access: 'pull', ok: [200, 404, ...noHead] } as const;
      const { status } = await client.request(place, wish);
      if (!noHead.includes(status)) return status === 200;
      const leave = new AbortController();
      const again = { method: 'GET', path, access: 'pull', ok: [200, 404] } as const;
      const answer = await client.request(place, { ...again, streamed: true, signal: leave.signal });
      leave.abort();
      return answer.status === 200;
    },
  };
  return client;
}

/** Where HEAD is refused, GET may not be. */
const noHead = [400, 403, 405, 501];

/** The digest that a registry states; undefined for one that we do not compute, or that is none. */
function statedDigest(headers: Headers): string | undefined {
  const stated = headers.get('docker-content-digest') ?? '';
  return /^sha256:[0-9a-f]{64}$/.test(stated) ? stated : undefined;
}

/** Undefined for what is not there. */
export async function undefinedIfMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof RegistryError && error.problem === 'missing') return undefined;
    throw error;
  }
}

function scopesOf(repository: string, access: Access, also: string | undefined): string[] {
  const actions = { pull: 'pull', push: 'pull,push', delete: 'pull,push,delete' }[access];
  return [`repository:${repository}:${actions}`, ...(also === undefined ? [] : [`repository:${also}:pull`])];
}

/** What a request is about, as a name. */
function spoken({ host, repository }: RepositoryRef, { path }: RepositoryRequest): string {
  const [, what] = /^(?:manifests|blobs)\/([^/?]+)$/.exec(path) ?? [];
  if (what === undefined) return `${host}/${repository}`;
  return `${host}/${repository}${what.includes(':') ? '@' : ':'}${what}`;
}

/** Where a manifest lies, below `/v2/NAME/`. */
export function manifestPath({ digest, tag }: Reference): string {
  return `manifests/${digest ?? tag}`;
}

/** `sha256:…` */
export function digestOf(body: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(body).digest('hex')}`;
}

function mediaTypeOf(headers: Headers, body: Buffer, reference: Reference): string {
  const stated = (): unknown => {
    try {
      return (JSON.parse(body.toString('utf8')) as { mediaType?: unknown } | null)?.mediaType;
    } catch {
      return undefined;
    }
  };
  const type = headers.get('content-type')?.replace(/;.*$/s, '').trim();
  const found = [type, stated()].find((each) => manifestTypes.includes(each as string));
  if (found !== undefined) return found as string;
  throw new RegistryError(
    'broken',
    `${formatReference(reference)} is no image, but ${type ?? 'something unknown'}`,
  );
}

function otherBytes(reference: Reference, digest: string): RegistryError {
  return new RegistryError(
    'broken',
    `${reference.host} sent other bytes than ${digest} for ${formatReference(reference)}`,
    { hint: 'something between here and the registry changes what it sends' },
  );
}

/** In full, for messages. */
function formatReference({ host, repository, tag, digest }: Reference): string {
  return `${host}/${repository}${digest !== undefined ? `@${digest}` : `:${tag}`}`;
}
