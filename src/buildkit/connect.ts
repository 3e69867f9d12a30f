import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import { EngineLost } from './engine-lost.ts';
import { unary } from './grpc/call.ts';
import { Code, GrpcError } from './grpc/status.ts';
import { Health } from './methods.ts';
import { nextTick } from './pause.ts';
import { type HeaderList, UpgradeRefused, upgradeToH2c } from './upgrade.ts';

/** Where an engine listens. */
export type Address =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/**
 * How gRPC is reached at an address. `direct`: HTTP/2 without TLS on the connection (buildkitd; docker engines from API 1.53 on).
 * `upgrade`: after `POST /grpc` with an upgrade (older docker engines; deprecated in API 1.53).
 */
export type Entry = 'direct' | 'upgrade';

/** A stream to an engine that counts its bytes, and lets the process end or not, as a socket does. */
export type Transport = Duplex & {
  readonly bytesRead: number;
  readonly bytesWritten: number;
  ref(): unknown;
  unref(): unknown;
};

/** Opens a connection to an engine, for HTTP/2 at once or after an upgrade. */
export type OpenTransport = (entry: Entry) => Transport | Promise<Transport>;

/** An HTTP/2 connection on which an engine answers gRPC, or a share in one (connection-pool.ts). */
export interface Connection {
  readonly http2: ClientHttp2Session;
  /** The way that worked: to be tried first the next time. */
  readonly entry: Entry;
  /** The number of bytes received so far. */
  bytesRead(): number;
  /** The number of bytes sent so far. */
  bytesWritten(): number;
  /**
   * Whether the connection ended because Node could not read what the engine sent. Trailers of more than 64 KB do that: an error
   * contains the Dockerfile. Node 20 does not notice: see unreadable.ts.
   */
  isUnreadable(): boolean;
  /** Why the connection ended, if something beneath HTTP/2 says it. */
  failure(): Error | undefined;
  /** Whether it may have other users. */
  readonly isShared: boolean;
  /**
   * Opens another connection, for a session (`POST /session`): that is faster than a tunnel in a call. Undefined where
   * this is not possible, and where the entry is `direct`: API 1.53 deprecates it.
   * @throws UpgradeRefused; EngineLost `unreachable`; the signal's reason
   */
  readonly openForSession: ((headers: HeaderList, signal: AbortSignal) => Promise<Transport>) | undefined;
  /** Lets this process end while the connection is open, or not. */
  unref(): void;
  ref(): void;
  /** Gets no more users: something is wrong with it. */
  retire(): void;
  /** Ends the connection and all calls on it; of a share, only the use. */
  close(): void;
}

/** How long an engine may take to accept a connection, in milliseconds. */
const connectTimeout = 20_000;
/** Messages are at most 1 MB: a window of this size lets a whole one through. */
const windowSize = 1 << 20;

/** Returns the entries to try for the API version of a docker engine; undefined stands for buildkitd, which has no such API. */
export function entriesFor(apiVersion: string | undefined): readonly Entry[] {
  if (apiVersion === undefined) return ['direct'];
  const [major = 0, minor = 0] = apiVersion.split('.').map(Number);
  return major > 1 || (major === 1 && minor >= 53) ? ['direct', 'upgrade'] : ['upgrade', 'direct'];
}

/** Connects to an address. */
export function openSocket(address: Address): Transport {
  return address.kind === 'unix'
    ? connectSocket(address.path)
    : connectSocket({ host: address.host, port: address.port, noDelay: true });
}

/**
 * Connects to the BuildKit of an engine by the first entry that works. `open` is called once for each. `known` is an entry that worked
 * before: it is tried first, and not checked again.
 * @throws EngineLost `unreachable`, with an UpgradeRefused as its cause if there was one; the signal's reason
 */
export async function connect(
  open: OpenTransport,
  entries: readonly Entry[],
  signal: AbortSignal,
  known?: Entry,
): Promise<Connection> {
  const ordered = known === undefined ? entries : [known, ...entries.filter((each) => each !== known)];
  const failures: string[] = [];
  let refusal: UpgradeRefused | undefined;
  for (const entry of ordered) {
    try {
      return await withTimeout(signal, (limited) => connectBy(entry, open, limited, entry === known));
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof UpgradeRefused) refusal = error;
      failures.push((error as Error).message);
    }
  }
  throw new EngineLost('unreachable', [...new Set(failures)].join('; '), { cause: refusal });
}

async function connectBy(
  entry: Entry,
  open: OpenTransport,
  signal: AbortSignal,
  isKnown: boolean,
): Promise<Connection> {
  let failure: Error | undefined;
  let unreadable = false;
  const [transport, http2] = await openTransport(entry, open, signal, async (opened) => {
    opened.on('error', (error) => {
      failure = error;
    });
    if (entry === 'upgrade') await upgradeToH2c(opened, '/grpc');
    const session = startHttp2(opened);
    await nextTick();
    if (!isKnown) await checkGrpc(session);
    session.on('error', ({ code }: NodeJS.ErrnoException) => {
      unreadable = code?.startsWith('ERR_HTTP2') ?? false;
    });
    return session;
  });
  return {
    http2,
    entry,
    bytesRead: () => transport.bytesRead,
    bytesWritten: () => transport.bytesWritten,
    isUnreadable: () => unreadable,
    failure: () => failure,
    isShared: false,
    openForSession: entry === 'upgrade' ? sessionOpener(open) : undefined,
    unref: () => void transport.unref(),
    ref: () => void transport.ref(),
    retire: () => undefined,
    close: () => {
      http2.destroy();
      transport.destroy();
    },
  };
}

function sessionOpener(open: OpenTransport): NonNullable<Connection['openForSession']> {
  return async (headers, signal) => {
    try {
      const [transport] = await withTimeout(signal, (limited) =>
        openTransport('upgrade', open, limited, (opened) => upgradeToH2c(opened, '/session', headers)),
      );
      return transport;
    } catch (error) {
      if (error instanceof UpgradeRefused || signal.aborted) throw error;
      throw new EngineLost('unreachable', (error as Error).message, { cause: error });
    }
  };
}

/** Opens a transport and starts to use it. Destroys it if that fails, or on an abort before it is done. */
async function openTransport<Used>(
  entry: Entry,
  open: OpenTransport,
  signal: AbortSignal,
  start: (transport: Transport) => Promise<Used>,
): Promise<[Transport, Used]> {
  signal.throwIfAborted();
  const transport = await open(entry);
  // Whoever reads from it gets the error.
  transport.on('error', () => undefined);
  const abort = (): void => void transport.destroy(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    return [transport, await start(transport)];
  } catch (error) {
    transport.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Limits how long an engine may take to accept a connection. @throws Error that says so; the signal's reason */
async function withTimeout<Result>(
  signal: AbortSignal,
  connecting: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const timeout = AbortSignal.timeout(connectTimeout);
  try {
    return await connecting(AbortSignal.any([signal, timeout]));
  } catch (error) {
    signal.throwIfAborted();
    throw timeout.aborted ? new Error(`no answer in ${connectTimeout / 1000} s`, { cause: error }) : error;
  }
}

function startHttp2(transport: Transport): ClientHttp2Session {
  const session = connectHttp2('http://localhost', {
    createConnection: () => transport,
    settings: { initialWindowSize: windowSize, enablePush: false },
    maxSessionMemory: 64,
  });
  session.once('connect', () => {
    if (!session.destroyed) session.setLocalWindowSize(4 * windowSize);
  });
  // The calls on it report the failure.
  session.on('error', () => undefined);
  return session;
}

/** A health check shows that the other side speaks gRPC, whether or not it has that service. */
async function checkGrpc(session: ClientHttp2Session): Promise<void> {
  const lost = new Promise<never>((_, reject) => {
    session.once('error', reject);
    session.once('close', () => reject(new Error('the connection was closed')));
  });
  lost.catch(() => undefined);
  try {
    await Promise.race([lost, unary(session, Health.check, {})]);
  } catch (error) {
    if (!(error instanceof GrpcError && error.code === Code.unimplemented)) throw error;
  }
}
