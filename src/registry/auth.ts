import { type Credentials, RegistryError } from '../model/registry.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import type { FindCredentials } from './credentials.ts';
import type { Request, Response, Send } from './http.ts';
import { directNetwork, type Network } from './network.ts';

export interface AuthResponse extends Response {
  /** True if we got a token for our credentials: they are valid, whatever the response says. */
  readonly isAuthenticated?: boolean;
}

/** Sends a request to a host's registry with our credentials. `scopes`: what it needs, `repository:library/debian:pull`. */
export type SendAuthorized = (
  host: string,
  scopes: readonly string[],
  request: Request,
) => Promise<AuthResponse>;

/**
 * Adds authentication to requests when a registry asks for it: a token for each set of scopes, or a user name and password;
 * nothing if there are no credentials. A token is reused until the registry rejects it, then requested once more. If we are
 * rejected, the response is a 401.
 * @throws RegistryError `unreachable`, `broken`; TasksError if the credentials cannot be read
 */
export function withAuthorization(
  send: Send,
  find: FindCredentials,
  network: Network = directNetwork,
): SendAuthorized {
  /** The challenge of each host, so that later requests authenticate right away. */
  const challenges = new Map<string, Challenge>();
  /** Authorization headers by host and scopes. */
  const cached = new Map<string, Promise<string | undefined>>();
  const authorize = (host: string, scopes: readonly string[], challenge: Challenge) => {
    const name = [host, ...scopes].join(' ');
    const found = cached.get(name);
    if (found !== undefined) return found;
    const header = find(host).then((credentials) =>
      answerChallenge({ challenge, host, scopes, send, network }, credentials),
    );
    cached.set(name, header);
    header.catch(() => cached.delete(name));
    return header;
  };
  return async (host, scopes, request) => {
    // An upload URL may name another host, which must not get our credentials.
    if (new URL(request.url).origin !== new URL(network.baseUrl(host)).origin) return await send(request);
    const attempt = async (authorization: string | undefined): Promise<AuthResponse> => {
      const headers = { ...request.headers, ...(authorization !== undefined ? { authorization } : {}) };
      const response = await send({ ...request, headers });
      const isAuthenticated =
        authorization?.startsWith('Bearer') === true && (await find(host)) !== undefined;
      return isAuthenticated ? { ...response, isAuthenticated } : response;
    };
    const known = challenges.get(host);
    const used = known === undefined ? undefined : await authorize(host, scopes, known);
    const first = await attempt(used);
    const challenge = first.status === 401 ? chooseChallenge(first) : undefined;
    if (challenge === undefined) return first;
    const name = [host, ...scopes].join(' ');
    // Another request may have got a new token already.
    if ((await cached.get(name)) === used) cached.delete(name);
    const fresh = await authorize(host, scopes, challenge);
    challenges.set(host, challenge);
    return fresh === undefined || fresh === used ? first : await attempt(fresh);
  };
}

/** Chooses the challenge to answer, preferring tokens to passwords. */
function chooseChallenge(response: Response): Challenge | undefined {
  const offered = parseChallenges(response.headers.get('www-authenticate') ?? '');
  return (
    offered.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.realm !== undefined) ??
    offered.find(({ scheme }) => scheme === 'basic')
  );
}

/** A challenge, and what is needed to answer it. */
interface AuthRequest {
  readonly challenge: Challenge;
  readonly host: string;
  readonly scopes: readonly string[];
  readonly send: Send;
  readonly network: Network;
}

/** Returns the Authorization header for a challenge; undefined if there are no credentials, or no token is granted. */
async function answerChallenge(
  request: AuthRequest,
  credentials: Credentials | undefined,
): Promise<string | undefined> {
  if (request.challenge.scheme === 'bearer') {
    const token = await fetchToken(request, credentials);
    return token === undefined ? undefined : `Bearer ${token}`;
  }
  return credentials !== undefined && 'username' in credentials ? basic(credentials) : undefined;
}

function basic({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

async function fetchToken(
  { challenge: { parameters }, host, scopes, send, network }: AuthRequest,
  credentials: Credentials | undefined,
): Promise<string | undefined> {
  const realm = URL.canParse(parameters.realm!) ? new URL(parameters.realm!) : undefined;
  if (realm === undefined || (realm.protocol !== 'https:' && !isAllowedHttp(realm, network)))
    throw new RegistryError('broken', `${host} names an insecure or invalid token server`);
  const query = new URLSearchParams(parameters.service ? { service: parameters.service } : {});
  const response = await send(tokenRequest(realm, query, scopes, credentials));
  // The server rejects our credentials or the scopes.
  if (response.status >= 400 && response.status < 500 && response.status !== 429) return undefined;
  const token = response.status === 200 ? readToken(response) : undefined;
  if (token !== undefined) return token;
  const problem = response.status >= 429 ? 'unreachable' : 'broken';
  throw new RegistryError(problem, `${realm.host} returned no token for ${host} (${response.status})`, {
    hint: 'try again later',
  });
}

/** Returns true if plain HTTP is allowed for this host. */
function isAllowedHttp({ protocol, host }: URL, network: Network): boolean {
  return protocol === 'http:' && network.allowsHttp(host);
}

function tokenRequest(
  realm: URL,
  query: URLSearchParams,
  scopes: readonly string[],
  credentials: Credentials | undefined,
): Request {
  if (credentials !== undefined && 'identityToken' in credentials) {
    const form = new URLSearchParams(query);
    // OAuth takes all scopes in one parameter (docs.docker.com/registry/spec/auth/oauth), a GET takes one parameter each.
    form.set('scope', scopes.join(' '));
    form.set('grant_type', 'refresh_token');
    form.set('client_id', 'image-tasks');
    form.set('refresh_token', credentials.identityToken);
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return { method: 'POST', url: realm.href, headers, body: form.toString() };
  }
  const url = new URL(realm);
  for (const [name, value] of query) url.searchParams.append(name, value);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  if (credentials === undefined) return { method: 'GET', url: url.href };
  url.searchParams.append('account', credentials.username);
  return { method: 'GET', url: url.href, headers: { authorization: basic(credentials) } };
}

function readToken({ body }: Response): string | undefined {
  try {
    const { token, access_token } = JSON.parse(body.toString('utf8')) as Record<string, unknown>;
    const found = token || access_token;
    return typeof found === 'string' && /^[\x21-\x7e]+$/.test(found) ? found : undefined;
  } catch {
    // Reported as a server that returned no token.
    return undefined;
  }
}
