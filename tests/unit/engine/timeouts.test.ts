import { existsSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { newOwner } from '../../../src/cache/owner.ts';
import { connect, type EngineApi, listImages, readEngineVersion } from '../../../src/engine/api.ts';
import { dialWithClient } from '../../../src/engine/dial.ts';
import { resolveEndpoint } from '../../../src/engine/endpoint.ts';
import { withLivenessCheck } from '../../../src/engine/liveness.ts';
import { runTestContainer } from '../../../src/engine/test-container.ts';
import { type Timeouts, timeouts } from '../../../src/engine/timeouts.ts';
import { pushImage } from '../../../src/engine/transfer.ts';
import { TasksError } from '../../../src/model/errors.ts';
import { settle } from '../../support/fake-engine.ts';
import { silentEngine, stubClient, stubEngine } from '../../support/stub-engine.ts';

const test = suite('an engine that hangs, and one that only the client reaches');
const never = new AbortController().signal;
const at = (
  env: Record<string, string>,
  options: { signal?: AbortSignal; patience?: Partial<Timeouts> } = {},
): EngineApi =>
  connect(resolveEndpoint(env), dialWithClient({ PATH: process.env.PATH, ...env }), {
    ...options,
    timeouts: { ...timeouts, ...options.patience },
  });
const failure = async (work: Promise<unknown>): Promise<TasksError> => {
  try {
    await work;
  } catch (error) {
    return error as TasksError;
  }
  throw new Error('nothing was thrown');
};

test('every kind of question has a limit: exit 3, and what to do', async () => {
  const engine = await silentEngine();
  const api = at(engine.env, { patience: { response: 20, change: 20, transfer: 20 } });
  const questions = [
    listImages(api),
    readEngineVersion(api),
    api.request({ path: '/images/x/json' }),
    api.request({ method: 'POST', path: '/containers/x/start' }),
    pushImage(api, 'localhost:1/a:1', undefined, { step: () => undefined, line: () => undefined }, never),
  ].map(failure);
  for (const question of questions) {
    const error = await question;
    assert.instance(error, TasksError);
    assert.is(error.exitCode, 3);
    assert.match(error.message, /at unix:.* does not answer \(no answer in 0\.02 s\)/);
    assert.match(error.hint ?? '', 'restart the engine');
  }
  engine.close();
});

test('an interrupt ends every question, whatever its limit', async () => {
  const engine = await silentEngine();
  const interrupt = new AbortController();
  const api = at(engine.env, { signal: interrupt.signal });
  const questions = [
    listImages(api),
    api.request({ path: '/images/x/json' }),
    api.request({ method: 'POST', path: '/containers/x/wait', idleTimeoutMs: 'any' }),
    withLivenessCheck(
      api,
      interrupt.signal,
      (until) => new Promise((_, reject) => until.addEventListener('abort', reject)),
    ),
  ].map(failure);
  await settle();
  const reason = new Error('interrupted');
  interrupt.abort(reason);
  for (const question of questions) assert.is(await question, reason);
  const late = new Error('late');
  assert.is(await failure(at(engine.env, { signal: AbortSignal.abort(late) }).get('/_ping')), late);
  engine.close();
});

test('an interrupt ends a test in a container of an engine that hangs; the reaper keeps its name', async () => {
  const engine = await silentEngine();
  const told: string[] = [];
  const reaper = {
    watch: (name: string) => void told.push(`watch ${name}`),
    release: (name: string) => void told.push(`release ${name}`),
  };
  const interrupt = new AbortController();
  const request = { imageId: 'sha256:1', files: [], program: '/x', env: {}, owner: newOwner() };
  const api = at(engine.env, { patience: { cleanup: 5 } });
  const running = failure(
    runTestContainer(
      api,
      request,
      { step: () => undefined, line: () => undefined },
      interrupt.signal,
      reaper,
    ),
  );
  await settle();
  interrupt.abort(new Error('interrupted'));
  await running;
  assert.equal(told, [`watch tasks-test-${request.owner.id}`]);
  engine.close();
});

test('an interrupt shortens the wait for the removal of a container, too', async () => {
  const interrupt = new AbortController();
  const reason = new Error('interrupted');
  const engine = await stubEngine(({ method, url }) => {
    if (method !== 'DELETE') return { body: url.endsWith('/wait') ? { StatusCode: 0 } : {} };
    interrupt.abort(reason);
    return undefined;
  });
  const request = { imageId: 'sha256:1', files: [], program: '/x', env: {}, owner: newOwner() };
  const progress = { step: () => undefined, line: () => undefined };
  const api = at(engine.env, { patience: { cleanup: 5 } });
  const ended = await failure(runTestContainer(api, request, progress, interrupt.signal, undefined));
  assert.is(ended, reason);
  engine.close();
});

test('what may take as long as it likes ends when the engine answers nothing else any more', async () => {
  const engine = await silentEngine();
  const api = at(engine.env, { patience: { response: 5, pingInterval: 1 } });
  const error = await failure(
    withLivenessCheck(
      api,
      never,
      (until) =>
        new Promise((_, reject) => until.addEventListener('abort', () => reject(new Error('ended')))),
    ),
  );
  assert.is(error.exitCode, 3);
  assert.match(error.message, /does not answer/);
  engine.close();
});

test('and goes on as long as it does', async () => {
  let pings = 0;
  let ended: (() => void) | undefined;
  const engine = await stubEngine(() => {
    if (++pings > 3) ended?.();
    return { body: 'OK' };
  });
  const api = at(engine.env, { patience: { pingInterval: 1 } });
  await withLivenessCheck(api, never, () => new Promise<void>((resolve) => (ended = resolve)));
  assert.ok(pings > 3);
  engine.close();
});

/** What `docker system dial-stdio` of a client behind ssh does: an engine at its other end. */
const answers = (body: string): string =>
  `read -r line; echo "$line" >> "$0.asked"; printf 'HTTP/1.1 200 OK\\r\\nContent-Length: ${body.length}\\r\\nConnection: close\\r\\n\\r\\n${body}'`;

test('through the client: both ways to ask, and its environment', async () => {
  const { file } = stubClient({ dial: answers('[]') });
  const api = at({ DOCKER_HOST: 'ssh://me@build.example', TASKS_DOCKER: file });
  assert.equal(await listImages(api), []);
  const answer = await api.request({ method: 'POST', path: '/images/a/tag?repo=b&tag=c', body: { a: 1 } });
  assert.equal([answer.status, answer.body.toString()], [200, '[]']);
  assert.match(
    readFileSync(`${file}.asked`, 'utf8'),
    /GET \/images\/json HTTP\/1.0\s+POST \/images\/a\/tag\?repo=b&tag=c HTTP\/1.1/,
  );
});

test('where the client fails, its own words say why', async () => {
  const { file } = stubClient({ dial: 'echo "ssh: Could not resolve hostname build.example" >&2; exit 255' });
  const env = { DOCKER_HOST: 'ssh://build.example', TASKS_DOCKER: file };
  for (const asked of [() => listImages(at(env)), () => at(env).request({ path: '/x' })]) {
    const error = await failure(asked());
    assert.is(error.exitCode, 3);
    assert.match(
      error.message,
      /no docker engine answers at ssh:.*Could not resolve hostname build\.example/,
    );
  }
  const missing = await failure(listImages(at({ ...env, TASKS_DOCKER: '/nowhere/docker' })));
  assert.match(missing.message, /\/nowhere\/docker cannot be started/);
});

test('a client that hangs is ended with the question', async () => {
  const { file } = stubClient({ dial: 'echo $$ > "$0.pid"; exec sleep 1000' });
  const api = at({ DOCKER_HOST: 'ssh://build.example', TASKS_DOCKER: file }, { patience: { response: 500 } });
  const error = await failure(listImages(api));
  assert.match(error.message, /does not answer/);
  const pid = readFileSync(`${file}.pid`, 'utf8').trim();
  while (existsSync(`/proc/${pid}/exe`)) await new Promise((resolve) => setImmediate(resolve));
});

test("the digest of a push: in the engine's own message, or in its last line", async () => {
  const digest = `sha256:${'d'.repeat(64)}`;
  const streams = [
    [{ status: 'Pushed', id: 'a'.repeat(12) }, { aux: { Tag: '1', Digest: digest, Size: 5 } }],
    [{ status: 'Pushed', id: 'a'.repeat(12) }, { status: `1: digest: ${digest} size: 481` }],
  ];
  for (const stream of streams) {
    const engine = await stubEngine(() => ({
      body: stream.map((each) => `${JSON.stringify(each)}\r\n`).join(''),
    }));
    const silent = { step: () => undefined, line: () => undefined };
    assert.is(await pushImage(at(engine.env), 'localhost:1/a:1', undefined, silent, never), digest);
    engine.close();
  }
});

test('a list of images that breaks because one of them goes is asked for again, and no other error', async () => {
  const torn = 'content digest sha256:1: not found';
  for (const [failures, message, asked, ok] of [
    [2, torn, 3, true],
    [99, torn, 10, false],
    [1, 'too hot', 1, false],
  ] as const) {
    let left: number = failures;
    const engine = await stubEngine(() => (left-- > 0 ? { status: 500, body: { message } } : { body: [] }));
    const listed = listImages(at(engine.env));
    if (ok) assert.equal(await listed, []);
    else assert.match((await failure(listed)).message, message);
    assert.is(engine.requests.length, asked);
    engine.close();
  }
});

test('what a test writes is told once and whole, whatever the first look at its log lacked', async () => {
  const frame = (stream: number, text: string): string =>
    String.fromCharCode(stream, 0, 0, 0, 0, 0, 0, text.length) + text;
  const whole = frame(1, 'one\ntw') + frame(2, 'err\n') + frame(1, 'o\nlast');
  for (const followed of ['', frame(1, 'one\n'), frame(1, 'one\ntw') + frame(2, 'err\n'), whole]) {
    const engine = await stubEngine(({ url }) => {
      if (url.includes('follow=1')) return { body: followed };
      if (url.includes('follow=0')) return { body: whole };
      return { body: url.endsWith('/wait') ? { StatusCode: 3 } : {} };
    });
    const lines: string[] = [];
    const progress = { step: () => undefined, line: (line: string) => void lines.push(line) };
    const request = { imageId: 'sha256:1', files: [], program: '/x', env: {}, owner: newOwner() };
    const { exitCode } = await runTestContainer(at(engine.env), request, progress, never, undefined);
    assert.is(exitCode, 3);
    assert.equal([...lines].sort(), ['err', 'last', 'one', 'two']);
    engine.close();
  }
});

test.run();
