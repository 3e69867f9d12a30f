import { appendFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type BuildRequest, StepFailed } from '../../../src/model/ports.ts';
import {
  type BuilderTest,
  builderTest,
  buildRequest,
  closeBuilders,
  errorOf,
  imageDigest,
  readFolder,
  readPartly,
  succeed,
  textsOf,
} from '../../support/builder.ts';
import { settle } from '../../support/fake-engine.ts';
import { KeptFolders } from '../../support/fake-filesync.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('files of a context that change, and transfers that are not complete');

test.after.each(closeBuilders);

/** What may happen to a file of the context between hashing and sending. */
const spoilers: Readonly<Record<string, (file: string) => void>> = {
  changed: (file) => writeFileSync(file, 'B'),
  'made longer': (file) => appendFileSync(file, 'x'),
  removed: (file) => rmSync(file),
  'replaced by a folder': (file) => {
    rmSync(file);
    mkdirSync(file);
  },
  'replaced by a link': (file) => {
    rmSync(file);
    symlinkSync('/etc/passwd', file);
  },
};
for (const [what, spoil] of Object.entries(spoilers))
  test(`a file that is ${what} fails the build with our words, not with those of the engine`, async () => {
    const tested = await builderTest();
    const request = buildRequest({ a: 'A' });
    const { source } = request.context[0]!;
    const { build, result } = await tested.begin(request);
    spoil(source);
    const received = await errorOf(readFolder(build.session, 'context'));
    build.endStatus();
    build.fail(`failed to solve: rpc error: code = Unknown desc = ${received.message}`);
    const error = await errorOf(result);
    assert.instance(error, StepFailed);
    assert.is(error.message, `${source} changed while the task was running; run again`);
  });

test('a file that cannot be read fails the build with its name and the reason', async () => {
  const tested = await builderTest();
  const request = buildRequest({ a: 'A' });
  const source = path.join(tempFolder(), 'n'.repeat(300));
  const { build, result } = await tested.begin({
    ...request,
    context: [{ ...request.context[0]!, source }],
  });
  const received = await errorOf(readFolder(build.session, 'context'));
  build.endStatus();
  build.fail(received.message);
  assert.is((await errorOf(result)).message, `cannot read ${source}: ENAMETOOLONG`);
});

for (const [when, untilBytes] of [
  ['while a file is being sent', true],
  ['before it asks for a file', false],
] as const)
  test(`a transfer that the engine gives up ${when} is not why the build failed`, async () => {
    const tested = await builderTest();
    const { build, result } = await tested.begin(buildRequest({ a: 'x'.repeat(900_000) }));
    (await readPartly(build.session, 'context', untilBytes)).cancel();
    await settle();
    const vertex = { digest: 'v', name: '[1/2] RUN false', completed: { seconds: 1n, nanos: 0 } };
    await build.status({ vertexes: [{ ...vertex, error: 'exit code: 1' }] });
    build.endStatus();
    build.fail('failed to solve: exit code: 1');
    const error = await errorOf(result);
    assert.instance(error, StepFailed);
    assert.equal([error.message, (error as StepFailed).facts.step], ['exit code: 1', '[1/2] RUN false']);
  });

/** An engine's side of builds whose context it keeps by the session's key, as engines do. */
function keepingEngine(tested: BuilderTest) {
  const kept = new KeptFolders();
  const keys = new Set<string>();
  const begin = async (request: BuildRequest, signal?: AbortSignal) => {
    const started = await tested.begin(request, signal);
    const key = started.build.session.headers.get('x-docker-expose-session-sharedkey')![0]!;
    keys.add(key);
    return { ...started, use: kept.use(`${key} context`) };
  };
  return {
    keys,
    /** A file changes after it was hashed; afterwards it has its old content again. */
    async spoiled(request: BuildRequest): Promise<void> {
      const { build, result, use } = await begin(request);
      const { source, entry } = request.context[0]!;
      const bytes = entry.type === 'file' ? entry.size : 0;
      writeFileSync(source, 'y'.repeat(bytes));
      const received = await errorOf(readFolder(build.session, 'context', use.kept));
      writeFileSync(source, 'x'.repeat(bytes));
      build.endStatus();
      build.fail(`failed to solve: ${received.message}`);
      use.release();
      assert.match((await errorOf(result)).message, /^\/\S* changed while the task was running/);
    },
    /** It is canceled while a file is being sent. */
    async cancelled(request: BuildRequest): Promise<void> {
      const controller = new AbortController();
      const { build, result, use } = await begin(request, controller.signal);
      const transfer = await readPartly(build.session, 'context');
      controller.abort(new Error('stop'));
      assert.is((await errorOf(result)).message, 'stop');
      await build.cancelled;
      transfer.cancel();
      use.release();
    },
    async good(request: BuildRequest): Promise<Record<string, string>> {
      const { build, result, use } = await begin(request);
      const snapshot = await readFolder(build.session, 'context', use.kept);
      use.commit(snapshot);
      await succeed(build);
      use.release();
      assert.is((await result)?.imageId, imageDigest);
      return textsOf(snapshot);
    },
  };
}

for (const [session, bytes] of [
  ['sessions of their own', 100_000],
  ['shared sessions', 2 << 20],
] as const) {
  test(`20 spoiled or canceled builds of a context leave nothing behind: the next one is right (${session})`, async () => {
    const tested = await builderTest();
    const files = { a: 'x'.repeat(bytes), b: 'b' };
    const request = buildRequest(files);
    const engine = keepingEngine(tested);
    for (let count = 0; count < 10; count++) {
      await engine.spoiled(request);
      await engine.cancelled(request);
    }
    assert.equal(await engine.good(request), files);
    assert.equal(await engine.good(request), files);
    assert.is(engine.keys.size, 1);
    await tested.idle();
    assert.is(tested.engine.openSessions(), 0);
  });

  test(`20 canceled builds of a context at the same time do not disturb another one (${session})`, async () => {
    const tested = await builderTest();
    const files = { a: 'x'.repeat(bytes), b: 'b' };
    const request = buildRequest(files);
    const engine = keepingEngine(tested);
    const cancelled = Array.from({ length: 20 }, () => engine.cancelled(request));
    assert.equal(await engine.good(request), files);
    await Promise.all(cancelled);
    assert.equal(await engine.good(request), files);
    await tested.idle();
    assert.is(tested.engine.openSessions(), 0);
  });
}

test.run();
