import { rmSync } from 'node:fs';
import { mock } from 'node:test';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TasksError } from '../../../src/model/errors.ts';
import { StepFailed } from '../../../src/model/ports.ts';
import {
  builderTest,
  buildRequest,
  closeBuilders,
  errorOf,
  imageDigest,
  readPartly,
  succeed,
} from '../../support/builder.ts';
import { settle } from '../../support/fake-engine.ts';

const test = suite('engines that are lost during a build');
const address = 'unix:///test/docker.sock (DOCKER_HOST)';
/** Contexts for a session of its own, and for one that several builds may share. */
const contexts = { 'its own session': { a: 'x' }, 'a shared session': { a: 'x'.repeat(1 << 20) } };

test.after.each(() => {
  mock.timers.reset();
  closeBuilders();
});

async function lossOf(result: Promise<unknown>): Promise<TasksError> {
  const error = (await errorOf(result)) as TasksError;
  assert.instance(error, TasksError, error.message);
  assert.is(error.exitCode, 3);
  assert.match(error.hint ?? '', 'tasks doctor');
  return error;
}

/** Lets the fake clock run, and the engine do its work meanwhile. */
async function pass(seconds: number): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 5) {
    mock.timers.tick(5_000);
    await settle();
  }
}

for (const [session, files] of Object.entries(contexts)) {
  test(`an engine that is killed: exit code 3, with its address and where that is from (${session})`, async () => {
    const tested = await builderTest();
    const { result } = await tested.begin(buildRequest(files));
    tested.engine.kill();
    const { message } = await lossOf(result);
    assert.match(message, new RegExp(`^lost the connection to .* at ${address.replace(/[()]/g, '\\$&')}: `));
    await tested.idle();
  });

  test(`an engine that is killed while it reads files is lost, too (${session})`, async () => {
    for (const untilBytes of [true, false]) {
      const tested = await builderTest();
      const { build, result } = await tested.begin(buildRequest(files));
      await readPartly(build.session, 'context', untilBytes);
      tested.engine.kill();
      await lossOf(result);
    }
  });

  test(`an engine that sends nothing for 60 s is lost: exit code 3, with its address (${session})`, async () => {
    const tested = await builderTest();
    mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
    const { result } = await tested.begin(buildRequest(files));
    await pass(5);
    tested.engine.freeze();
    let isLost = false;
    const lost = lossOf(result).finally(() => {
      isLost = true;
    });
    await pass(50);
    assert.is(isLost, false);
    await pass(15);
    assert.is(
      (await lost).message,
      `the docker engine at ${address} is not responding: the engine sent nothing for 60 s`,
    );
  });

  test(`a step that writes nothing for ten minutes is not taken for a lost engine (${session})`, async () => {
    const tested = await builderTest();
    mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
    const { build, result } = await tested.begin(buildRequest(files));
    const name = '[1/2] RUN sleep 600';
    await build.status({ vertexes: [{ digest: 'v', name, started: { seconds: 1n, nanos: 0 } }] });
    await pass(600);
    await succeed(build);
    assert.is((await result)?.imageId, imageDigest);
  });
}

test('after a step has failed, an engine that falls silent, or is gone, has failed the build', async () => {
  for (const end of ['freeze', 'kill'] as const) {
    const tested = await builderTest();
    mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
    const { build, result } = await tested.begin(buildRequest());
    const vertex = { digest: 'v', name: '[1/2] RUN false', completed: { seconds: 1n, nanos: 0 } };
    await build.status({ vertexes: [{ ...vertex, error: 'exit code: 1' }] });
    await settle();
    tested.engine[end]();
    await pass(75);
    const error = (await errorOf(result)) as StepFailed;
    assert.instance(error, StepFailed);
    assert.equal([error.message, error.facts.step], ['exit code: 1', '[1/2] RUN false']);
    assert.equal(tested.requests, ['GET /_ping'], 'whether the engine is there is asked');
    mock.timers.reset();
  }
});

test('an engine that cannot be reached: exit code 3, with its address and the reason', async () => {
  const tested = await builderTest();
  closeBuilders();
  rmSync(tested.engine.path, { force: true });
  const { message } = await lossOf(tested.start(buildRequest()).result);
  assert.ok(
    message.startsWith(`cannot connect to BuildKit in the docker engine at ${address}: connect ENOENT`),
  );
});

test('an engine that fails a build because it is shutting down is lost', async () => {
  const tested = await builderTest();
  const { build, result } = await tested.begin(buildRequest());
  const gone = new TasksError(3, 'lost the connection', { hint: 'run `tasks doctor`' });
  tested.ping = () => {
    throw gone;
  };
  build.endStatus();
  build.fail('failed to solve: rpc error: code = Unavailable desc = transport is closing');
  assert.is(await lossOf(result), gone);
});

test.run();
