import { mock } from 'node:test';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { build, type Limits, type SolveResult } from '../../../src/buildkit/build.ts';
import { connect, type Entry, entriesFor, openSocket } from '../../../src/buildkit/connect.ts';
import { EngineLost } from '../../../src/buildkit/engine-lost.ts';
import { startCall, unary } from '../../../src/buildkit/grpc/call.ts';
import { Code, type GrpcError } from '../../../src/buildkit/grpc/status.ts';
import { Control, Health, Services } from '../../../src/buildkit/methods.ts';
import type { BuildEvent } from '../../../src/buildkit/progress.ts';
import type { BuildServices } from '../../../src/buildkit/services.ts';
import { failedStep, SolveFailed } from '../../../src/buildkit/solve-failed.ts';
import type { SolveInput } from '../../../src/buildkit/solve-request.ts';
import type { BuildStep } from '../../../src/buildkit/steps.ts';
import { type FakeBuild, type FakeBuildKit, fakeBuildKit } from '../../support/fake-buildkit.ts';
import { settle } from '../../support/fake-engine.ts';
import { withResolvers } from '../../support/waiting.ts';

const test = suite('a build by the protocol');
const never = new AbortController().signal;
const input: SolveInput = {
  sharedKey: 'sha256:c',
  filename: 'Dockerfile',
  dockerfile: { key: 'dockerfile-1' },
  target: 'final',
  platform: 'linux/amd64',
  network: 'default',
  args: { A: '1' },
  labels: { l: 'x' },
  noCache: true,
  namedContexts: { base: 'docker-image://x@sha256:1' },
  export: { kind: 'moby' },
};
/** No test waits for these. */
const patient: Limits = { silence: 600_000, answer: 600_000, session: 600_000, status: 600_000 };

interface Running {
  readonly engine: FakeBuildKit;
  readonly build: FakeBuild;
  readonly events: BuildEvent[];
  readonly result: Promise<SolveResult>;
}

const engines: FakeBuildKit[] = [];
async function startEngine(accepts?: readonly Entry[]): Promise<FakeBuildKit> {
  const engine = await fakeBuildKit(accepts);
  engines.push(engine);
  return engine;
}
test.after.each(() => {
  mock.timers.reset();
  for (const engine of engines.splice(0)) engine.close();
});

async function start(options: {
  readonly engine?: FakeBuildKit;
  readonly services?: BuildServices;
  readonly limits?: Partial<Limits>;
  readonly signal?: AbortSignal;
  readonly input?: Partial<SolveInput>;
}): Promise<Running> {
  const engine = options.engine ?? (await startEngine());
  const connection = await connect(() => openSocket({ kind: 'unix', path: engine.path }), ['direct'], never);
  const events: BuildEvent[] = [];
  const result = build(
    connection,
    { ...input, ...options.input },
    options.services ?? {},
    (event) => events.push(event),
    options.signal ?? never,
    { ...patient, ...options.limits },
  );
  result.catch(() => undefined);
  return { engine, build: await engine.build(), events, result };
}

async function errorOf(result: Promise<unknown>): Promise<Error> {
  return await result.then(
    () => assert.unreachable('the build succeeded') as never,
    (error: Error) => error,
  );
}

const at = (seconds: number) => ({ seconds: BigInt(seconds), nanos: 0 });

test('the request has the exporter in the old and the new fields, and the attributes of the frontend', async () => {
  const { build, result } = await start({});
  const { request } = build;
  assert.equal(request.Frontend, 'dockerfile.v0');
  assert.equal(request.ExporterDeprecated, 'moby');
  assert.equal(
    request.Exporters.map(({ Type }) => Type),
    ['moby'],
  );
  assert.equal(request.Session, build.session.headers.get('x-docker-expose-session-uuid')?.[0]);
  assert.equal(build.session.headers.get('x-docker-expose-session-sharedkey'), ['sha256:c']);
  assert.ok(request.Cache !== undefined);
  assert.equal(request.FrontendAttrs, {
    filename: 'Dockerfile',
    dockerfilekey: 'dockerfile-1',
    platform: 'linux/amd64',
    target: 'final',
    'no-cache': '',
    'build-arg:A': '1',
    'label:l': 'x',
    'context:base': 'docker-image://x@sha256:1',
    'frontend.caps': 'moby.buildkit.frontend.contexts+forward',
  });
  build.endStatus();
  await build.answer({ 'containerimage.digest': 'sha256:1', 'containerimage.config.digest': 'sha256:2' });
  const { digest, configDigest } = await result;
  assert.equal([digest, configDigest], ['sha256:1', 'sha256:2']);
});

test('only builds whose image is in no image store are recorded in the build history', async () => {
  for (const kind of ['moby', 'local', 'none', 'image'] as const) {
    const { build, result } = await start({ input: { export: { kind } } });
    assert.is(build.request.Internal, kind !== 'image', kind);
    build.endStatus();
    await build.answer({});
    await result;
  }
});

test('the status is requested before the solve: a build that has ended has none', async () => {
  const { build, result } = await start({});
  const made = build.calls.filter((each) => [Control.status.path, Control.solve.path].includes(each));
  assert.equal(made, [Control.status.path, Control.solve.path]);
  build.endStatus();
  await build.answer({});
  await result;
});

test('the connection ends with the build', async () => {
  const { engine, build, result } = await start({});
  const [socket] = engine.connections;
  const closed = new Promise((resolve) => socket!.once('close', resolve));
  build.endStatus();
  await build.answer();
  await result;
  await closed;
});

test('the last of the status is reported although the answer comes first', async () => {
  const { build, events, result } = await start({});
  await build.answer();
  await settle();
  await build.status({ logs: [{ vertex: 'v', stream: 1n, msg: Buffer.from('late') }] });
  build.endStatus();
  await result;
  assert.equal(events, [{ type: 'output', step: 'v', stream: 'stdout', line: 'late' }]);
});

test('an answer that comes long after the status is a success', async () => {
  const engine = await startEngine();
  mock.timers.enable({ apis: ['setTimeout'] });
  const { build, result } = await start({ engine, limits: { answer: 5_000 } });
  build.endStatus();
  for (let seconds = 0; seconds < 600; seconds += 5) {
    await settle();
    mock.timers.tick(5_000);
  }
  await build.answer({ 'containerimage.digest': 'sha256:1' });
  assert.is((await result).digest, 'sha256:1');
});

test('the engine reaches the services through the session, and reads what is unknown as unimplemented', async () => {
  const { build, result } = await start({
    services: {
      secret: (id) => (id === 's' ? Buffer.from('value') : undefined),
      login: (host) => (host === 'r' ? { username: 'u', password: 'p' } : undefined),
    },
  });
  const { http2, headers } = build.session;
  assert.equal(headers.get('x-docker-expose-session-grpc-method'), [
    Health.check.path,
    Services.getSecret.path,
    Services.credentials.path,
  ]);
  assert.is((await unary(http2, Health.check, {})).status, 1);
  assert.is(Buffer.from((await unary(http2, Services.getSecret, { ID: 's' })).data).toString(), 'value');
  const missing = (await errorOf(unary(http2, Services.getSecret, { ID: 'x' }))) as GrpcError;
  assert.equal([missing.code, missing.message], [Code.notFound, 'secret x not found']);
  assert.is((await unary(http2, Services.credentials, { Host: 'r' })).Secret, 'p');
  assert.is((await unary(http2, Services.credentials, { Host: 'other' })).Username, '');
  const unknown = { ...Health.check, path: '/moby.filesync.v1.Auth/GetTokenAuthority' };
  assert.is(((await errorOf(unary(http2, unknown, {}))) as GrpcError).code, Code.unimplemented);
  build.endStatus();
  await build.answer();
  await result;
});

test('an abort cancels the call at once and throws the reason', async () => {
  const controller = new AbortController();
  const { build, result } = await start({ signal: controller.signal });
  controller.abort(new Error('stop'));
  assert.is(await build.cancelled, 'reset');
  assert.is((await errorOf(result)).message, 'stop');
});

test('a cache that cannot be imported or exported fails no build, however late the answer is', () => {
  const step = (name: string, state: BuildStep['state']): BuildStep => ({ digest: name, name, state });
  const transfers = ['importing cache manifest from h/cache:a', 'exporting cache to registry'];
  const steps = transfers.map((name) => step(name, 'failed'));
  assert.is(failedStep(steps), undefined);
  const run = step('[2/2] RUN make', 'failed');
  assert.is(failedStep([run, ...steps]), run);
});

test('an error has the place in the Dockerfile, the exit code and the step', async () => {
  const { build, result } = await start({});
  const vertexes = [
    {
      digest: 'a',
      name: '[internal] load .dockerignore',
      started: at(1),
      completed: at(2),
      error: 'optional',
    },
    { digest: 'b', name: '[2/3] RUN make', started: at(1), completed: at(2), error: 'exit code: 7' },
  ];
  await build.status({ vertexes });
  build.endStatus();
  build.fail('failed to solve: rpc error: code = Unknown desc = process "make": é: exit code: 7', {
    'github.com/moby/buildkit/stack.Stack+json': {},
    'github.com/moby/buildkit/errdefs.Source+json': {
      info: { filename: 'Dockerfile' },
      ranges: [{ start: { line: 3 }, end: { line: 4 } }],
    },
    'github.com/moby/buildkit/gatewayapi.ExitMessage+json': { Code: 7 },
  });
  const error = (await errorOf(result)) as SolveFailed;
  assert.instance(error, SolveFailed);
  assert.is(error.message, 'process "make": é: exit code: 7');
  assert.equal(error.sources, [{ file: 'Dockerfile', firstLine: 3, lastLine: 4 }]);
  assert.is(error.exitCode, 7);
  assert.is(error.step?.name, '[2/3] RUN make');
});

test('trailers over 64 KB: the error of the step, whether or not the status ended first', async () => {
  for (const endsStatus of [true, false]) {
    const { build, result } = await start({ limits: { answer: 20, status: 20 } });
    await build.status({
      vertexes: [
        { digest: 'b', name: '[2/3] RUN make', started: at(1), completed: at(2), error: 'exit code: 7' },
      ],
    });
    if (endsStatus) build.endStatus();
    build.fail('x', { 'errdefs.Source': 'y'.repeat(100_000) });
    // Engines check the session's health until it ends.
    const checks = setInterval(
      () => void unary(build.session.http2, Health.check, {}).catch(() => undefined),
      5,
    );
    const error = await errorOf(result);
    clearInterval(checks);
    assert.instance(error, SolveFailed);
    assert.is(error.message, 'exit code: 7');
  }
});

test('trailers over 64 KB without a failed step, while a transfer waits for the engine: words of our own', async () => {
  const { build, result } = await start({
    limits: { answer: 20, status: 20 },
    services: {
      sendFiles: async (stream) => {
        for await (const packet of stream.receive()) await stream.send(packet);
      },
    },
  });
  const transfer = startCall(build.session.http2, Services.readFiles);
  await transfer.send({ ID: 7 });
  const { value } = await transfer.receive()[Symbol.asyncIterator]().next();
  assert.is(value?.ID, 7);
  build.fail('x', { 'errdefs.Source': 'y'.repeat(100_000) });
  const checks = setInterval(
    () => void unary(build.session.http2, Health.check, {}).catch(() => undefined),
    5,
  );
  const error = await errorOf(result);
  clearInterval(checks);
  assert.instance(error, SolveFailed);
  assert.match(error.message, 'too long to receive');
});

test('a killed engine is lost at once', async () => {
  const { engine, result } = await start({});
  const begin = performance.now();
  engine.kill();
  const error = (await errorOf(result)) as EngineLost;
  assert.instance(error, EngineLost);
  assert.is(error.reason, 'closed');
  assert.ok(performance.now() - begin < 1_000);
});

test('a build is not complete before its files are received', async () => {
  const files = withResolvers<void>();
  const { build, result } = await start({ services: { receiveFiles: () => files.promise } });
  const transfer = unary(build.session.http2, Services.writeFiles, {}).catch(() => undefined);
  await settle();
  let isComplete = false;
  const completed = result.then(() => {
    isComplete = true;
  });
  build.endStatus();
  await build.answer();
  await settle();
  assert.is(isComplete, false);
  files.resolve();
  await Promise.all([completed, transfer]);
});

test('an engine that ended the connection before the build began is lost', async () => {
  const engine = await startEngine();
  const connection = await connect(() => openSocket({ kind: 'unix', path: engine.path }), ['direct'], never);
  connection.close();
  const error = (await errorOf(build(connection, input, {}, () => undefined, never))) as EngineLost;
  assert.instance(error, EngineLost);
  assert.is(error.reason, 'closed');
});

test('a transfer that failed on our side fails the build, even if the engine says that it succeeded', async () => {
  for (const method of [Services.readFiles, Services.writeFiles]) {
    const { build, result } = await start({
      services: {
        sendFiles: () => Promise.reject(new Error('a.txt changed')),
        receiveFiles: () => Promise.reject(new Error('no space left on device')),
      },
    });
    await errorOf(unary(build.session.http2, method, {}));
    build.endStatus();
    await build.answer();
    assert.match((await errorOf(result)).message, /^(a.txt changed|no space left on device)$/);
  }
});

test('an engine that ends the session is lost, after the time for an error of its own', async () => {
  const { build, result } = await start({ limits: { session: 5 } });
  build.session.drop();
  const error = (await errorOf(result)) as EngineLost;
  assert.instance(error, EngineLost);
  assert.is(error.reason, 'session');
});

test("a transfer's own error replaces what the engine makes of it", async () => {
  const { build, result } = await start({
    services: { sendFiles: () => Promise.reject(new Error('a.txt changed')) },
  });
  await errorOf(unary(build.session.http2, Services.readFiles, {}));
  build.endStatus();
  build.fail('rpc error: a.txt changed');
  assert.is((await errorOf(result)).message, 'a.txt changed');
});

test('large messages pass the tunnel in both directions', async () => {
  const bytes = Buffer.alloc(5 << 20, 'ab');
  const { build, result } = await start({
    services: {
      sendFiles: async (stream) => {
        for await (const packet of stream.receive()) await stream.send(packet);
      },
    },
  });
  const echoed = await unary(build.session.http2, Services.readFiles, { data: bytes });
  assert.ok(bytes.equals(echoed.data));
  build.endStatus();
  await build.answer();
  await result;
});

test('connections: by API version, each entry as the fallback of the other', async () => {
  assert.equal(entriesFor(undefined), ['direct']);
  assert.equal(entriesFor('1.41'), ['upgrade', 'direct']);
  assert.equal(entriesFor('1.52'), ['upgrade', 'direct']);
  assert.equal(entriesFor('1.53'), ['direct', 'upgrade']);
  for (const only of ['direct', 'upgrade'] as const) {
    const engine = await startEngine([only]);
    for (const entries of [entriesFor('1.41'), entriesFor('1.53')]) {
      const connection = await connect(() => openSocket({ kind: 'unix', path: engine.path }), entries, never);
      assert.is(connection.entry, only);
      connection.close();
    }
    const other: Entry = only === 'direct' ? 'upgrade' : 'direct';
    const error = await errorOf(
      connect(() => openSocket({ kind: 'unix', path: engine.path }), [other], never),
    );
    assert.is((error as EngineLost).reason, 'unreachable');
  }
});

test('no engine: the message has the reason', async () => {
  const error = await errorOf(
    connect(() => openSocket({ kind: 'unix', path: '/nowhere/s' }), entriesFor('1.41'), never),
  );
  assert.is(error.message, 'connect ENOENT /nowhere/s');
});

test.run();
