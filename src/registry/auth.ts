import { type Credentials, RegistryError } from '../model/registry.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import type { FindCredentials } from './credentials.ts';
import type { Request, Response, Send } from './http.ts';
import { directNetwork, type Network } from './network.ts';

export interface AuthResponse extends Response {
  /** A token was given for our credentials: they are good, whatever else the answer says. */
  readonly isAuthenticated?: boolean;
}

/** Sends a request to a host's registry as who we are there. `scopes`: what it is for, `repository:library/debian:pull`. */
export type SendAuthorized = (
  host: string,
  scopes: readonly string[],
  request: Request,
) => Promise<AuthResponse>;

/**
 * Identifies us where a registry asks for it: with a token for each set of scopes, or a name and password; as nobody where
 * we have none. A token is kept until it is refused, then asked for once more. Where we are refused, the answer is a 401.
 * @throws RegistryError `unreachable`, `broken`; TasksError where the credentials cannot be read
 */
export function withAuthorization(
  send: Send,
  find: FindCredentials,
  network: Network = directNetwork,
): SendAuthorized {
  /** How each host wants to know who we are: later requests tell it unasked. */
  const challenges = new Map<string, Challenge>();
  const kept = new Map<string, Promise<string | undefined>>();
  const identify = (host: string, scopes: readonly string[], challenge: Challenge) => {
    const name = [host, ...scopes].join(' ');
    const known = kept.get(name);
    if (known !== undefined) return known;
    const asked = find(host).then((credentials) =>
      answer({ challenge, host, scopes, send, network }, credentials),
    );
    kept.set(name, asked);
    asked.catch(() => kept.delete(name));
    return asked;
  };
  return async (host, scopes, request) => {
    // Uploads may lead elsewhere: there it is nobody's business who we are.
    if (new URL(request.url).origin !== new URL(network.baseUrl(host)).origin) return await send(request);
    const attempt = async (authorization: string | undefined): Promise<AuthResponse> => {
      const headers = { ...request.headers, ...(authorization !== undefined ? { authorization } : {}) };
      const response = await send({ ...request, headers });
      const isAuthenticated =
        authorization?.startsWith('Bearer') === true && (await find(host)) !== undefined;
      return isAuthenticated ? { ...response, isAuthenticated: isAuthenticated } : response;
    };
    const before = challenges.get(host);
    const used = before === undefined ? undefined : await identify(host, scopes, before);
    const first = await attempt(used);
    const challenge = first.status === 401 ? choose(first) : undefined;
    if (challenge === undefined) return first;
    const name = [host, ...scopes].join(' ');
    // Another request may have asked anew already.
    if ((await kept.get(name)) === used) kept.delete(name);
    const fresh = await identify(host, scopes, challenge);
    challenges.set(host, challenge);
    return fresh === undefined || fresh === used ? first : await attempt(fresh);
  };
}

/** The challenge that we answer: tokens before passwords. */
function choose(response: Response): Challenge | undefined {
  const offered = parseChallenges(response.headers.get('www-authenticate') ?? '');
  return (
    offered.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.realm !== undefined) ??
    offered.find(({ scheme }) => scheme === 'basic')
  );
}

/** Who wants to know who we are, and what for. */
interface Question {
  readonly challenge: Challenge;
  readonly host: string;
  readonly scopes: readonly string[];
  readonly send: Send;
  readonly network: Network;
}

/** What to say to a challenge; undefined where we have nothing to say, or are given no token. */
async function answer(asked: Question, credentials: Credentials | undefined): Promise<string | undefined> {
  if (asked.challenge.scheme === 'bearer') {
    const token = await fetchToken(asked, credentials);
    return token === undefined ? undefined : `Bearer ${token}`;
  }
  return credentials !== undefined && 'username' in credentials ? basic(credentials) : undefined;
}

function basic({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

async function fetchToken(
  { challenge: { parameters }, host, scopes, send, network }: Question,
  credentials: Credentials | undefined,
): Promise<string | undefined> {
  const realm = URL.canParse(parameters.realm!) ? new URL(parameters.realm!) : undefined;
  if (realm === undefined || (realm.protocol !== 'https:' && !isSafe(realm, network)))
    throw new RegistryError('broken', `${host} asks for tokens from a place that is not safe`);
  const query = new URLSearchParams(parameters.service ? { service: parameters.service } : {});
  const response = await send(tokenRequest(realm, query, scopes, credentials));
  // Who we are is refused there, or what we want.
  if (response.status >= 400 && response.status < 500 && response.status !== 429) return undefined;
  const token = response.status === 200 ? readToken(response) : undefined;
  if (token !== undefined) return token;
  const problem = response.status >= 429 ? 'unreachable' : 'broken';
  throw new RegistryError(problem, `${realm.host} gives no token for ${host} (${response.status})`, {
    hint: 'try again later',
  });
}

/** Without encryption only where a host may be spoken to like that. */
function isSafe({ protocol, host }: URL, network: Network): boolean {
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
    // Here they stand in one (docs.docker.com/registry/spec/auth/oauth); there each for itself.
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
    // Told as a place that gives no token.
    return undefined;
  }
}
