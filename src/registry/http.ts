import { TasksError } from '../model/errors.ts';
import { RegistryError } from '../model/registry.ts';
import { directNetwork, type Network } from './network.ts';
import { Retry, type RetryPolicy, retry } from './retry.ts';
import { type IncomingResponse, type OutgoingRequest, openTransport } from './transport.ts';

export interface Request {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | OpenBody;
  /** True if the request must not be retried. */
  readonly noRetry?: boolean;
  /** True to return the body of a 200 as a stream instead of reading it. */
  readonly streamed?: boolean;
  /** Cancels this request only, its stream included. */
  readonly signal?: AbortSignal;
}

/** Opens a body that is too large for memory. Called for each attempt; the signal says that the body is no longer needed. */
export type OpenBody = (signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;

export interface Response {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
  /** The body of a streamed request. It throws a RegistryError if it breaks off. */
  readonly stream?: AsyncIterable<Uint8Array>;
}

/** Sends a request. Returns responses with any status. @throws RegistryError `unreachable`, or the signal's reason */
export type Send = (request: Request) => Promise<Response>;

export interface SendOptions extends RetryPolicy {
  /** Milliseconds for one attempt, its body included. For a stream, the time in which `minProgress` bytes must arrive. */
  readonly timeoutMs: number;
  /** How hosts are reached; by default directly, over TLS except for this machine. */
  readonly network?: Network;
}

/** The options, with defaults filled in. */
interface Connection extends SendOptions {
  readonly network: Network;
  readonly transport: (outgoing: OutgoingRequest, signal: AbortSignal) => Promise<IncomingResponse>;
}

const maxRetryAfterMs = 60_000;
const maxRedirects = 5;
/** Manifests and configs are far smaller. An endless body must not fill the memory. */
const maxBody = 16 << 20;
/** After a large upload, the registry gets this many times the usual timeout to store it. */
const uploadTimeoutFactor = 5;
/** The bytes that must arrive within each timeout: a stream that trickles would never end. */
const minProgress = 64 << 10;

/**
 * Returns a function that sends requests. It retries after 429, 5xx, resets, timeouts, and if a host that has responded before
 * refuses the connection, with exponential backoff and jitter, or as `Retry-After` says. It follows redirects, and sends no
 * credentials to other hosts.
 */
export function makeSend(options: SendOptions): Send {
  const { timing, signal, network = directNetwork } = options;
  const connection: Connection = { ...options, network, transport: openTransport(network) };
  /** Hosts that have responded. */
  const responded = new Set<string>();
  return async (request) =>
    await retry(options, async (isLast) => {
      const isFinal = isLast || request.noRetry === true;
      try {
        const response = await sendFollowing(request, connection);
        responded.add(hostOf(request.url));
        if ((response.status !== 429 && response.status < 500) || isFinal) return response;
        const waitMs = retryAfter(response.headers.get('retry-after'), timing.now());
        // Do not wait longer without asking the user.
        return waitMs > maxRetryAfterMs ? response : new Retry(waitMs);
      } catch (error) {
        signal.throwIfAborted();
        request.signal?.throwIfAborted();
        const known = knownErrorIn(error);
        if (known !== undefined) throw known;
        if (isFinal || !isTemporary(error, responded.has(hostOf(request.url))))
          throw unreachable(request.url, error);
        return new Retry();
      }
    });
}

/** Sends a request and follows redirects. */
async function sendFollowing(request: Request, connection: Connection): Promise<Response> {
  const timer = startTimer(request, connection);
  let isStreaming = false;
  try {
    let { url, headers = {} } = request;
    for (let hop = 0; ; hop++) {
      const response = await sendOnce({ ...request, url, headers }, timer, connection);
      const location = response.headers.get('location');
      const isRedirect = [301, 302, 303, 307, 308].includes(response.status) && location !== null;
      if (!isRedirect) {
        isStreaming = request.streamed === true && response.status === 200;
        const { status, headers } = response;
        if (isStreaming)
          return {
            status,
            headers,
            body: Buffer.alloc(0),
            stream: streamOf(response, url, timer, connection),
          };
        return { status, headers, body: await readBody(response, url) };
      }
      response.cancel();
      if (hop === maxRedirects) throw new RegistryError('broken', `${hostOf(url)} redirects too many times`);
      if (!URL.canParse(location, url))
        throw new RegistryError('broken', `${hostOf(url)} redirects to an invalid URL`);
      const next = new URL(location, url);
      if (
        next.protocol !== 'https:' &&
        !(next.protocol === 'http:' && connection.network.allowsHttp(next.host))
      )
        throw new RegistryError('broken', `${hostOf(url)} redirects to ${next.host} without TLS`);
      if (next.origin !== new URL(url).origin) headers = withoutAuthorization(headers);
      url = next.href;
    }
  } finally {
    if (!isStreaming) timer.stop();
  }
}

async function sendOnce(
  { method, url, headers = {}, body }: Request,
  timer: Timer,
  { transport }: Connection,
): Promise<IncomingResponse> {
  const common = { method, url, headers };
  if (typeof body !== 'function')
    return await transport(body === undefined ? common : { ...common, body }, timer.signal);
  const done = new AbortController();
  try {
    const source = await body(AbortSignal.any([timer.signal, done.signal]));
    const response = await transport({ ...common, body: timedBody(source, timer) }, timer.signal);
    const received = await readBody(response, url);
    return {
      ...response,
      body: (async function* () {
        yield received;
      })(),
    };
  } finally {
    // The response may have come before the source was read to its end.
    done.abort();
  }
}

interface Timer {
  /** Aborts when the time is up, or when the request is canceled. */
  readonly signal: AbortSignal;
  /** Starts the time again. `factor`: a multiple of the usual timeout. */
  restart(factor?: number): void;
  stop(): void;
}

/** Starts the timeout of one attempt. */
function startTimer(request: Request, { signal, timeoutMs }: SendOptions): Timer {
  const timeout = new AbortController();
  const abort = (): void => timeout.abort(new DOMException('no answer in time', 'TimeoutError'));
  let timer = setTimeout(abort, timeoutMs);
  const stop = (): void => clearTimeout(timer);
  const signals = [signal, timeout.signal, ...(request.signal !== undefined ? [request.signal] : [])];
  return {
    signal: AbortSignal.any(signals),
    restart(factor = 1) {
      stop();
      timer = setTimeout(abort, timeoutMs * factor);
    },
    stop,
  };
}

async function* timedBody(source: AsyncIterable<Uint8Array>, timer: Timer): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    timer.restart();
    yield chunk;
  }
  timer.restart(uploadTimeoutFactor);
}

/** Returns a response's body as a stream. Only the time spent waiting for the sender counts. */
function streamOf(
  response: IncomingResponse,
  url: string,
  timer: Timer,
  { timing, timeoutMs }: Connection,
): AsyncIterable<Uint8Array> {
  timer.stop();
  return (async function* () {
    let [bytes, waited] = [0, 0];
    try {
      const chunks = response.body[Symbol.asyncIterator]();
      for (;;) {
        timer.restart();
        const start = timing.now();
        const next = await chunks.next();
        timer.stop();
        if (next.done === true) return;
        waited += timing.now() - start;
        bytes += next.value.length;
        if (bytes >= minProgress) [bytes, waited] = [0, 0];
        else if (waited > timeoutMs) throw new DOMException('too slow', 'TimeoutError');
        yield next.value;
      }
    } catch (error) {
      throw unreachable(url, error);
    } finally {
      timer.stop();
      response.cancel();
    }
  })();
}

function withoutAuthorization(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'authorization'));
}

async function readBody(response: IncomingResponse, url: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body) {
    bytes += chunk.length;
    if (bytes > maxBody) {
      response.cancel();
      throw new RegistryError('broken', `${hostOf(url)} sent more than ${maxBody} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Parses `Retry-After` (seconds or a date) to milliseconds; 0 if it is missing or invalid. */
function retryAfter(header: string | null, now: number): number {
  if (header === null) return 0;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? 0 : Math.max(0, ms);
}

/** Errors that a retry does not fix: an unknown host name, a closed port, a bad certificate. */
const permanentCode =
  /^(ENOTFOUND|ECONNREFUSED|EACCES|ENETUNREACH|EHOSTUNREACH|ERR_TLS|CERT_|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|ERR_INVALID|ERR_SSL|ERR_OSSL|EPROTO|ERR_SOCKET_BAD_PORT|bad port)/;

/** Returns true if a retry may help. A host that responded before and now refuses the connection may be restarting. */
function isTemporary(error: unknown, hasResponded: boolean): boolean {
  const code = codeOf(error);
  return (hasResponded && code === 'ECONNREFUSED') || !permanentCode.test(code);
}

/** Returns our own error inside an error, if any. When a blob is copied, it may come from reading the source. */
function knownErrorIn(error: unknown): TasksError | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof TasksError) return at;
  return undefined;
}

/** Returns the error code, which may be wrapped in several layers. */
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
  const code = codeOf(error);
  const isCertificate = /CERT|SELF_SIGNED|UNABLE_TO/.test(code);
  return new RegistryError('unreachable', `${hostOf(url)} cannot be reached: ${code}`, {
    hint: isCertificate
      ? `save its CA certificate as /etc/docker/certs.d/${hostOf(url)}/ca.crt, or set SSL_CERT_FILE to it`
      : 'check the name, the network, and that the registry is running',
    cause: error,
  });
}

function hostOf(url: string): string {
  return new URL(url).host;
}
