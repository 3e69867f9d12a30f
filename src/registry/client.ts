import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { type RawManifest, RegistryError } from '../model/registry.ts';
import { authorized, type SendAs } from './auth.ts';
import { dockerCredentials, type FindCredentials } from './credentials.ts';
import { makeSend, type Request, type Response, type Timing } from './http.ts';
import { manifestTypes } from './manifest.ts';
import { baseUrl, type Reference } from './reference.ts';

/** What can be asked of registries. Every method throws a RegistryError that says what to do. */
export interface Registry {
  /** The digest that a tag points at, without the manifest; undefined where nothing is there. */
  head(reference: Reference): Promise<string | undefined>;
  /** An image's or index's manifest, its digest verified against its bytes. */
  manifest(reference: Reference): Promise<RawManifest>;
  /** A small blob, an image's config, verified. `digest`: `sha256:…` */
  blob(reference: Reference, digest: string): Promise<Buffer>;
}

export interface RegistryOptions {
  readonly credentials: FindCredentials;
  readonly timing: Timing;
  readonly signal: AbortSignal;
  /** Milliseconds for one try of one request. */
  readonly timeoutMs: number;
}

const realTiming: Timing = {
  now: Date.now,
  sleep: (ms, signal) => pause(ms, undefined, { signal }),
  random: Math.random,
};

/** A client with docker's own credentials. */
export function dockerRegistry(
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Registry {
  const credentials = dockerCredentials(environment);
  return openRegistry({ credentials, timing: realTiming, signal, timeoutMs: 60_000 });
}

/** A client of the OCI distribution protocol, for any number of registries. */
export function openRegistry(options: RegistryOptions): Registry {
  const sendAs = authorized(makeSend(options), options.credentials);
  const ask = (reference: Reference, method: Request['method'], path: string, accept?: string) =>
    get(sendAs, options.credentials, reference, method, path, accept);
  const manifestPath = ({ digest, tag }: Reference): string => `manifests/${digest ?? tag}`;
  const registry: Registry = {
    async head(reference) {
      const response = await ask(reference, 'HEAD', manifestPath(reference), manifestTypes.join(', ')).catch(
        (error: unknown) => {
          if (error instanceof RegistryError && error.problem === 'missing') return undefined;
          throw error;
        },
      );
      if (response === undefined) return undefined;
      // Some registries leave it out.
      return response.headers.get('docker-content-digest') ?? (await registry.manifest(reference)).digest;
    },
    async manifest(reference) {
      const { headers, body } = await ask(
        reference,
        'GET',
        manifestPath(reference),
        manifestTypes.join(', '),
      );
      const digest = digestOf(body);
      const expected = reference.digest ?? headers.get('docker-content-digest') ?? digest;
      if (digest !== expected) throw otherBytes(reference, expected);
      return { mediaType: mediaTypeOf(headers, body, reference), digest, body };
    },
    async blob(reference, digest) {
      const { body } = await ask(reference, 'GET', `blobs/${digest}`);
      if (digestOf(body) !== digest) throw otherBytes(reference, digest);
      return body;
    },
  };
  return registry;
}

async function get(
  sendAs: SendAs,
  find: FindCredentials,
  reference: Reference,
  method: Request['method'],
  path: string,
  accept: string | undefined,
): Promise<Response> {
  const { host, repository } = reference;
  const response = await sendAs(host, `repository:${repository}:pull`, {
    method,
    url: `${baseUrl(host)}/v2/${repository}/${path}`,
    ...(accept !== undefined ? { headers: { accept } } : {}),
  });
  if (response.status === 200) return response;
  throw refusal(response, reference, (await find(host)) !== undefined);
}

function refusal(response: Response, reference: Reference, isKnown: boolean): RegistryError {
  const { host, repository } = reference;
  const name = nameOf(reference);
  const login = `docker login${host === 'docker.io' ? '' : ` ${host}`}`;
  switch (response.status) {
    case 401:
      return isKnown
        ? new RegistryError(
            'denied',
            `${host} refuses the credentials for ${repository}, or has no such repository`,
            {
              hint: `check the name, or log in anew: ${login}`,
            },
          )
        : new RegistryError(
            'denied',
            `${host} shows ${repository} only to those it knows, or has no such repository`,
            {
              hint: `check the name, or log in: ${login}`,
            },
          );
    case 403:
      return new RegistryError('denied', `${host} does not permit to read ${repository}`, {
        hint: `ask its owner for permission, or log in as somebody else: ${login}`,
      });
    case 404:
      return new RegistryError('missing', `there is no ${name}`, { hint: 'check the name and the tag' });
    case 429:
      return new RegistryError('unreachable', `${host} answers no more for now (429: too many requests)`, {
        hint: isKnown ? 'try again later' : `try again later, or log in for a higher limit: ${login}`,
      });
    default:
      return new RegistryError(
        response.status >= 500 ? 'unreachable' : 'broken',
        `${host} answers ${response.status}${codesOf(response)} for ${name}`,
        { hint: 'try again later' },
      );
  }
}

/** The registry's own words for an error; only their codes, since a message could repeat what we sent. */
function codesOf({ body }: Response): string {
  try {
    const { errors } = JSON.parse(body.toString('utf8')) as { errors: { code: unknown }[] };
    const codes = errors.map(({ code }) => String(code)).filter((code) => /^[A-Z_]{1,40}$/.test(code));
    return codes.length > 0 ? ` (${codes.join(', ')})` : '';
  } catch {
    // Not every error comes from the registry itself.
    return '';
  }
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
  throw new RegistryError('broken', `${nameOf(reference)} is no image, but ${type ?? 'something unknown'}`);
}

function otherBytes(reference: Reference, digest: string): RegistryError {
  return new RegistryError(
    'broken',
    `${reference.host} sent other bytes than ${digest} for ${nameOf(reference)}`,
    { hint: 'something between here and the registry changes what it sends' },
  );
}

function nameOf({ host, repository, tag, digest }: Reference): string {
  return `${host}/${repository}${digest !== undefined ? `@${digest}` : `:${tag}`}`;
}

function digestOf(body: Buffer): string {
  return `sha256:${createHash('sha256').update(body).digest('hex')}`;
}
