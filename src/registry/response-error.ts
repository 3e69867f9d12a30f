import { type Credentials, RegistryError } from '../model/registry.ts';
import type { AuthResponse } from './auth.ts';

/** The permission that a request needs. */
export type Access = 'pull' | 'push' | 'delete';

/** The request that failed, for the error message. */
export interface FailedRequest {
  readonly host: string;
  readonly repository: string;
  readonly access: Access;
  /** What the request is about, such as `host/repository:tag`. */
  readonly name: string;
  readonly credentials: Credentials | undefined;
}

const verbs = { pull: 'read', push: 'push to', delete: 'delete from' } as const;

/** Returns the error for a response with an error status. Its hint says what to do. */
export function responseError(response: AuthResponse, request: FailedRequest): RegistryError {
  const { host, repository, access, name, credentials } = request;
  const { status } = response;
  if (isImmutable(response, request))
    return new RegistryError(
      'immutable',
      `${host} does not overwrite ${name}: its tags are immutable (${status}${codesOf(response)})`,
      { hint: 'allow overwriting tags in that repository, or use another tag' },
    );
  if (status === 401 || status === 403) return denial(response, request);
  if (status === 404 && access === 'pull')
    return new RegistryError('missing', `${name} not found`, { hint: 'check the name and the tag' });
  const details = `${status}${codesOf(response)}`;
  if (status === 404 && /NAME_UNKNOWN/.test(details))
    return new RegistryError(
      'denied',
      `${host} has no repository ${repository}, and does not create repositories on push`,
      { hint: 'create the repository first' },
    );
  if (status === 405)
    return new RegistryError(
      'denied',
      `${host} does not allow anyone to ${verbs[access]} ${repository} (${details})`,
      {
        hint:
          access === 'delete'
            ? "deletes are disabled: ask the registry's administrator to enable them or to set a retention policy"
            : 'it may be a mirror, or read-only at the moment',
      },
    );
  if (status === 429)
    return new RegistryError('unreachable', `${host} rate limit exceeded (429: too many requests)`, {
      hint: `try again later${credentials ? '' : `, or log in for a higher limit: ${loginTo(host)}`}`,
    });
  // docker-registry reports the system error by number: 28 is ENOSPC.
  if (status >= 500 && /no space left on device|"Err":28\b/i.test(response.body.toString('utf8')))
    return new RegistryError('unreachable', `${host} has no disk space left`, {
      hint: "ask the registry's administrator to free some",
    });
  return new RegistryError(
    status >= 500 ? 'unreachable' : 'broken',
    `${host} returned ${details} for ${name}`,
    { hint: 'try again later' },
  );
}

/** The messages of Amazon, Harbor, Quay, Artifactory, Nexus, Azure and others. */
const refusesToOverwrite = new RegExp(
  [
    'immutab',
    'TAG_INVALID',
    'already exists?',
    "(?:can ?not|can't|must not|may not) be (?:overwritten|updated|modified|changed|replaced|moved)",
    'overwrit\\w* (?:is )?not (?:allowed|permitted|supported)',
    'not allow(?:ed)? (?:to )?(?:updat|overwrit|redeploy|modif|chang)',
    'delete/overwrite',
    '(?:tag|image|manifest|repository)[^.]{0,160} is locked',
    'operation is disallowed on this registry, repository or image',
  ].join('|'),
  'i',
);

/** Registries have no common error code for this: Amazon uses TAG_INVALID, Harbor uses 412, others only a message. */
function isImmutable({ status, body }: AuthResponse, { access, name }: FailedRequest): boolean {
  const isTag = /:[^/:@]+$/.test(name) && !name.includes('@');
  if (access !== 'push' || !isTag || ![400, 403, 405, 409, 412].includes(status)) return false;
  return refusesToOverwrite.test(body.toString('utf8'));
}

function denial({ status, isAuthenticated }: AuthResponse, request: FailedRequest): RegistryError {
  const { host, repository, access, credentials } = request;
  const login = loginTo(host);
  if (credentials === undefined && access === 'pull' && status === 401)
    return new RegistryError('denied', `${host}/${repository} not found, or login required`, {
      hint: `check the name, or log in: ${login}`,
    });
  if (credentials === undefined)
    return new RegistryError('denied', `login required to ${verbs[access]} ${host}/${repository}`, {
      hint: login,
    });
  const user = 'username' in credentials ? credentials.username : 'the owner of the stored token';
  if (status === 401 && isAuthenticated !== true)
    return new RegistryError(
      'denied',
      `${host} rejected the credentials of ${user} for ${repository}${access === 'pull' ? ', or has no such repository' : ''}`,
      { hint: `check the name, or log in again: ${login}` },
    );
  return new RegistryError('denied', `${host} does not allow ${user} to ${verbs[access]} ${repository}`, {
    hint: `ask the repository's owner for permission, or log in as another user: ${login}`,
  });
}

function loginTo(host: string): string {
  return `docker login${host === 'docker.io' ? '' : ` ${host}`}`;
}

/** Returns the error codes in a response. The messages are left out, because they could repeat secrets that we sent. */
function codesOf({ body }: AuthResponse): string {
  try {
    const { errors } = JSON.parse(body.toString('utf8')) as { errors: { code: unknown }[] };
    const codes = errors.map(({ code }) => String(code)).filter((code) => /^[A-Z_]{1,40}$/.test(code));
    return codes.length > 0 ? ` (${codes.join(', ')})` : '';
  } catch {
    // The error may come from a proxy.
    return '';
  }
}
