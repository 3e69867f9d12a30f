import { once } from 'node:events';
import {
  type ClientHttp2Session,
  connect,
  createServer as createHttp2Server,
  type Http2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer, type Socket } from 'node:net';
import path from 'node:path';
import { Duplex, Transform } from 'node:stream';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { encode, messagesOf, sendMessage } from '../../src/buildkit/grpc/messages.ts';
import { type Metadata, metadataOf } from '../../src/buildkit/grpc/metadata.ts';
import { answering, type Handler, serve, streaming } from '../../src/buildkit/grpc/server.ts';
import { Code, GrpcError } from '../../src/buildkit/grpc/status.ts';
import { Control } from '../../src/buildkit/methods.ts';
import {
  type SolveRequest,
  SolveRequestSchema,
  SolveResponseSchema,
} from '../../src/buildkit/proto/control_pb.js';
import type { StatusResponseSchema } from '../../src/buildkit/proto/progress_pb.js';
import { StatusSchema } from '../../src/buildkit/proto/rpc_status_pb.js';
import { tunnelThrough } from '../../src/buildkit/tunnel.ts';
import { tempFolder } from './temp.ts';
import { meetingPoint, queue, withResolvers } from './waiting.ts';

export type StatusInit = MessageInitShape<typeof StatusResponseSchema>;

/** A session of a client, which may have builds on other connections, too. */
export interface FakeSession {
  readonly headers: Metadata;
  /** The connection on which the engine calls our services. */
  readonly http2: ClientHttp2Session;
  /** Ends the session, as an engine does whose health check failed. */
  drop(): void;
}

/** A build that the fake engine was asked for. Nothing happens unless the test says so. */
export interface FakeBuild {
  readonly request: SolveRequest;
  /** The methods that were called on its connection, in their order. */
  readonly calls: readonly string[];
  /** The session with the request's ID. */
  readonly session: FakeSession;
  /** Resolves when the client cancels the call (`reset`), or its connection ends (`closed`). */
  readonly cancelled: Promise<'reset' | 'closed'>;
  status(message: StatusInit): Promise<void>;
  endStatus(): void;
  answer(response?: Readonly<Record<string, string>>): Promise<void>;
  /** Details are JSON values by type. The trailers may have any length. */
  fail(message: string, details?: Readonly<Record<string, unknown>>): void;
}

export interface FakeBuildKit {
  readonly path: string;
  readonly connections: Set<Socket>;
  /** The number of sessions that are open. */
  openSessions(): number;
  /** A session by its ID, when it is there. */
  session(id: string): Promise<FakeSession>;
  /** The entitlements that it is configured to grant. */
  readonly grants: Set<string>;
  /** Requests that were no HTTP/2. */
  readonly upgrades: string[];
  /** The next build. */
  build(): Promise<FakeBuild>;
  /** Reads and sends nothing any more, as an engine whose process was stopped. */
  freeze(): void;
  /** Ends all connections, as the end of the engine's process does. */
  kill(): void;
  close(): void;
}

/**
 * What a fake BuildKit takes: HTTP/2 directly, after an upgrade of `/grpc`, and sessions after an upgrade of `/session`.
 */
export type Accepted = 'direct' | 'upgrade' | 'session';

/** Starts a fake BuildKit on a unix socket. */
export async function fakeBuildKit(
  accepts: readonly Accepted[] = ['direct', 'upgrade', 'session'],
): Promise<FakeBuildKit> {
  const builds = queue<FakeBuild>();
  const grants = new Set(['network.host']);
  const calls = new Map<Http2Session, string[]>();
  const handlers = controlHandlers(builds.put, grants, (session) => calls.get(session)!);
  const connections = new Set<Socket>();
  const upgrades: string[] = [];
  const http2 = createHttp2Server({
    maxSendHeaderBlockLength: 1 << 22,
    settings: { initialWindowSize: 1 << 20 },
  });
  http2.on('sessionError', () => undefined);
  http2.on('session', (session) => {
    session.on('error', () => undefined);
    const made: string[] = [];
    calls.set(session, made);
    session.on('stream', (_stream, headers) => made.push(headers[':path']!));
    serve(session, handlers.all);
  });
  const server = createServer((socket) => {
    connections.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => connections.delete(socket));
    socket.once('data', (first: Buffer) => {
      socket.pause();
      const isHttp2 = first.toString('latin1', 0, 3) === 'PRI';
      const [line = '', ...headers] = first.toString('latin1').split('\r\n');
      if (!isHttp2) upgrades.push(line);
      const isSession = line.startsWith('POST /session ');
      if (!accepts.includes(isHttp2 ? 'direct' : isSession ? 'session' : 'upgrade')) {
        socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
        return;
      }
      if (isHttp2) socket.unshift(first);
      else socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
      if (!isSession) http2.emit('connection', withoutGoaway(socket));
      else handlers.startSession(socket, metadataOf(headers.flatMap((header) => header.split(': '))));
    });
  });
  const file = path.join(tempFolder(), 's');
  server.listen(file);
  await once(server, 'listening');
  const kill = (): void => {
    for (const socket of connections) socket.destroy();
  };
  const freeze = (): void => {
    for (const socket of connections) socket.unpipe().pause();
  };
  return {
    path: file,
    connections,
    openSessions: handlers.openSessions,
    session: handlers.session,
    grants,
    upgrades,
    build: builds.take,
    freeze,
    kill,
    close: () => {
      server.close();
      kill();
    },
  };
}

/** Go's servers ignore GOAWAY of a client; Node's would end the connection. Drops these frames (RFC 9113, 4.1 and 6.8). */
function withoutGoaway(socket: Socket): Duplex {
  const preface = 24;
  let pending: Buffer = Buffer.alloc(0);
  let isStarted = false;
  const filter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      pending = Buffer.concat([pending, chunk]);
      for (;;) {
        const length = isStarted ? 9 + (pending.length < 9 ? 0 : pending.readUIntBE(0, 3)) : preface;
        if (pending.length < length) break;
        if (!isStarted || pending[3] !== 7) filter.push(pending.subarray(0, length));
        pending = pending.subarray(length);
        isStarted = true;
      }
      done();
    },
  });
  const duplex = Duplex.from({ readable: socket.pipe(filter), writable: socket }) as Duplex;
  socket.on('close', () => duplex.destroy());
  duplex.on('error', () => undefined);
  return duplex;
}

type Ended = ReturnType<typeof withResolvers<void>>;

interface StatusStream {
  send(message: StatusInit): Promise<void>;
  end(): void;
}

/** The handlers of all connections: a build finds its session and its status by their IDs. */
function controlHandlers(
  put: (build: FakeBuild) => void,
  grants: ReadonlySet<string>,
  callsOf: (session: Http2Session) => readonly string[],
): {
  readonly all: Handler[];
  openSessions(): number;
  session(id: string): Promise<FakeSession>;
  /** Starts a session on a connection of its own. */
  startSession(socket: Socket, headers: Metadata): void;
} {
  const sessions = meetingPoint<FakeSession>();
  const statuses = meetingPoint<StatusStream>();
  let openSessions = 0;
  const serveSession = async (stream: Duplex, headers: Metadata, ended: Ended): Promise<void> => {
    stream.on('error', () => ended.resolve());
    stream.on('close', () => ended.resolve());
    const http2 = connect('http://localhost', { createConnection: () => stream });
    http2.on('error', () => undefined);
    const id = headers.get('x-docker-expose-session-uuid')![0]!;
    sessions.put(id, { headers, http2, drop: () => ended.resolve() });
    openSessions++;
    await ended.promise;
    openSessions--;
    http2.destroy();
    stream.destroy();
  };
  const all = [
    streaming(Control.session, async (stream, headers) => {
      const ended: Ended = withResolvers<void>();
      const call = {
        ...stream,
        end: () => ended.resolve(),
        cancel: () => ended.resolve(),
        status: Promise.resolve(),
      };
      await serveSession(tunnelThrough(call), headers, ended);
    }),
    answering(Control.listWorkers, () => ({
      record: [{ platforms: [{ OS: 'linux', Architecture: 'amd64' }] }],
    })),
    streaming(Control.status, async (stream) => {
      const ended = withResolvers<void>();
      for await (const { Ref } of stream.receive())
        statuses.put(Ref, { send: (message) => stream.send(message), end: () => ended.resolve() });
      await ended.promise;
    }),
    {
      path: Control.solve.path,
      async handle(stream: ServerHttp2Stream) {
        const { receive, send } = messagesOf(stream, SolveRequestSchema, SolveResponseSchema);
        const ended = withResolvers<void>();
        for await (const request of receive()) {
          const refused = request.Entitlements.find((each) => !grants.has(each));
          if (refused !== undefined)
            throw new GrpcError(
              Code.unknown,
              `granting entitlement ${refused} is not allowed by build daemon configuration`,
            );
          // Nothing to build, so nothing is asked of a session.
          if (request.Definition !== undefined) return await send({});
          const [session, status] = [sessions.take(request.Session), statuses.take(request.Ref)];
          const build = fakeBuild(request, await session, await status, stream, ended.resolve);
          put({ ...build, calls: callsOf(stream.session!) });
        }
        await ended.promise;
      },
    },
  ];
  const startSession = (socket: Socket, headers: Metadata): void =>
    void serveSession(socket, headers, withResolvers<void>());
  return { all, openSessions: () => openSessions, session: sessions.take, startSession };
}

function fakeBuild(
  request: SolveRequest,
  session: FakeSession,
  status: StatusStream,
  stream: ServerHttp2Stream,
  succeed: () => void,
): Omit<FakeBuild, 'calls'> {
  const connection = stream.session!;
  return {
    request,
    session,
    cancelled: new Promise((resolve) =>
      stream.once('close', () => resolve(connection.destroyed ? 'closed' : 'reset')),
    ),
    status: status.send,
    endStatus: status.end,
    async answer(response = {}) {
      await sendMessage(stream, encode(SolveResponseSchema, { ExporterResponse: response }));
      succeed();
    },
    fail(message, details = {}) {
      const any = Object.entries(details).map(([typeUrl, value]) => ({
        typeUrl,
        value: Buffer.from(JSON.stringify(value)),
      }));
      const bytes = toBinary(StatusSchema, create(StatusSchema, { code: 2, message, details: any }));
      stream.on('wantTrailers', () =>
        stream.sendTrailers({
          'grpc-status': '2',
          'grpc-message': encodeURIComponent(message),
          'grpc-status-details-bin': Buffer.from(bytes).toString('base64'),
        }),
      );
      stream.end();
    },
  };
}
