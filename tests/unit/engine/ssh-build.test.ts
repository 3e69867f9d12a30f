import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineApi } from '../../../src/engine/api.ts';
import { type Builder, makeBuilder } from '../../../src/engine/build.ts';
import { openStdio } from '../../../src/engine/stdio-transport.ts';
import { timeouts } from '../../../src/engine/timeouts.ts';
import { TasksError } from '../../../src/model/errors.ts';
import type { BuildRequest } from '../../../src/model/ports.ts';
import { type FakeBuild, fakeBuildKit } from '../../support/fake-buildkit.ts';
import { type FakeSsh, fakeSsh, sshTo } from '../../support/fake-ssh.ts';

const test = suite('builds on an engine behind ssh');
const never = new AbortController().signal;
const progress = { step: () => undefined, line: () => undefined };

/** An engine that has each image it is asked for. */
const api: EngineApi = {
  request: () => assert.unreachable() as never,
  get: async (url) => {
    const image = { Id: url.split('/')[2], Os: 'linux', Architecture: 'amd64', Size: 1 };
    return { status: 200, body: Buffer.from(JSON.stringify(image)) };
  },
  timeouts,
  address: 'ssh://h (DOCKER_HOST)',
};

function builderBy(ssh: FakeSsh): Builder {
  return makeBuilder({
    api,
    open: () => openStdio('ssh', ['h'], ssh.env),
    sharesConnections: true,
    apiVersion: async () => '1.45',
    proxies: {},
    login: async () => undefined,
    environment: {},
    signal: never,
  });
}

function request(text = 'FROM scratch\n'): BuildRequest {
  return {
    task: 'a:1',
    context: [],
    dockerfile: { name: 'Dockerfile', text: Buffer.from(text), linesOf: () => undefined },
    namedImages: {},
    platform: 'linux/amd64',
    network: 'default',
    args: {},
    labels: {},
    noCache: false,
    secrets: {},
  };
}

async function succeed(build: FakeBuild): Promise<void> {
  build.endStatus();
  await build.answer({ 'containerimage.digest': 'sha256:1' });
}

test('60 builds at once start two ssh, and 60 later ones none', async () => {
  const engine = await fakeBuildKit();
  const ssh = sshTo(engine.path);
  const builder = builderBy(ssh);
  for (let round = 0; round < 2; round++) {
    const results = Array.from({ length: 60 }, () => builder.build(request(), progress, never));
    // No build ends before all have begun.
    const builds = await Promise.all(Array.from({ length: 60 }, () => engine.build()));
    await Promise.all(builds.map(succeed));
    await Promise.all(results);
    assert.is(ssh.calls().length, 2);
  }
  engine.close();
});

test('builds whose error could end a connection have one of their own', async () => {
  const engine = await fakeBuildKit();
  const ssh = sshTo(engine.path);
  const builder = builderBy(ssh);
  const long = `FROM scratch\n${'# comment\n'.repeat(2_000)}`;
  for (const [text, calls] of [
    ['FROM scratch\n', 1],
    [long, 2],
    ['FROM scratch\n', 2],
    [long, 3],
  ] as const) {
    const result = builder.build(request(text), progress, never);
    await succeed(await engine.build());
    await result;
    assert.is(ssh.calls().length, calls);
  }
  engine.close();
});

test('an ssh that is killed during builds: all of them lost the connection, with the reason; the next build has another ssh', async () => {
  const engine = await fakeBuildKit();
  const ssh = sshTo(engine.path);
  const builder = builderBy(ssh);
  const results = [1, 2].map(() =>
    builder.build(request(), progress, never).then(
      () => assert.unreachable() as never,
      (error: TasksError) => error,
    ),
  );
  await Promise.all([engine.build(), engine.build()]);
  process.kill(ssh.pids()[0]!, 'SIGKILL');
  for (const error of await Promise.all(results)) {
    assert.instance(error, TasksError);
    assert.is(error.exitCode, 3);
    assert.is(
      error.message,
      'lost the connection to the docker engine at ssh://h (DOCKER_HOST): ssh was killed by SIGKILL',
    );
  }
  const next = builder.build(request(), progress, never);
  await succeed(await engine.build());
  await next;
  assert.is(ssh.calls().length, 2);
  engine.close();
});

test('an ssh that cannot connect: exit code 3, with what ssh printed', async () => {
  const builder = builderBy(fakeSsh(`console.error('Permission denied (publickey).'); process.exit(255);`));
  const error = await builder.build(request(), progress, never).then(
    () => assert.unreachable() as never,
    (failure: TasksError) => failure,
  );
  assert.is(error.exitCode, 3);
  assert.match(error.message, /cannot connect to BuildKit .* at ssh:.*: Permission denied \(publickey\)\.$/);
});

test.run();
