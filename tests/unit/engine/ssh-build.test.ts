import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openStdio } from '../../../src/engine/stdio-transport.ts';
import { TasksError } from '../../../src/model/errors.ts';
import {
  type BuilderTest,
  builderTest,
  buildRequest,
  closeBuilders,
  errorOf,
  succeed,
} from '../../support/builder.ts';
import { type FakeSsh, fakeSsh, sshTo } from '../../support/fake-ssh.ts';

const test = suite('builds on an engine behind ssh');
test.after.each(closeBuilders);

/** Starts a fake engine, and a builder that reaches it by a fake ssh. */
async function builderBySsh(): Promise<BuilderTest & { ssh(): FakeSsh }> {
  let ssh: FakeSsh | undefined;
  const openShared = (socket: string) => {
    ssh ??= sshTo(socket);
    return openStdio('ssh', ['h'], ssh.env);
  };
  return { ...(await builderTest({ openShared })), ssh: () => ssh! };
}

test('60 builds at once start two ssh, and 60 later ones none', async () => {
  const { engine, start, ssh } = await builderBySsh();
  for (let round = 0; round < 2; round++) {
    const builds = Array.from({ length: 60 }, () => start(buildRequest()));
    // No build ends before all have begun.
    const begun = await Promise.all(builds.map(() => engine.build()));
    await Promise.all(begun.map((build) => succeed(build)));
    await Promise.all(builds.map(({ result }) => result));
    assert.is(ssh().calls().length, 2);
  }
});

test('a context that is sent once for several builds takes a place on a connection, too', async () => {
  const { engine, start, ssh } = await builderBySsh();
  const large = { file: 'x'.repeat(2 << 20) };
  const builds = Array.from({ length: 40 }, () => start(buildRequest(large)));
  const begun = await Promise.all(builds.map(() => engine.build()));
  assert.is(new Set(begun.map(({ request }) => request.Session)).size, 1);
  assert.is(ssh().calls().length, 2);
  await Promise.all(begun.map((build) => succeed(build)));
  await Promise.all(builds.map(({ result }) => result));
});

test('builds whose error could end a connection have one of their own', async () => {
  const { begin, ssh } = await builderBySsh();
  const [short, long] = ['FROM scratch\n', `FROM scratch\n${'# comment\n'.repeat(2_000)}`];
  for (const [text, calls] of [
    [short, 1],
    [long, 2],
    [short, 2],
    [long, 3],
  ] as const) {
    const { build, result } = await begin(buildRequest({}, { text }));
    await succeed(build);
    await result;
    assert.is(ssh().calls().length, calls);
  }
});

test('an ssh that is killed during builds: all of them lost the connection, with the reason; the next build has another ssh', async () => {
  const { begin, ssh } = await builderBySsh();
  const builds = [await begin(buildRequest()), await begin(buildRequest())];
  process.kill(ssh().pids()[0]!, 'SIGKILL');
  for (const { result } of builds) {
    const error = (await errorOf(result)) as TasksError;
    assert.instance(error, TasksError);
    assert.is(error.exitCode, 3);
    assert.match(
      error.message,
      /^lost the connection to the docker engine at .*: ssh was killed by SIGKILL$/,
    );
  }
  const { build, result } = await begin(buildRequest());
  await succeed(build);
  await result;
  assert.is(ssh().calls().length, 2);
});

test('an ssh that cannot connect: exit code 3, with what ssh printed', async () => {
  const ssh = fakeSsh(`console.error('Permission denied (publickey).'); process.exit(255);`);
  const { start } = await builderTest({ openShared: () => openStdio('ssh', ['h'], ssh.env) });
  const error = (await errorOf(start(buildRequest()).result)) as TasksError;
  assert.is(error.exitCode, 3);
  assert.match(error.message, /^cannot connect to BuildKit in .*: Permission denied \(publickey\)\.$/);
});

test.run();
