import { createServer, type ServerHttp2Session } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Connection, Transport } from './connect.ts';
import { startCall } from './grpc/call.ts';
import { type Handler, serve } from './grpc/server.ts';
import { Control } from './methods.ts';
import { nextTick } from './pause.ts';
import { tunnelThrough } from './tunnel.ts';
import { type HeaderList, UpgradeRefused } from './upgrade.ts';

/** A session: the engine calls us through it while a build runs. */
export interface Session {
  readonly id: string;
  /** Resolves when it has ended, by either side. */
  readonly ended: Promise<void>;
  close(): void;
}

export interface SessionOptions {
  readonly id: string;
  /**
   * Contexts that are sent under equal keys count as versions of the same folder: the engine compares them by size and time only
   * (moby/buildkit#4950). Use the digest of the context.
   */
  readonly sharedKey: string;
  readonly handlers: readonly Handler[];
}

const windowSize = 1 << 20;
const maxHeaderBytes = 8 << 20;

/**
 * Opens a session: a gRPC server of ours on a connection of its own, if there can be one, or tunnelled through a call of the engine
 * (moby/buildkit session/session.go has the headers, session/grpchijack the tunnel).
 * @throws NoStatus if the connection has ended; EngineLost `unreachable`; the signal's reason
 */
export async function openSession(
  connection: Connection,
  { id, sharedKey, handlers }: SessionOptions,
  signal: AbortSignal,
): Promise<Session> {
  const headers = [
    ['x-docker-expose-session-uuid', id],
    ['x-docker-expose-session-name', 'tasks'],
    ['x-docker-expose-session-sharedkey', sharedKey],
    ...handlers.map(({ path }) => [methodHeader, path] as const),
  ] as const;
  const own = await openOwn(connection, headers, signal);
  if (own === undefined) return openTunnel(connection, id, headers, handlers);
  const ended = new Promise<void>((resolve) => void own.once('close', resolve));
  const close = serveOn(own, handlers);
  await nextTick();
  return { id, ended, close };
}

const methodHeader = 'x-docker-expose-session-grpc-method';

async function openOwn(
  { openForSession }: Connection,
  headers: HeaderList,
  signal: AbortSignal,
): Promise<Transport | undefined> {
  try {
    return await openForSession?.(headers, signal);
  } catch (error) {
    // Engines and proxies that allow `/grpc` only.
    if (error instanceof UpgradeRefused) return undefined;
    throw error;
  }
}

function openTunnel(
  connection: Connection,
  id: string,
  headers: HeaderList,
  handlers: readonly Handler[],
): Session {
  const call = startCall(connection.http2, Control.session, {
    ...Object.fromEntries(headers),
    [methodHeader]: handlers.map(({ path }) => path),
  });
  const tunnel = tunnelThrough(call);
  // The end of the call reports it.
  tunnel.on('error', () => undefined);
  return { id, ended: call.status.catch(() => undefined), close: serveOn(tunnel, handlers) };
}

/** Serves methods on a stream. Returns a function that ends that, and the stream. */
function serveOn(stream: Duplex, handlers: readonly Handler[]): () => void {
  let session: ServerHttp2Session | undefined;
  // It never listens: it only serves this stream.
  const server = createServer({
    settings: { initialWindowSize: windowSize, maxHeaderListSize: maxHeaderBytes },
    // A COPY with many sources is a header per source.
    maxHeaderListPairs: 65_535,
    maxSessionMemory: 64,
  });
  server.on('sessionError', () => undefined);
  server.on('session', (opened) => {
    session = opened;
    opened.on('error', () => undefined);
    serve(opened, handlers);
  });
  server.emit('connection', stream);
  return () => {
    // Not close(): it asserts over a stream that is not a socket in Node 20.0 to 20.9.
    session?.destroy();
    stream.destroy();
  };
}
