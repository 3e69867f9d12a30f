import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startCall, unary } from '../../../src/buildkit/grpc/call.ts';
import { GrpcError } from '../../../src/buildkit/grpc/status.ts';
import { Services } from '../../../src/buildkit/methods.ts';
import type { TasksError } from '../../../src/model/errors.ts';
import type { ContextEntry } from '../../../src/model/ports.ts';
import {
  builderTest,
  buildRequest,
  closeBuilders,
  errorOf,
  readFolder,
  succeed,
  textsOf,
} from '../../support/builder.ts';
import type { FakeBuild } from '../../support/fake-buildkit.ts';
import { tempFolder } from '../../support/temp.ts';
import { withResolvers } from '../../support/waiting.ts';

const test = suite('contexts and options of builds of the docker engine');

test.after.each(closeBuilders);

const folder = (text: string): readonly ContextEntry[] => buildRequest({ logo: text }).context;
const attributesOf = ({ request }: FakeBuild): Record<string, string> => request.FrontendAttrs;

/** The name of the folder that a context is, as the engine asks for it. */
const folderOf = (build: FakeBuild, context: string): string =>
  /^local:(.+)$/.exec(attributesOf(build)[`context:${context}`]!)![1]!;

test('options are attributes of the frontend, and entitlements', async () => {
  const tested = await builderTest();
  const options = {
    addHosts: ['db=10.0.0.1', 'six=::1'],
    shmSize: 1024,
    ulimits: { nofile: '1:2', core: '-1:-1' },
    cgroupParent: '/x',
    allow: ['network.host', 'security.insecure'],
  };
  tested.engine.grants.add('security.insecure');
  const { build, result } = await tested.begin(buildRequest({}, { options, network: 'host' }));
  const { 'add-hosts': hosts, 'shm-size': size, ulimit, 'cgroup-parent': parent } = attributesOf(build);
  assert.equal([hosts, size, ulimit, parent], ['db=10.0.0.1,six=::1', '1024', 'nofile=1:2,core=-1:-1', '/x']);
  assert.equal(build.request.Entitlements, ['network.host', 'security.insecure']);
  await succeed(build);
  await result;
});

test('without options, nothing more is asked for', async () => {
  const tested = await builderTest();
  const { build, result } = await tested.begin(buildRequest({}, { options: {} }));
  assert.equal(Object.keys(attributesOf(build)).sort(), ['filename', 'platform']);
  assert.equal(build.request.Entitlements, []);
  await succeed(build);
  await result;
});

test('a named context is a folder of its own, with the entries of the request; addresses are passed on', async () => {
  const tested = await builderTest();
  const contexts = {
    assets: folder('one'),
    'base::linux/amd64': 'docker-image://debian@sha256:1',
    empty: [],
  };
  const { build, result } = await tested.begin(buildRequest({ a: 'a' }, { contexts }));
  const attributes = attributesOf(build);
  assert.is(attributes['context:base::linux/amd64'], 'docker-image://debian@sha256:1');
  assert.is(attributes['frontend.caps'], 'moby.buildkit.frontend.contexts+forward');
  assert.equal(textsOf(await readFolder(build.session, folderOf(build, 'assets'))), { logo: 'one' });
  assert.equal(textsOf(await readFolder(build.session, folderOf(build, 'empty'))), {});
  assert.equal(textsOf(await readFolder(build.session, 'context')), { a: 'a' });
  assert.match((await errorOf(readFolder(build.session, 'assets'))).message, 'no access allowed');
  await succeed(build);
  await result;
});

test('folders have equal names if and only if they have equal contents', async () => {
  const tested = await builderTest();
  const names: string[] = [];
  for (const text of ['one', 'two', 'one']) {
    const { build, result } = await tested.begin(
      buildRequest({ a: 'a' }, { contexts: { assets: folder(text) } }),
    );
    names.push(folderOf(build, 'assets'));
    await succeed(build);
    await result;
  }
  assert.is.not(names[0], names[1]);
  assert.is(names[0], names[2]);
});

test('builds that share a session get their own named contexts', async () => {
  const tested = await builderTest();
  const large = { a: 'x'.repeat(1 << 20) };
  const begin = (text: string) => tested.begin(buildRequest(large, { contexts: { assets: folder(text) } }));
  const [one, two] = [await begin('one'), await begin('two')];
  assert.is(one.build.request.Session, two.build.request.Session);
  for (const [{ build }, text] of [
    [one, 'one'],
    [two, 'two'],
  ] as const)
    assert.equal(textsOf(await readFolder(build.session, folderOf(build, 'assets'))), { logo: text });
  for (const { build, result } of [one, two]) {
    await succeed(build);
    await result;
  }
});

test('an engine tells which entitlements it grants; a lost one is an error with exit code 3', async () => {
  const tested = await builderTest();
  assert.is(await tested.grants('network.host'), true);
  assert.is(await tested.grants('security.insecure'), false);
  tested.engine.grants.add('security.insecure');
  assert.is(await tested.grants('security.insecure'), true);
  await tested.idle();
  tested.engine.close();
  const error = (await errorOf(tested.grants('network.host'))) as TasksError;
  assert.is(error.exitCode, 3);
  assert.match(error.message, 'cannot connect to BuildKit');
});

const message = (...bytes: number[]): Buffer => Buffer.from([0, 0, 0, bytes.length, ...bytes]);
const [listKeys, sign, removeAll] = [message(11), message(13, 1, 2), message(19)];

interface FakeAgent {
  readonly socket: string;
  /** What it was asked. */
  readonly received: Buffer[];
  readonly server: Server;
}

/** Starts an SSH agent that repeats each message with another first byte, and breaks off after `sign`. */
async function fakeAgent(): Promise<FakeAgent> {
  const received: Buffer[] = [];
  const server = createServer((client: Socket) => {
    client.on('error', () => undefined);
    client.on('data', (data) => {
      received.push(data);
      if (data[4] === sign[4]) client.destroy();
      // In two pieces, inside the length.
      else {
        client.write(data.subarray(0, 2));
        setImmediate(() =>
          client.write(Buffer.concat([data.subarray(2, 4), Buffer.from([12]), data.subarray(5)])),
        );
      }
    });
  });
  const socket = path.join(tempFolder(), 'agent');
  server.listen(socket);
  await once(server, 'listening');
  return { socket, received, server };
}

/** Opens a connection to an agent through a build's session, as an engine does for `RUN --mount=type=ssh`. */
function connectAgent({ session }: FakeBuild, id: string) {
  const call = startCall(session.http2, Services.forwardAgent, { 'buildkit.ssh.id': id });
  const replies = call.receive()[Symbol.asyncIterator]();
  return {
    close: call.end,
    send: (data: Buffer) => call.send({ data }),
    /** Returns what comes next; undefined at the end. */
    next: async (): Promise<Buffer | undefined> => {
      const { value } = await replies.next();
      return value && Buffer.from(value.data);
    },
  };
}

test('a build reaches its SSH agents, which list keys and sign, and nothing else', async () => {
  const [agent, other] = [await fakeAgent(), await fakeAgent()];
  const tested = await builderTest();
  const ssh = { default: agent.socket, other: other.socket };
  const { build, result } = await tested.begin(buildRequest({ a: 'a' }, { ssh }));
  for (const ID of ['', 'default', 'other']) await unary(build.session.http2, Services.checkAgent, { ID });
  for (const ID of ['none', '__proto__']) {
    const error = await errorOf(unary(build.session.http2, Services.checkAgent, { ID }));
    assert.match(error.message, `the build has no SSH agent ${ID}`);
  }
  const connection = connectAgent(build, 'default');
  // Two messages at once, and one in pieces.
  await connection.send(Buffer.concat([listKeys, removeAll]));
  assert.equal(await connection.next(), message(12));
  assert.equal(await connection.next(), message(5));
  await connection.send(sign.subarray(0, 3));
  await connection.send(sign.subarray(3));
  assert.match((await errorOf(connection.next())).message, 'the SSH agent closed the connection');
  assert.equal(agent.received, [listKeys, sign]);
  assert.equal(other.received, []);
  await succeed(build);
  await result;
  for (const { server } of [agent, other]) server.close();
});

test('the end of a connection to an agent ends it at both sides', async () => {
  const agent = await fakeAgent();
  const tested = await builderTest();
  const { build, result } = await tested.begin(buildRequest({ a: 'a' }, { ssh: { default: agent.socket } }));
  const connection = connectAgent(build, 'default');
  await connection.send(listKeys);
  await connection.next();
  connection.close();
  assert.is(await connection.next(), undefined);
  agent.server.close();
  await once(agent.server, 'close');
  await succeed(build);
  await result;
});

test('a connection ends although its agent has not answered yet', async () => {
  const asked = withResolvers<void>();
  const closed = withResolvers<void>();
  const server = createServer((client) => {
    client.on('error', () => undefined);
    client.on('data', () => asked.resolve());
    client.on('close', () => closed.resolve());
  });
  const socket = path.join(tempFolder(), 'agent');
  server.listen(socket);
  await once(server, 'listening');
  const tested = await builderTest();
  const controller = new AbortController();
  const request = buildRequest({ a: 'a' }, { ssh: { default: socket } });
  const { build, result } = await tested.begin(request, controller.signal);
  await connectAgent(build, 'default').send(listKeys);
  await asked.promise;
  controller.abort(new Error('stopped'));
  assert.is((await errorOf(result)).message, 'stopped');
  await closed.promise;
  server.close();
});

test('an agent that is gone, and a message that is too long, are errors of the connection only', async () => {
  const agent = await fakeAgent();
  const tested = await builderTest();
  const ssh = { default: agent.socket, gone: path.join(tempFolder(), 'gone') };
  const { build, result } = await tested.begin(buildRequest({ a: 'a' }, { ssh }));
  assert.match(
    (await errorOf(connectAgent(build, 'gone').next())).message,
    'cannot connect to the SSH agent',
  );
  const connection = connectAgent(build, 'default');
  await connection.send(Buffer.from([0x7f, 0, 0, 0, 11]));
  assert.instance(await errorOf(connection.next()), GrpcError);
  agent.server.close();
  await succeed(build);
  await result;
});

test('without SSH agents the service is not offered, and builds with them share no session', async () => {
  const agent = await fakeAgent();
  const tested = await builderTest();
  const large = { a: 'x'.repeat(1 << 20) };
  const plain = await tested.begin(buildRequest(large));
  const { message: text } = await errorOf(unary(plain.build.session.http2, Services.checkAgent, { ID: '' }));
  assert.match(text, 'unknown method');
  const withAgent = await tested.begin(buildRequest(large, { ssh: { default: agent.socket } }));
  assert.is.not(plain.build.request.Session, withAgent.build.request.Session);
  for (const { build, result } of [plain, withAgent]) {
    await succeed(build);
    await result;
  }
  agent.server.close();
});

test.run();
