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
  /** It must not be repeated as it is. */
  readonly once?: boolean;
  /** What a 200 brings is not read, but handed on as it comes. */
  readonly streamed?: boolean;
  /** Ends this request alone, what it streams included. */
  readonly signal?: AbortSignal;
}

/** Opens a body that is too large to hold, anew for each time that it is sent. It may be left when the signal says so. */
export type OpenBody = (signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;

export interface Response {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
  /** What was asked to be streamed. It throws a RegistryError where it breaks off. */
  readonly stream?: AsyncIterable<Uint8Array>;
}

/** Sends a request; the answer may have any status. @throws RegistryError `unreachable`, or the signal's reason */
export type Send = (request: Request) => Promise<Response>;

export interface SendOptions extends RetryPolicy {
  /** Milliseconds for one try, its body included; for what is streamed, until it has moved on by `stride`. */
  readonly timeoutMs: number;
  /** How hosts are reached; undefined: directly, encrypted but to this machine. */
  readonly network?: Network;
}

/** A try, with all that it needs. */
interface Line extends SendOptions {
  readonly network: Network;
  readonly wire: (outgoing: OutgoingRequest, signal: AbortSignal) => Promise<IncomingResponse>;
}

const longestPauseMs = 60_000;
const hops = 5;
/** Manifests and configs are far smaller; a body without end must not fill the memory. */
const bodyLimit = 16 << 20;
/** Times the time limit: to put a large upload in its place takes a registry longer than to answer. */
const settling = 5;
/** Bytes that a stream must bring in each time limit: one that trickles has no end. */
const stride = 64 << 10;

/**
 * Sends over the network: tried again after 429, 5xx, resets, time-outs and where a host that had answered refuses, each time later and never at the same moment as
 * others (jitter), or when the registry says (`Retry-After`). Redirects are followed; another host never sees who we are.
 */
export function makeSend(options: SendOptions): Send {
  const { timing, signal, network = directNetwork } = options;
  const line: Line = { ...options, network, wire: openTransport(network) };
  const answered = new Set<string>();
  return async (request) =>
    await retry(options, async (isLast) => {
      const isFinal = isLast || request.once === true;
      try {
        const response = await follow(request, line);
        answered.add(hostOf(request.url));
        if ((response.status !== 429 && response.status < 500) || isFinal) return response;
        const wished = retryAfter(response.headers.get('retry-after'), timing.now());
        // To wait for longer is for the person who called to decide.
        return wished > longestPauseMs ? response : new Retry(wished);
      } catch (error) {
        signal.throwIfAborted();
        request.signal?.throwIfAborted();
        const known = knownErrorIn(error);
        if (known !== undefined) throw known;
        if (isFinal || !isPassing(error, answered.has(hostOf(request.url))))
          throw unreachable(request.url, error);
        return new Retry();
      }
    });
}

async function follow(request: Request, line: Line): Promise<Response> {
  const watch = watchOver(request, line);
  let isStreaming = false;
  try {
    let { url, headers = {} } = request;
    for (let hop = 0; ; hop++) {
      const answer = await sendOnce({ ...request, url, headers }, watch, line);
      const location = answer.headers.get('location');
      const isRedirect = [301, 302, 303, 307, 308].includes(answer.status) && location !== null;
      if (!isRedirect) {
        isStreaming = request.streamed === true && answer.status === 200;
        const { status, headers } = answer;
        if (isStreaming)
          return { status, headers, body: Buffer.alloc(0), stream: flowOf(answer, url, watch, line) };
        return { status, headers, body: await readBody(answer, url) };
      }
      answer.cancel();
      if (hop === hops) throw new RegistryError('broken', `${hostOf(url)} redirects without end`);
      if (!URL.canParse(location, url))
        throw new RegistryError('broken', `${hostOf(url)} redirects to what is no address`);
      const next = new URL(location, url);
      if (next.protocol !== 'https:' && !(next.protocol === 'http:' && line.network.allowsHttp(next.host)))
        throw new RegistryError('broken', `${hostOf(url)} redirects to ${next.host} without encryption`);
      if (next.origin !== new URL(url).origin) headers = withoutAuthorization(headers);
      url = next.href;
    }
  } finally {
    if (!isStreaming) watch.end();
  }
}

async function sendOnce(
  { method, url, headers = {}, body }: Request,
  watch: Watch,
  { wire }: Line,
): Promise<IncomingResponse> {
  const common = { method, url, headers };
  if (typeof body !== 'function')
    return await wire(body === undefined ? common : { ...common, body }, watch.signal);
  const left = new AbortController();
  try {
    const source = await body(AbortSignal.any([watch.signal, left.signal]));
    const answer = await wire({ ...common, body: watchedBody(source, watch) }, watch.signal);
    const read = await readBody(answer, url);
    return {
      ...answer,
      body: (async function* () {
        yield read;
      })(),
    };
  } finally {
    // The source may still be open, where nobody reads on.
    left.abort();
  }
}

interface Watch {
  readonly signal: AbortSignal;
  /** Something moved: the time begins anew. `factor`: times the usual limit */
  moved(factor?: number): void;
  /** Nobody waits for the moment. */
  rest(): void;
  end(): void;
}

/** Aborts what takes too long. */
function watchOver(request: Request, { signal, timeoutMs }: SendOptions): Watch {
  const limit = new AbortController();
  const late = (): void => limit.abort(new DOMException('no answer in time', 'TimeoutError'));
  let timer = setTimeout(late, timeoutMs);
  const rest = (): void => clearTimeout(timer);
  const signals = [signal, limit.signal, ...(request.signal !== undefined ? [request.signal] : [])];
  return {
    signal: AbortSignal.any(signals),
    moved(factor = 1) {
      rest();
      timer = setTimeout(late, timeoutMs * factor);
    },
    rest,
    end: rest,
  };
}

async function* watchedBody(source: AsyncIterable<Uint8Array>, watch: Watch): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    watch.moved();
    yield chunk;
  }
  watch.moved(settling);
}

/** A body as it comes; how fast it is taken is not the sender's fault. */
function flowOf(
  answer: IncomingResponse,
  url: string,
  watch: Watch,
  { timing, timeoutMs }: Line,
): AsyncIterable<Uint8Array> {
  watch.rest();
  return (async function* () {
    let [bytes, waited] = [0, 0];
    try {
      const chunks = answer.body[Symbol.asyncIterator]();
      for (;;) {
        watch.moved();
        const asked = timing.now();
        const next = await chunks.next();
        watch.rest();
        if (next.done === true) return;
        waited += timing.now() - asked;
        bytes += next.value.length;
        if (bytes >= stride) [bytes, waited] = [0, 0];
        else if (waited > timeoutMs) throw new DOMException('it trickles', 'TimeoutError');
        yield next.value;
      }
    } catch (error) {
      throw unreachable(url, error);
    } finally {
      watch.end();
      answer.cancel();
    }
  })();
}

function withoutAuthorization(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'authorization'));
}

async function readBody(answer: IncomingResponse, url: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body) {
    bytes += chunk.length;
    if (bytes > bodyLimit) {
      answer.cancel();
      throw new RegistryError('broken', `${hostOf(url)} sent more than ${bodyLimit} bytes`);
    }
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
  /^(ENOTFOUND|ECONNREFUSED|EACCES|ENETUNREACH|EHOSTUNREACH|ERR_TLS|CERT_|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|ERR_INVALID|ERR_SSL|ERR_OSSL|EPROTO|ERR_SOCKET_BAD_PORT|bad port)/;

/** A port that refuses where somebody listened a moment ago: the registry is being started again. */
function isPassing(error: unknown, hasAnswered: boolean): boolean {
  const code = codeOf(error);
  return (hasAnswered && code === 'ECONNREFUSED') || !lasting.test(code);
}

/** An error of ours, wrapped: what is streamed through has another end. */
function knownErrorIn(error: unknown): TasksError | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof TasksError) return at;
  return undefined;
}

/** What happened may be wrapped in more than one layer. */
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
      ? `put its authority into /etc/docker/certs.d/${hostOf(url)}/ca.crt, or name it with SSL_CERT_FILE`
      : 'check the name, the network, and whether the registry runs',
    cause: error,
  });
}

function hostOf(url: string): string {
  return new URL(url).host;
}
