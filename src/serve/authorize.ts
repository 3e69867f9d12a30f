import { timingSafeEqual } from 'node:crypto';

/** What of a request decides whether it is answered. */
export interface RequestHead {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** The path below the token (`events`), or the status of a refusal. */
export type Authorization = { readonly path: string } | { readonly refused: 403 | 404 | 405 };

/**
 * Whether a request may be answered: it reads, it knows the token, it was sent to this machine by name (a page elsewhere whose
 * name was made to point here sends its own), and no other site's page sent it.
 */
export function authorize(
  { method, url, headers }: RequestHead,
  own: { port: number; token: string },
): Authorization {
  const hosts = [`127.0.0.1:${own.port}`, `localhost:${own.port}`];
  const { host, origin, 'sec-fetch-site': site } = headers;
  if (typeof host !== 'string' || !hosts.includes(host)) return { refused: 403 };
  if (origin !== undefined && origin !== `http://${host}`) return { refused: 403 };
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return { refused: 403 };
  if (method !== 'GET' && method !== 'HEAD') return { refused: 405 };
  const [, token = '', ...rest] = (url ?? '').replace(/[?#].*/s, '').split('/');
  if (rest.length === 0 || !isSame(token, own.token)) return { refused: 404 };
  return { path: rest.join('/') };
}

/** Takes as long whatever differs. */
function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
