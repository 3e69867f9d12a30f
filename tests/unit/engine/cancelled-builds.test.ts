import { readdirSync, readlinkSync } from 'node:fs';
import { mock } from 'node:test';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  builderTest,
  buildRequest,
  builtImage,
  closeBuilders,
  errorOf,
  imageDigest,
  readPartly,
  succeed,
} from '../../support/builder.ts';
import { settle } from '../../support/fake-engine.ts';

const test = suite('builds that are canceled');
const reason = new Error('stop');
const contexts = {
  'its own session': { a: 'x'.repeat(1 << 19) },
  'a shared session': { a: 'x'.repeat(4 << 20) },
};

test.after.each(() => {
  mock.timers.reset();
  closeBuilders();
});

const isOpen = (file: string): boolean =>
  readdirSync('/proc/self/fd').some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === file;
    } catch {
      return false;
    }
  });

for (const [session, files] of Object.entries(contexts)) {
  test(`a cancel ends the call of the build by the protocol, then the session and all connections (${session})`, async () => {
    const tested = await builderTest();
    const controller = new AbortController();
    const { build, result } = await tested.begin(buildRequest(files), controller.signal);
    controller.abort(reason);
    assert.is(await errorOf(result), reason);
    assert.is(await build.cancelled, 'reset');
    await tested.idle();
    assert.is(tested.engine.openSessions(), 0);
    assert.equal(tested.requests, []);
  });

  test(`a cancel while a file is being sent closes it (${session})`, async () => {
    const tested = await builderTest();
    const controller = new AbortController();
    const request = buildRequest(files);
    const { build, result } = await tested.begin(request, controller.signal);
    await readPartly(build.session, 'context');
    controller.abort(reason);
    assert.is(await errorOf(result), reason);
    await tested.idle();
    while (isOpen(request.context[0]!.source)) await new Promise(setImmediate);
  });

  test(`a build that was canceled before it began asks the engine for nothing (${session})`, async () => {
    const tested = await builderTest();
    const { result } = tested.start(buildRequest(files), AbortSignal.abort(reason));
    assert.is(await errorOf(result), reason);
    let begun = false;
    void tested.engine.build().then(() => {
      begun = true;
    });
    await settle();
    await tested.idle();
    assert.is(begun, false);
  });

  test(`a cancel does not concern other builds (${session})`, async () => {
    const tested = await builderTest();
    const controller = new AbortController();
    const request = buildRequest(files);
    const one = await tested.begin(request, controller.signal);
    const two = await tested.begin(request);
    controller.abort(reason);
    assert.is(await errorOf(one.result), reason);
    await succeed(two.build);
    assert.ok(await two.result);
    await tested.idle();
  });

  test(`a cancel counts although the build has failed, and its status does not end (${session})`, async () => {
    const tested = await builderTest();
    mock.timers.enable({ apis: ['setTimeout'] });
    const controller = new AbortController();
    const { build, result } = await tested.begin(buildRequest(files), controller.signal);
    build.fail('failed to solve: exit code: 1');
    await settle();
    controller.abort(reason);
    assert.is(await errorOf(result), reason);
    await tested.idle();
  });

  test(`a cancel counts although the build has succeeded, and its status does not end (${session})`, async () => {
    const tested = await builderTest();
    mock.timers.enable({ apis: ['setTimeout'] });
    const controller = new AbortController();
    const { build, result } = await tested.begin(buildRequest(files), controller.signal);
    await build.answer({ 'containerimage.digest': imageDigest });
    await settle();
    controller.abort(reason);
    assert.is(await errorOf(result), reason);
    await tested.idle();
  });

  test(`a cancel counts while the image is verified, whatever it is (${session})`, async () => {
    const tested = await builderTest();
    const controller = new AbortController();
    const { build, result } = await tested.begin(buildRequest(files), controller.signal);
    tested.show = () => {
      controller.abort(reason);
      return { ...builtImage, Architecture: 'other' };
    };
    await succeed(build);
    assert.is(await errorOf(result), reason);
  });
}

test.run();
