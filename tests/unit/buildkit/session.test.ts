import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { connect, openSocket } from '../../../src/buildkit/connect.ts';
import { EngineLost } from '../../../src/buildkit/engine-lost.ts';
import { unary } from '../../../src/buildkit/grpc/call.ts';
import { streaming } from '../../../src/buildkit/grpc/server.ts';
import { Services } from '../../../src/buildkit/methods.ts';
import { openSession, type Session } from '../../../src/buildkit/session.ts';
import {
  type Accepted,
  type FakeBuildKit,
  type FakeSession,
  fakeBuildKit,
} from '../../support/fake-buildkit.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('sessions');
const never = new AbortController().signal;
const echo = streaming(Services.readFiles, async (stream) => {
  for await (const packet of stream.receive()) await stream.send(packet);
});

const engines: FakeBuildKit[] = [];
test.after.each(() => {
  for (const engine of engines.splice(0)) engine.close();
});

interface Opened {
  readonly engine: FakeBuildKit;
  /** The client's end. */
  readonly session: Session;
  /** The engine's end. */
  readonly atEngine: FakeSession;
}

async function open(accepts: readonly Accepted[]): Promise<Opened> {
  const engine = await fakeBuildKit(accepts);
  engines.push(engine);
  const entry = accepts.includes('direct') ? 'direct' : 'upgrade';
  const connection = await connect(() => openSocket({ kind: 'unix', path: engine.path }), [entry], never);
  const options = { id: 'session-1', sharedKey: 'sha256:c', handlers: [echo] };
  const session = await openSession(connection, options, never);
  return { engine, session, atEngine: await engine.session('session-1') };
}

const own: readonly Accepted[] = ['upgrade', 'session'];
const ways: readonly [name: string, accepts: readonly Accepted[], upgrades: readonly string[]][] = [
  ['on a connection of its own', own, ['POST /grpc HTTP/1.1', 'POST /session HTTP/1.1']],
  [
    'in a tunnel, as the engine refuses others',
    ['upgrade'],
    ['POST /grpc HTTP/1.1', 'POST /session HTTP/1.1'],
  ],
  ['in a tunnel, as the entry is direct', ['direct'], []],
];

for (const [name, accepts, upgrades] of ways) {
  test(`${name}: the engine gets its headers and calls the services, with messages of any size`, async () => {
    const { engine, session, atEngine } = await open(accepts);
    assert.equal(engine.upgrades, upgrades);
    assert.equal(atEngine.headers.get('x-docker-expose-session-sharedkey'), ['sha256:c']);
    assert.equal(atEngine.headers.get('x-docker-expose-session-grpc-method'), [Services.readFiles.path]);
    const bytes = Buffer.alloc(5 << 20, 'ab');
    const echoed = await unary(atEngine.http2, Services.readFiles, { data: bytes });
    assert.ok(bytes.equals(echoed.data));
    session.close();
    await once(atEngine.http2, 'close');
  });

  test(`${name}: its end by the engine is told`, async () => {
    const { session, atEngine } = await open(accepts);
    atEngine.drop();
    await session.ended;
  });
}

/** Starts an engine that answers `/grpc` with an upgrade, and does `answer` for what comes on other connections. */
async function engineWithout(answer: (close: () => void) => void): Promise<string> {
  const file = path.join(tempFolder(), 's');
  let connections = 0;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    const isFirst = ++connections === 1;
    socket.once('data', () => {
      if (isFirst) socket.write('HTTP/1.1 101 UPGRADED\r\nUpgrade: h2c\r\n\r\n');
      else answer(() => socket.destroy());
    });
  });
  server.listen(file);
  await once(server, 'listening');
  server.unref();
  return file;
}

test('an engine that goes away while a session is opened is lost', async () => {
  const file = await engineWithout((close) => close());
  const connection = await connect(() => openSocket({ kind: 'unix', path: file }), [], never, 'upgrade');
  try {
    await openSession(connection, { id: '1', sharedKey: 'c', handlers: [echo] }, never);
    assert.unreachable();
  } catch (error) {
    assert.instance(error, EngineLost);
    assert.match((error as EngineLost).message, /POST \/session: the connection was closed/);
  } finally {
    connection.close();
  }
});

test('an abort ends the wait for a session', async () => {
  const canceled = new AbortController();
  const file = await engineWithout(() => canceled.abort(new Error('canceled')));
  const connection = await connect(() => openSocket({ kind: 'unix', path: file }), [], never, 'upgrade');
  try {
    await openSession(connection, { id: '1', sharedKey: 'c', handlers: [echo] }, canceled.signal);
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, 'canceled');
  } finally {
    connection.close();
  }
});

test.run();
