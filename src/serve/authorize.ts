import { timingSafeEqual } from 'node:crypto';

/** The parts of a request that decide whether it gets a response. */
export interface RequestHead {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** The path after the token (`events`), or the status code of a refusal. */
export type Authorization = { readonly path: string } | { readonly refused: 403 | 404 | 405 };

/**
 * Decides whether a request is allowed. It must be a GET or HEAD request with the token. Its Host header must name this
 * machine, which stops DNS rebinding, and it must not come from a page of another site.
 */
export function authorize(
  { method, url, headers }: RequestHead,
  server: { port: number; token: string },
): Authorization {
  const hosts = [`127.0.0.1:${server.port}`, `localhost:${server.port}`];
  const { host, origin, 'sec-fetch-site': site } = headers;
  if (typeof host !== 'string' || !hosts.includes(host)) return { refused: 403 };
  if (origin !== undefined && origin !== `http://${host}`) return { refused: 403 };
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return { refused: 403 };
  if (method !== 'GET' && method !== 'HEAD') return { refused: 405 };
  const [, token = '', ...rest] = (url ?? '').replace(/[?#].*/s, '').split('/');
  if (rest.length === 0 || !isSameToken(token, server.token)) return { refused: 404 };
  return { path: rest.join('/') };
}

/** Compares in constant time. */
function isSameToken(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
