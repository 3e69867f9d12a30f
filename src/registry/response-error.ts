import { type Credentials, RegistryError } from '../model/registry.ts';
import type { AuthResponse } from './auth.ts';

/** What is asked of a repository. */
export type Access = 'pull' | 'push' | 'delete';

/** What was asked for, to speak of it. */
export interface FailedRequest {
  readonly host: string;
  readonly repository: string;
  readonly access: Access;
  /** `host/repository:tag`, or what else it was about. */
  readonly name: string;
  readonly credentials: Credentials | undefined;
}

const verbs = { pull: 'read', push: 'push to', delete: 'delete from' } as const;

/** An answer that is no success, as an error that says what to do. */
export function responseError(answer: AuthResponse, asked: FailedRequest): RegistryError {
  const { host, repository, access, name, credentials } = asked;
  const { status } = answer;
  if (isImmutable(answer, asked))
    return new RegistryError(
      'immutable',
      `${host} does not overwrite ${name}: tags are immutable there (${status}${codesOf(answer)})`,
      { hint: 'allow tags to be overwritten in that repository, or give the tag another name' },
    );
  if (status === 401 || status === 403) return denial(answer, asked);
  if (status === 404 && access === 'pull')
    return new RegistryError('missing', `there is no ${name}`, { hint: 'check the name and the tag' });
  const said = `${status}${codesOf(answer)}`;
  if (status === 404 && /NAME_UNKNOWN/.test(said))
    return new RegistryError('denied', `${host} has no repository ${repository}, and makes none by itself`, {
      hint: 'make it there first',
    });
  if (status === 405)
    return new RegistryError('denied', `${host} lets nobody ${verbs[access]} ${repository} (${said})`, {
      hint:
        access === 'delete'
          ? 'deletes are off there: ask those who run it to allow them, or to let it trim old tags itself'
          : 'it may be a mirror, or be read only at the moment',
    });
  if (status === 429)
    return new RegistryError('unreachable', `${host} answers no more for now (429: too many requests)`, {
      hint: `try again later${credentials ? '' : `, or log in for a higher limit: ${loginTo(host)}`}`,
    });
  // docker-registry gives the system's error by its number: 28 is ENOSPC.
  if (status >= 500 && /no space left on device|"Err":28\b/i.test(answer.body.toString('utf8')))
    return new RegistryError('unreachable', `${host} has no space left on its disk`, {
      hint: 'ask those who run it',
    });
  return new RegistryError(status >= 500 ? 'unreachable' : 'broken', `${host} answers ${said} for ${name}`, {
    hint: 'try again later',
  });
}

/** In the words of Amazon, Harbor, Quay, Artifactory, Nexus, Azure and others. */
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

/** Registries have no common word for it: Amazon's says TAG_INVALID, Harbor's 412, others only write it. */
function isImmutable({ status, body }: AuthResponse, { access, name }: FailedRequest): boolean {
  const isTag = /:[^/:@]+$/.test(name) && !name.includes('@');
  if (access !== 'push' || !isTag || ![400, 403, 405, 409, 412].includes(status)) return false;
  return refusesToOverwrite.test(body.toString('utf8'));
}

function denial({ status, isAuthenticated }: AuthResponse, asked: FailedRequest): RegistryError {
  const { host, repository, access, credentials } = asked;
  const login = loginTo(host);
  if (credentials === undefined && access === 'pull' && status === 401)
    return new RegistryError(
      'denied',
      `${host} shows ${repository} only to those it knows, or has no such repository`,
      { hint: `check the name, or log in: ${login}` },
    );
  if (credentials === undefined)
    return new RegistryError(
      'denied',
      `${host} does not let those who are not logged in ${verbs[access]} ${repository}`,
      { hint: `log in: ${login}` },
    );
  const who = 'username' in credentials ? credentials.username : 'the holder of the stored token';
  if (status === 401 && isAuthenticated !== true)
    return new RegistryError(
      'denied',
      `${host} refuses the credentials of ${who} for ${repository}${access === 'pull' ? ', or has no such repository' : ''}`,
      { hint: `check the name, or log in anew: ${login}` },
    );
  return new RegistryError('denied', `${host} does not permit ${who} to ${verbs[access]} ${repository}`, {
    hint: `ask its owner for permission, or log in as somebody else: ${login}`,
  });
}

function loginTo(host: string): string {
  return `docker login${host === 'docker.io' ? '' : ` ${host}`}`;
}

/** The registry's own words for an error; only their codes, since a message could repeat what we sent. */
function codesOf({ body }: AuthResponse): string {
  try {
    const { errors } = JSON.parse(body.toString('utf8')) as { errors: { code: unknown }[] };
    const codes = errors.map(({ code }) => String(code)).filter((code) => /^[A-Z_]{1,40}$/.test(code));
    return codes.length > 0 ? ` (${codes.join(', ')})` : '';
  } catch {
    // Not every error comes from the registry itself.
    return '';
  }
}
