import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ApiRequest, EngineApi } from '../../../src/engine/api.ts';
import { runTestContainer } from '../../../src/engine/test-container.ts';
import { timeouts } from '../../../src/engine/timeouts.ts';
import { StepFailed, type TestResult } from '../../../src/model/ports.ts';

const test = suite('test containers');
const owner = { id: '00000000-0000-0000-0000-000000000000', place: 'p', started: 's', pid: 1 };
const request = { imageId: 'sha256:1', platform: 'linux/amd64', files: [], program: '/test', env: {}, owner };

/** A frame of the log of a container. */
function frame(stream: number, text: string): Buffer {
  const head = Buffer.alloc(8);
  head[0] = stream;
  head.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([head, Buffer.from(text)]);
}

interface Answers {
  readonly exitCode?: number;
  readonly state?: object;
  readonly start?: { readonly status: number; readonly message: string };
}

/** Runs a test on an engine that answers so. */
async function run({ exitCode = 0, state, start }: Answers): Promise<{
  readonly result: Promise<TestResult>;
  readonly asked: string[];
  readonly lines: unknown[];
}> {
  const [asked, lines]: [string[], unknown[]] = [[], []];
  const send = async ({ path, method = 'GET', onData }: ApiRequest) => {
    const [, action = method] = /^\/containers\/[^/]+\/(\w+)/.exec(path) ?? [];
    asked.push(action);
    if (action === 'logs') onData?.(Buffer.concat([frame(1, 'out\n'), frame(2, 'err\n')]));
    const body: Record<string, unknown> = { wait: { StatusCode: exitCode }, json: { State: state } };
    if (action === 'start' && start !== undefined)
      return { status: start.status, body: Buffer.from(JSON.stringify({ message: start.message })) };
    return { status: 200, body: Buffer.from(JSON.stringify(body[action] ?? {})) };
  };
  const api: EngineApi = {
    request: send,
    get: (path) => send({ path }),
    post: (path) => send({ method: 'POST', path }),
    timeouts,
    address: 'test',
  };
  const progress = {
    step: () => undefined,
    line: (line: string, stream?: string) => void lines.push([line, stream]),
  };
  const result = runTestContainer(api, request, progress, new AbortController().signal, undefined);
  await result.catch(() => undefined);
  return { result, asked, lines };
}

test('a test that was killed ran out of memory only if the engine says so', async () => {
  const killed = (state: object) => run({ exitCode: 137, state });
  assert.equal(await (await killed({ OOMKilled: true })).result, { exitCode: 137, outOfMemory: true });
  assert.equal(await (await killed({ OOMKilled: false })).result, { exitCode: 137 });
  assert.equal(await (await killed({})).result, { exitCode: 137 });
  const { result, asked } = await run({ exitCode: 3, state: { OOMKilled: true } });
  assert.equal(await result, { exitCode: 3 });
  assert.not.ok(asked.includes('json'), 'asked only if it was killed');
});

test('lines come with their stream, once', async () => {
  const { lines } = await run({});
  assert.equal(lines, [
    ['out', 'stdout'],
    ['err', 'stderr'],
  ]);
});

test('a test that cannot be started fails; its container is removed', async () => {
  const message =
    'failed to create task for container: OCI runtime create failed: runc create failed: unable to start container process: exec: "/test": permission denied: unknown';
  const { result, asked } = await run({ start: { status: 400, message } });
  const error = await result.catch((thrown: unknown) => thrown);
  assert.instance(error, StepFailed);
  assert.match((error as Error).message, `could not start the test: ${message}`);
  assert.is((error as StepFailed).facts.cause, 'not-executable');
  assert.is(asked.at(-1), 'DELETE');
});

test.run();
