import { appendFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { mock } from 'node:test';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { unary } from '../../../src/buildkit/grpc/call.ts';
import { Services } from '../../../src/buildkit/methods.ts';
import { TasksError } from '../../../src/model/errors.ts';
import { StepFailed } from '../../../src/model/ports.ts';
import {
  type BuilderTest,
  builderTest,
  buildRequest,
  imageDigest,
  readFolder,
  readPartly,
  textsOf,
} from '../../support/builder.ts';
import { settle } from '../../support/fake-engine.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('builds of the docker engine');
const open: BuilderTest[] = [];
const answer = { 'containerimage.digest': imageDigest };
const at = (seconds: number) => ({ seconds: BigInt(seconds), nanos: 0 });
const running = { started: at(1) };
const ended = { started: at(1), completed: at(2) };

async function start(options: Parameters<typeof builderTest>[0] = {}): Promise<BuilderTest> {
  const builder = await builderTest(options);
  open.push(builder);
  return builder;
}

test.after.each(() => {
  mock.timers.reset();
  for (const { engine } of open.splice(0)) engine.close();
});

async function errorOf(result: Promise<unknown>): Promise<Error> {
  return await result.then(
    () => assert.unreachable('the build succeeded') as never,
    (error: Error) => error,
  );
}

test('a build asks for what the request says, and reads the context and the Dockerfile', async () => {
  const tested = await start();
  const request = buildRequest(
    { 'a b': 'A' },
    {
      dockerfile: { ...buildRequest().dockerfile, name: 'app.Dockerfile' },
      target: 'final',
      platform: 'linux/aarch64',
      args: { V: '1' },
      labels: { l: 'x' },
      network: 'none',
      noCache: true,
      namedImages: { 'tasks.invalid/base:1-k': 'tasks.invalid/base:exact' },
    },
  );
  tested.show = () => ({
    Id: imageDigest,
    Os: 'linux',
    Architecture: 'arm64',
    Size: 10,
    Config: { Labels: { l: 'x' } },
  });
  const { result } = tested.start(request);
  const build = await tested.engine.build();
  const { FrontendAttrs: attributes, ExporterDeprecated: exporter } = build.request;
  const { dockerfilekey, ...rest } = attributes;
  assert.is(exporter, 'moby');
  assert.equal(rest, {
    filename: 'app.Dockerfile',
    platform: 'linux/aarch64',
    target: 'final',
    'no-cache': '',
    'force-network-mode': 'none',
    'build-arg:V': '1',
    'label:l': 'x',
    'context:tasks.invalid/base:1-k::linux/arm64': 'docker-image://tasks.invalid/base:exact',
  });
  assert.equal(textsOf(await readFolder(build.session, 'context')), { 'a b': 'A' });
  const dockerfile = textsOf(await readFolder(build.session, dockerfilekey!));
  assert.is(dockerfile['app.Dockerfile'], 'FROM scratch\nCOPY . /\n');
  build.endStatus();
  await build.answer(answer);
  await result;
});

test('the result has the image, and the steps that ran: no cached ones, no base images', async () => {
  const tested = await start();
  const { result } = tested.start(buildRequest());
  const build = await tested.engine.build();
  const names = [
    '[internal] load metadata',
    '[1/4] FROM debian',
    '[2/4] COPY . .',
    '[3/4] RUN one',
    '[4/4] RUN two',
  ];
  await build.status({
    vertexes: names.map((name, index) => ({
      digest: `${index}`,
      name,
      ...ended,
      cached: name.endsWith('one'),
    })),
  });
  build.endStatus();
  await build.answer({ ...answer, 'containerimage.config.digest': 'sha256:c' });
  assert.equal(await result, {
    imageId: imageDigest,
    bytes: 10,
    configDigest: 'sha256:c',
    ran: ['[2/4] COPY . .', '[4/4] RUN two'],
  });
  assert.equal(tested.requests, [`GET /images/${imageDigest}/json`], 'no tag is set');
  await tested.idle();
  assert.is(tested.engine.openSessions(), 0);
});

test('an image that is not what was asked for fails the build, and gets no tag', async () => {
  for (const [shown, message] of [
    [{ Id: imageDigest, Os: 'linux', Architecture: 'amd64', Size: 1 }, /does not carry the label l/],
    [
      { Id: imageDigest, Os: 'linux', Architecture: 's390x', Size: 1, Config: { Labels: { l: 'x' } } },
      /for linux\/s390x/,
    ],
  ] as const) {
    const tested = await start();
    tested.show = () => shown;
    const { result } = tested.start(buildRequest({ a: 'a' }, { labels: { l: 'x' } }));
    const build = await tested.engine.build();
    build.endStatus();
    await build.answer(answer);
    const error = await errorOf(result);
    assert.instance(error, StepFailed);
    assert.match(error.message, message);
    assert.equal(tested.requests, [`GET /images/${imageDigest}/json`, 'GET /_ping']);
  }
});

const failingText = 'FROM debian AS base\nRUN one\nFROM base\nRUN make \\\n  all\nRUN later\n';

for (const [engine, details] of [
  ['docker 20.10, which says no details', undefined],
  [
    'docker 26, which ends its lines at the first',
    {
      'github.com/moby/buildkit/errdefs.Source+json': {
        info: { filename: 'Dockerfile' },
        ranges: [{ start: { line: 4 }, end: { line: 4 } }],
      },
      'github.com/moby/buildkit/errdefs.Vertex+json': { digest: 'make' },
      'github.com/moby/buildkit/gatewayapi.ExitMessage+json': { Code: 7 },
    },
  ],
] as const)
  test(`a failure has the step, its lines, the exit code and its own last lines: ${engine}`, async () => {
    const tested = await start();
    const { result, steps } = tested.start(buildRequest({ a: 'a' }, { text: failingText }));
    const build = await tested.engine.build();
    const error = 'process "/bin/sh -c make   all" did not complete successfully: exit code: 7';
    const [make, other] = [
      { digest: 'make', name: '[stage-1 1/2] RUN make   all' },
      { digest: 'other', name: '[base 2/2] RUN one' },
    ];
    await build.status({
      vertexes: [
        { ...make, ...running },
        { ...other, ...running },
      ],
    });
    const log = (vertex: string, msg: string) => ({ vertex, stream: 1n, msg: Buffer.from(msg) });
    await build.status({ logs: [log('make', 'gcc\nlast'), log('other', 'of another step\n')] });
    await build.status({
      vertexes: [
        { ...make, ...ended, error },
        { ...other, ...ended, error: 'context canceled' },
      ],
    });
    build.endStatus();
    build.fail(`failed to solve: ${error}`, details);
    const failed = (await errorOf(result)) as StepFailed;
    assert.instance(failed, StepFailed);
    assert.is(failed.message, error);
    assert.equal(failed.facts, {
      step: '[stage-1 1/2] RUN make   all',
      lines: { line: 4, endLine: 5 },
      exitCode: 7,
      output: ['gcc', 'last'],
    });
    assert.equal(
      steps.flatMap((step) => (step.ended === undefined ? [] : [[step.text, step.line, step.ended]])),
      [['stage-1: RUN make   all', 4, 'failed']],
    );
  });

test('an export writes its files, and no image is looked for', async () => {
  const tested = await start();
  const exportTo = tempFolder();
  const { result } = tested.start(buildRequest({ a: 'a' }, { exportTo }));
  const build = await tested.engine.build();
  assert.is(build.request.ExporterDeprecated, 'local');
  build.endStatus();
  await build.answer();
  assert.is(await result, undefined);
  assert.equal(tested.requests, []);
});

test('secrets and logins go to the engine on request only: no message of ours has one, nor has an error', async () => {
  const file = path.join(tempFolder(), 'secret');
  writeFileSync(file, 'hunter2-file');
  const tested = await start({
    environment: { TOKEN: 'hunter2-env', OTHER: 'hunter2-other' },
    login: async () => ({ username: 'me', password: 'hunter2-password' }),
  });
  const secrets = { one: { env: 'TOKEN' }, two: { file } };
  const { result, lines, steps } = tested.start(buildRequest({ a: 'a' }, { secrets }));
  const build = await tested.engine.build();
  const secret = async (ID: string) =>
    Buffer.from((await unary(build.session.http2, Services.getSecret, { ID })).data).toString();
  assert.equal([await secret('one'), await secret('two')], ['hunter2-env', 'hunter2-file']);
  for (const other of ['OTHER', 'TOKEN', '__proto__'])
    assert.is((await errorOf(secret(other))).message, `secret ${other} not found`);
  const login = await unary(build.session.http2, Services.credentials, { Host: 'registry.example' });
  assert.equal([login.Username, login.Secret], ['me', 'hunter2-password']);
  rmSync(file);
  const missing = await errorOf(secret('two'));
  await build.status({ vertexes: [{ digest: 'v', name: '[1/1] RUN x', ...ended, error: missing.message }] });
  build.endStatus();
  build.fail(`failed to solve: ${missing.message}`);
  const error = (await errorOf(result)) as StepFailed;
  const seen = JSON.stringify(
    [build.request, [...build.session.headers], lines, steps, error.message, error.facts],
    (_, value) => (typeof value === 'bigint' ? String(value) : value),
  );
  assert.match(seen, 'ENOENT');
  assert.not.match(seen, 'hunter2');
});

test('an engine that is killed: exit code 3, with its address and where that is from', async () => {
  const tested = await start();
  const { result } = tested.start(buildRequest());
  await tested.engine.build();
  tested.engine.kill();
  const error = (await errorOf(result)) as TasksError;
  assert.instance(error, TasksError);
  assert.is(error.exitCode, 3);
  assert.match(
    error.message,
    'docker engine at unix:///test/docker.sock (DOCKER_HOST): the connection to the engine was closed',
  );
  await tested.idle();
});

test('an engine that is killed while it reads files is lost, too', async () => {
  for (const untilBytes of [true, false]) {
    const tested = await start();
    const { result } = tested.start(buildRequest({ a: 'x'.repeat(900_000) }));
    await readPartly((await tested.engine.build()).session, 'context', untilBytes);
    tested.engine.kill();
    const error = (await errorOf(result)) as TasksError;
    assert.instance(error, TasksError, error.message);
    assert.is(error.exitCode, 3);
  }
});

/** Lets the fake clock run, and the engine do its work meanwhile. */
async function pass(seconds: number): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 5) {
    mock.timers.tick(5_000);
    await settle();
  }
}

for (const [kind, bytes] of [
  ['with a session of its own', 1],
  ['in a shared session', 1 << 20],
] as const) {
  test(`an engine that sends nothing for 60 s is lost: exit code 3, with its address (${kind})`, async () => {
    const tested = await start();
    mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
    const { result } = tested.start(buildRequest({ a: 'x'.repeat(bytes) }));
    await tested.engine.build();
    await pass(5);
    tested.engine.freeze();
    let isLost = false;
    const lost = errorOf(result).finally(() => {
      isLost = true;
    });
    await pass(50);
    assert.is(isLost, false);
    await pass(15);
    const error = (await lost) as TasksError;
    assert.instance(error, TasksError, error.message);
    assert.is(error.exitCode, 3);
    assert.is(
      error.message,
      'the docker engine at unix:///test/docker.sock (DOCKER_HOST) is not responding: the engine sent nothing for 60 s',
    );
  });

  test(`a step that writes nothing for ten minutes is not taken for a lost engine (${kind})`, async () => {
    const tested = await start();
    mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
    const { result } = tested.start(buildRequest({ a: 'x'.repeat(bytes) }));
    const build = await tested.engine.build();
    await build.status({ vertexes: [{ digest: 'v', name: '[1/2] RUN sleep 600', ...running }] });
    await pass(600);
    build.endStatus();
    await build.answer(answer);
    assert.is((await result)?.imageId, imageDigest);
  });
}

test('no engine: exit code 3', async () => {
  const tested = await start();
  tested.engine.close();
  rmSync(tested.engine.path, { force: true });
  const error = (await errorOf(tested.start(buildRequest()).result)) as TasksError;
  assert.is(error.exitCode, 3);
  assert.match(
    error.message,
    /^cannot connect to BuildKit in the docker engine at unix:\/\/\/test\/docker.sock \(DOCKER_HOST\): connect ENOENT/,
  );
});

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
    const tested = await start();
    const request = buildRequest({ a: 'A' });
    const { source } = request.context[0]!;
    const { result } = tested.start(request);
    const build = await tested.engine.build();
    spoil(source);
    const received = await errorOf(readFolder(build.session, 'context'));
    build.endStatus();
    build.fail(`failed to solve: rpc error: code = Unknown desc = ${received.message}`);
    const error = await errorOf(result);
    assert.instance(error, StepFailed);
    assert.is(error.message, `${source} changed while the task was running; run again`);
  });

test('a file that cannot be read fails the build with its name and the reason', async () => {
  const tested = await start();
  const request = buildRequest({ a: 'A' });
  const source = path.join(tempFolder(), 'n'.repeat(300));
  const { result } = tested.start({ ...request, context: [{ ...request.context[0]!, source }] });
  const build = await tested.engine.build();
  const received = await errorOf(readFolder(build.session, 'context'));
  build.endStatus();
  build.fail(received.message);
  assert.is((await errorOf(result)).message, `cannot read ${source}: ENAMETOOLONG`);
});

for (const [when, bytes] of [
  ['while a file is being sent', 900_000],
  ['before it asks for a file', 0],
] as const)
  test(`a transfer that the engine gives up ${when} is not why the build failed`, async () => {
    const tested = await start();
    const { result } = tested.start(buildRequest({ a: 'x'.repeat(bytes) }));
    const build = await tested.engine.build();
    const transfer = await readPartly(build.session, 'context', bytes > 0);
    transfer.cancel();
    // Our side has seen it.
    await errorOf(unary(build.session.http2, Services.getSecret, { ID: 'none' }));
    await build.status({
      vertexes: [{ digest: 'v', name: '[1/2] RUN false', ...ended, error: 'exit code: 1' }],
    });
    build.endStatus();
    build.fail('failed to solve: exit code: 1');
    assert.is((await errorOf(result)).message, 'exit code: 1');
  });

test.run();
