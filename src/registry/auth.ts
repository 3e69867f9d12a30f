import { type Credentials, RegistryError } from '../model/registry.ts';
import { type Challenge, readChallenges } from './challenge.ts';
import type { FindCredentials } from './credentials.ts';
import type { Request, Response, Send } from './http.ts';
import { isLoopback } from './reference.ts';

/** Sends a request to a host's registry as who we are there. `scope`: what it is for, `repository:library/debian:pull`. */
export type SendAs = (host: string, scope: string, request: Request) => Promise<Response>;

/**
 * Identifies us where a registry asks for it: with a token for each scope, or a name and password; as nobody where we have
 * none. A token is kept until it is refused, then asked for once more.
 * @throws RegistryError `denied`; TasksError where the credentials cannot be read
 */
export function authorized(send: Send, find: FindCredentials): SendAs {
  const kept = new Map<string, string>();
  return async (host, scope, request) => {
    const name = `${host} ${scope}`;
    const attempt = async (): Promise<Response> => {
      const authorization = kept.get(name);
      const headers = { ...request.headers, ...(authorization !== undefined ? { authorization } : {}) };
      return await send({ ...request, headers });
    };
    const first = await attempt();
    if (first.status !== 401) return first;
    const authorization = await answer(first, host, scope, send, await find(host));
    if (authorization === undefined) return first;
    kept.set(name, authorization);
    const second = await attempt();
    if (second.status === 401) kept.delete(name);
    return second;
  };
}

/** What to say to a 401; undefined where we have nothing to say. */
async function answer(
  response: Response,
  host: string,
  scope: string,
  send: Send,
  credentials: Credentials | undefined,
): Promise<string | undefined> {
  const challenges = readChallenges(response.headers.get('www-authenticate') ?? '');
  const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
  if (bearer?.parameters.realm !== undefined)
    return `Bearer ${await fetchToken(bearer, host, scope, send, credentials)}`;
  const isBasic = challenges.some(({ scheme }) => scheme === 'basic');
  if (!isBasic || credentials === undefined || !('username' in credentials)) return undefined;
  return basic(credentials);
}

function basic({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

async function fetchToken(
  { parameters }: Challenge,
  host: string,
  scope: string,
  send: Send,
  credentials: Credentials | undefined,
): Promise<string> {
  const realm = URL.canParse(parameters.realm!) ? new URL(parameters.realm!) : undefined;
  if (realm === undefined || (realm.protocol !== 'https:' && !isLoopback(realm.host)))
    throw new RegistryError('broken', `${host} asks for tokens from a place that is not safe`);
  const query = new URLSearchParams({
    ...(parameters.service ? { service: parameters.service } : {}),
    scope,
  });
  const response = await send(tokenRequest(realm, query, credentials));
  if (response.status >= 400 && response.status < 500 && response.status !== 429)
    throw new RegistryError('denied', `${realm.host} gives no token for ${host} (${response.status})`, {
      hint: credentials
        ? `the credentials for ${host} are refused; log in anew: docker login ${host}`
        : `log in: docker login ${host}`,
    });
  const token = response.status === 200 ? readToken(response) : undefined;
  if (token === undefined)
    throw new RegistryError('broken', `${realm.host} gives no token for ${host} (${response.status})`, {
      hint: 'try again later',
    });
  return token;
}

function tokenRequest(realm: URL, query: URLSearchParams, credentials: Credentials | undefined): Request {
  if (credentials !== undefined && 'identityToken' in credentials) {
    const form = new URLSearchParams(query);
    form.set('grant_type', 'refresh_token');
    form.set('client_id', 'image-tasks');
    form.set('refresh_token', credentials.identityToken);
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return { method: 'POST', url: realm.href, headers, body: form.toString() };
  }
  const url = new URL(realm);
  for (const [name, value] of query) url.searchParams.append(name, value);
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
