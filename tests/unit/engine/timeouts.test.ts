import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { newOwner } from '../../../src/cache/owner.ts';
import { connect, type EngineApi } from '../../../src/engine/api.ts';
import { resolveEndpoint } from '../../../src/engine/endpoint.ts';
import { withLivenessCheck } from '../../../src/engine/liveness.ts';
import { listImages, readEngineVersion } from '../../../src/engine/queries.ts';
import { runTestContainer } from '../../../src/engine/test-container.ts';
import { type Timeouts, timeouts } from '../../../src/engine/timeouts.ts';
import { pushImage } from '../../../src/engine/transfer.ts';
import { TasksError } from '../../../src/model/errors.ts';
import { settle } from '../../support/fake-engine.ts';
import { silentEngine, stubEngine } from '../../support/stub-engine.ts';

const test = suite('engine: timeouts');
const neverAborted = new AbortController().signal;
const silent = { step: () => undefined, line: () => undefined };
const connectTo = (
  env: Record<string, string>,
  options: { signal?: AbortSignal; timeouts?: Partial<Timeouts> } = {},
): EngineApi =>
  connect(resolveEndpoint(env), env, { ...options, timeouts: { ...timeouts, ...options.timeouts } });
const testRequest = () => ({
  imageId: 'sha256:1',
  platform: 'linux/amd64',
  files: [],
  program: '/x',
  env: {},
  owner: newOwner(),
});
const failure = async (work: Promise<unknown>): Promise<TasksError> => {
  try {
    await work;
  } catch (error) {
    return error as TasksError;
  }
  throw new Error('nothing was thrown');
};

test('every kind of request times out with exit code 3 and a hint', async () => {
  const engine = await silentEngine();
  const api = connectTo(engine.env, { timeouts: { response: 20, change: 20, transfer: 20 } });
  const requests = [
    listImages(api),
    readEngineVersion(api),
    api.request({ path: '/images/x/json' }),
    api.request({ method: 'POST', path: '/containers/x/start' }),
    pushImage(api, 'localhost:1/a:1', undefined, silent, neverAborted),
  ].map(failure);
  for (const request of requests) {
    const error = await request;
    assert.instance(error, TasksError);
    assert.is(error.exitCode, 3);
    assert.match(error.message, /at unix:.* is not responding \(no response in 0\.02 s\)/);
    assert.match(error.hint ?? '', 'restart the engine');
  }
  engine.close();
});

test('an engine is not called silent by a process that was too busy to listen', async () => {
  const response = 100;
  const engine = await stubEngine(() => {
    const end = performance.now() + 3 * response;
    while (performance.now() < end);
    return { body: [] };
  });
  try {
    assert.equal(await listImages(connectTo(engine.env, { timeouts: { response } })), []);
  } finally {
    engine.close();
  }
});

test('an interrupt ends every request, whatever its timeout', async () => {
  const engine = await silentEngine();
  const interrupt = new AbortController();
  const api = connectTo(engine.env, { signal: interrupt.signal });
  const requests = [
    listImages(api),
    api.request({ path: '/images/x/json' }),
    api.request({ method: 'POST', path: '/containers/x/wait', idleTimeoutMs: 'none' }),
    withLivenessCheck(
      api,
      interrupt.signal,
      (signal) => new Promise((_, reject) => signal.addEventListener('abort', reject)),
    ),
  ].map(failure);
  await settle();
  const reason = new Error('interrupted');
  interrupt.abort(reason);
  for (const request of requests) assert.is(await request, reason);
  const late = new Error('late');
  assert.is(await failure(connectTo(engine.env, { signal: AbortSignal.abort(late) }).get('/_ping')), late);
  engine.close();
});

test('an interrupt ends a test whose engine hangs, and the reaper keeps watching its container', async () => {
  const engine = await silentEngine();
  const calls: string[] = [];
  const reaper = {
    watch: (name: string) => void calls.push(`watch ${name}`),
    release: (name: string) => void calls.push(`release ${name}`),
  };
  const interrupt = new AbortController();
  const request = testRequest();
  const api = connectTo(engine.env, { timeouts: { cleanup: 5 } });
  const running = failure(runTestContainer(api, request, silent, interrupt.signal, reaper));
  await settle();
  interrupt.abort(new Error('interrupted'));
  await running;
  assert.equal(calls, [`watch tasks-test-${request.owner.id}`]);
  engine.close();
});

test('after an interrupt, removing a container times out sooner', async () => {
  const interrupt = new AbortController();
  const reason = new Error('interrupted');
  const engine = await stubEngine(({ method, url }) => {
    if (method !== 'DELETE') return { body: url.endsWith('/wait') ? { StatusCode: 0 } : {} };
    interrupt.abort(reason);
    return undefined;
  });
  const api = connectTo(engine.env, { timeouts: { cleanup: 5 } });
  const error = await failure(runTestContainer(api, testRequest(), silent, interrupt.signal, undefined));
  assert.is(error, reason);
  engine.close();
});

test('work of unknown length ends when the engine stops responding', async () => {
  const engine = await silentEngine();
  const api = connectTo(engine.env, { timeouts: { response: 5, pingInterval: 1 } });
  const error = await failure(
    withLivenessCheck(
      api,
      neverAborted,
      (signal) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('ended')))),
    ),
  );
  assert.is(error.exitCode, 3);
  assert.match(error.message, /is not responding/);
  engine.close();
});

test('work of unknown length continues as long as the engine responds', async () => {
  let pings = 0;
  let finishWork: (() => void) | undefined;
  const engine = await stubEngine(() => {
    if (++pings > 3) finishWork?.();
    return { body: 'OK' };
  });
  const api = connectTo(engine.env, { timeouts: { pingInterval: 1 } });
  await withLivenessCheck(api, neverAborted, () => new Promise<void>((resolve) => (finishWork = resolve)));
  assert.ok(pings > 3);
  engine.close();
});

test('the digest of a push is read from an aux message or from the last status line', async () => {
  const digest = `sha256:${'d'.repeat(64)}`;
  const streams = [
    [{ status: 'Pushed', id: 'a'.repeat(12) }, { aux: { Tag: '1', Digest: digest, Size: 5 } }],
    [{ status: 'Pushed', id: 'a'.repeat(12) }, { status: `1: digest: ${digest} size: 481` }],
  ];
  for (const stream of streams) {
    const engine = await stubEngine(() => ({
      body: stream.map((message) => `${JSON.stringify(message)}\r\n`).join(''),
    }));
    const pushed = pushImage(connectTo(engine.env), 'localhost:1/a:1', undefined, silent, neverAborted);
    assert.is(await pushed, digest);
    engine.close();
  }
});

test('listing images is retried if an image was removed meanwhile, but not after other errors', async () => {
  const imageRemoved = 'content digest sha256:1: not found';
  for (const [failures, message, requests, succeeds] of [
    [2, imageRemoved, 3, true],
    [99, imageRemoved, 10, false],
    [1, 'too hot', 1, false],
  ] as const) {
    let failuresLeft: number = failures;
    const engine = await stubEngine(() =>
      failuresLeft-- > 0 ? { status: 500, body: { message } } : { body: [] },
    );
    const listed = listImages(connectTo(engine.env));
    if (succeeds) assert.equal(await listed, []);
    else assert.match((await failure(listed)).message, message);
    assert.is(engine.requests.length, requests);
    engine.close();
  }
});

test("a test's output is complete and reported once, even if the followed log lacks its end", async () => {
  const frame = (stream: number, text: string): string =>
    String.fromCharCode(stream, 0, 0, 0, 0, 0, 0, text.length) + text;
  const complete = frame(1, 'one\ntw') + frame(2, 'err\n') + frame(1, 'o\nlast');
  for (const followed of ['', frame(1, 'one\n'), frame(1, 'one\ntw') + frame(2, 'err\n'), complete]) {
    const engine = await stubEngine(({ url }) => {
      if (url.includes('follow=1')) return { body: followed };
      if (url.includes('follow=0')) return { body: complete };
      return { body: url.endsWith('/wait') ? { StatusCode: 3 } : {} };
    });
    const lines: string[] = [];
    const progress = { step: () => undefined, line: (line: string) => void lines.push(line) };
    const api = connectTo(engine.env);
    const { exitCode } = await runTestContainer(api, testRequest(), progress, neverAborted, undefined);
    assert.is(exitCode, 3);
    assert.equal([...lines].sort(), ['err', 'last', 'one', 'two']);
    engine.close();
  }
});

test.run();
