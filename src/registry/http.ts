import { RegistryError } from '../model/registry.ts';
import { isLoopback } from './reference.ts';

export interface Request {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface Response {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** Sends a request; the answer may have any status. @throws RegistryError `unreachable`, or the signal's reason */
export type Send = (request: Request) => Promise<Response>;

/** Time and chance; a port so that tests need neither. */
export interface Timing {
  /** Milliseconds since 1970. */
  now(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** From 0 to 1. */
  random(): number;
}

export interface SendOptions {
  readonly timing: Timing;
  readonly signal: AbortSignal;
  /** Milliseconds for one try, its body included. */
  readonly timeoutMs: number;
}

const tries = 5;
const firstPauseMs = 300;
const longestPauseMs = 60_000;
const hops = 5;
/** Manifests and configs are far smaller; a body without end must not fill the memory. */
const bodyLimit = 16 << 20;

/**
 * Sends over the network: tried again after 429, 5xx, resets and time-outs, each time later and never at the same moment as
 * others (jitter), or when the registry says (`Retry-After`). Redirects are followed; another host never sees who we are.
 */
export function makeSend(options: SendOptions): Send {
  const { timing, signal } = options;
  return async (request) => {
    for (let attempt = 1; ; attempt++) {
      let pause = firstPauseMs * 2 ** (attempt - 1) * (0.5 + timing.random());
      try {
        const response = await follow(request, options);
        if ((response.status !== 429 && response.status < 500) || attempt === tries) return response;
        const wished = retryAfter(response.headers.get('retry-after'), timing.now());
        // To wait for longer is for the person who called to decide.
        if (wished > longestPauseMs) return response;
        pause = Math.max(pause, wished);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof RegistryError) throw error;
        if (attempt === tries || !isPassing(error)) throw unreachable(request.url, error);
      }
      await timing.sleep(pause, signal);
    }
  };
}

async function follow(request: Request, { signal, timeoutMs }: SendOptions): Promise<Response> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  let { url, headers = {} } = request;
  for (let hop = 0; ; hop++) {
    const { method, body } = request;
    const answer = await fetch(url, {
      method,
      headers,
      redirect: 'manual',
      signal: limit,
      ...(body !== undefined ? { body } : {}),
    });
    const location = answer.headers.get('location');
    const isRedirect = [301, 302, 303, 307, 308].includes(answer.status) && location !== null;
    if (!isRedirect) return { status: answer.status, headers: answer.headers, body: await readBody(answer) };
    await answer.body?.cancel();
    const next = new URL(location, url);
    if (hop === hops) throw new RegistryError('broken', `${hostOf(url)} redirects without end`);
    if (next.protocol !== 'https:' && !isLoopback(next.host))
      throw new RegistryError('broken', `${hostOf(url)} redirects to ${next.host} without encryption`);
    if (next.origin !== new URL(url).origin) headers = withoutAuthorization(headers);
    url = next.href;
  }
}

function withoutAuthorization(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'authorization'));
}

async function readBody(answer: globalThis.Response): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > bodyLimit)
      throw new RegistryError('broken', `${hostOf(answer.url)} sent more than ${bodyLimit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Milliseconds; the header holds seconds or a date. */
function retryAfter(header: string | null, now: number): number {
  if (header === null) return 0;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? 0 : Math.max(0, ms);
}

/** What will be the same a second later: a name that does not exist, a port where nobody listens, a certificate. */
const lasting =
  /^(ENOTFOUND|ECONNREFUSED|EACCES|ENETUNREACH|EHOSTUNREACH|ERR_TLS|CERT_|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|ERR_INVALID|bad port)/;

function isPassing(error: unknown): boolean {
  return !lasting.test(codeOf(error));
}

/** `fetch` wraps what happened, in more than one layer. */
function codeOf(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as NodeJS.ErrnoException;
    if (typeof code === 'string') return code;
    if (at instanceof AggregateError && at.errors.length > 0) return codeOf(at.errors[0]);
    if (at.name === 'TimeoutError') return 'no answer in time';
  }
  return error instanceof Error ? error.message : String(error);
}

function unreachable(url: string, error: unknown): RegistryError {
  return new RegistryError('unreachable', `${hostOf(url)} cannot be reached: ${codeOf(error)}`, {
    hint: 'check the name, the network, and whether the registry runs',
    cause: error,
  });
}

function hostOf(url: string): string {
  return new URL(url).host;
}
