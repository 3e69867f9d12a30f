import { createServer, type ServerHttp2Session } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Connection } from './connect.ts';
import { startCall } from './grpc/call.ts';
import { type Handler, serve } from './grpc/server.ts';
import { Control } from './methods.ts';
import { tunnelThrough } from './tunnel.ts';

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
 * Opens a session: a gRPC server of ours whose connection is tunnelled through a call of the engine (moby/buildkit
 * session/session.go has the headers, session/grpchijack the tunnel).
 */
export function openSession(connection: Connection, { id, sharedKey, handlers }: SessionOptions): Session {
  const call = startCall(connection.http2, Control.session, {
    'x-docker-expose-session-uuid': id,
    'x-docker-expose-session-name': 'tasks',
    'x-docker-expose-session-sharedkey': sharedKey,
    'x-docker-expose-session-grpc-method': handlers.map(({ path }) => path),
  });
  const tunnel = tunnelThrough(call);
  // The end of the call reports it.
  tunnel.on('error', () => undefined);
  const server = serveOn(tunnel, handlers);
  return {
    id,
    ended: call.status.catch(() => undefined),
    close: () => {
      // Not close(): it asserts over a stream that is not a socket in Node 20.0 to 20.9.
      server()?.destroy();
      tunnel.destroy();
    },
  };
}

function serveOn(stream: Duplex, handlers: readonly Handler[]): () => ServerHttp2Session | undefined {
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
  return () => session;
}
