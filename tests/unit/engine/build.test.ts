import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { unary } from '../../../src/buildkit/grpc/call.ts';
import { Services } from '../../../src/buildkit/methods.ts';
import { type BuildRequest, StepFailed } from '../../../src/model/ports.ts';
import {
  builderTest,
  buildRequest,
  builtImage,
  closeBuilders,
  errorOf,
  imageDigest,
  readFolder,
  sentDockerfile,
  succeed,
  textsOf,
} from '../../support/builder.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('builds of the docker engine');
const at = (seconds: number) => ({ seconds: BigInt(seconds), nanos: 0 });
const running = { started: at(1) };
const ended = { started: at(1), completed: at(2) };

test.after.each(closeBuilders);

test('a build asks for what the request says, and sends the context and the Dockerfile', async () => {
  const tested = await builderTest();
  tested.show = () => ({ ...builtImage, Architecture: 'arm64', Config: { Labels: { l: 'x' } } });
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
  const { build, result } = await tested.begin(request);
  assert.is(build.request.ExporterDeprecated, 'moby');
  assert.equal(build.request.FrontendAttrs, {
    filename: 'app.Dockerfile',
    platform: 'linux/aarch64',
    target: 'final',
    'no-cache': '',
    'force-network-mode': 'none',
    'build-arg:V': '1',
    'label:l': 'x',
    'context:tasks.invalid/base:1-k::linux/arm64': 'docker-image://tasks.invalid/base:exact',
    'frontend.caps': 'moby.buildkit.frontend.contexts+forward',
  });
  assert.equal(textsOf(await readFolder(build.session, 'context')), { 'a b': 'A' });
  assert.is(await sentDockerfile(build), 'FROM scratch\nCOPY . /\n');
  await succeed(build);
  await result;
});

test('the context and the Dockerfile are frontend inputs, if the frontend is known to read them', async () => {
  const sent = async (more: Partial<BuildRequest>, text = 'FROM scratch\n'): Promise<string[]> => {
    const tested = await builderTest();
    const { build, result } = await tested.begin(buildRequest({ a: 'a' }, { ...more, text }));
    assert.is(await sentDockerfile(build), text);
    await succeed(build);
    await result;
    await tested.idle();
    const { FrontendInputs, FrontendAttrs } = build.request;
    return [...Object.keys(FrontendInputs), ...Object.keys(FrontendAttrs)].filter((name) =>
      /^(context|dockerfile)/.test(name),
    );
  };
  const comment = (length: number): string => `FROM scratch\n#${'x'.repeat(length - 14)}`;
  const [inputs, folders] = [['context', 'dockerfile'], ['dockerfilekey']];
  assert.equal(await sent({}), inputs);
  assert.equal(await sent({}, comment(8 << 10)), inputs);
  assert.equal(await sent({}, comment((8 << 10) + 1)), folders, 'an error would contain it twice');
  for (const line of ['# syntax=docker/dockerfile:1', '// syntax=docker/dockerfile:1', '#!/bin/x\n#syntax=y'])
    assert.equal(await sent({}, `${line}\nFROM scratch\n`), folders, line);
  assert.equal(await sent({ args: { BUILDKIT_SYNTAX: 'docker/dockerfile:1.3' } }), folders);
  assert.equal(await sent({ attest: { provenance: 'max' } }), folders);
});

test('the result has the image, and the steps that ran: no cached ones, no base images', async () => {
  const tested = await builderTest();
  const { build, result } = await tested.begin(buildRequest());
  const step = (name: string, cached = false) => ({ digest: name, name, ...ended, cached });
  await build.status({
    vertexes: [
      step('[internal] load metadata'),
      step('[1/4] FROM debian'),
      step('[2/4] COPY . .'),
      step('[3/4] RUN one', true),
      step('[4/4] RUN two'),
    ],
  });
  await succeed(build, { 'containerimage.config.digest': 'sha256:c' });
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

test('a build that collides with an equal one in the image store is repeated, up to three times', async () => {
  const collision = `failed to solve: image "moby-dangling@sha256:${'2'.repeat(64)}": already exists`;
  const tested = await builderTest();
  const { build, result, lines } = await tested.begin(buildRequest());
  build.endStatus();
  build.fail(collision);
  await succeed(await tested.engine.build());
  assert.is((await result)!.imageId, imageDigest);
  assert.match(lines.join('\n'), 'repeating the build');

  const second = await tested.begin(buildRequest());
  for (let tries = 1; tries <= 4; tries++) {
    const started = tries === 1 ? second.build : await tested.engine.build();
    started.endStatus();
    started.fail(collision);
  }
  assert.match((await errorOf(second.result)).message, /already exists/);
  await tested.idle();
});

test('an image that is not what was asked for fails the build, and gets no tag', async () => {
  for (const [shown, message] of [
    [{ Config: {} }, /does not carry the label l/],
    [{ Architecture: 's390x', Config: { Labels: { l: 'x' } } }, /is for linux\/s390x/],
  ] as const) {
    const tested = await builderTest();
    tested.show = () => ({ ...builtImage, ...shown });
    const { build, result } = await tested.begin(buildRequest({ a: 'a' }, { labels: { l: 'x' } }));
    await succeed(build);
    const error = await errorOf(result);
    assert.instance(error, StepFailed);
    assert.match(error.message, message);
    assert.equal(tested.requests, [`GET /images/${imageDigest}/json`, 'GET /_ping']);
  }
});

const failingText = 'FROM debian AS base\nRUN one\nFROM base\nRUN make \\\n  all\nRUN later\n';

for (const [engine, details] of [
  ['docker 20.10, which says no details', {}],
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
    const tested = await builderTest();
    const { build, result, steps } = await tested.begin(buildRequest({ a: 'a' }, { text: failingText }));
    const error = 'process "/bin/sh -c make   all" did not complete successfully: exit code: 7';
    const make = { digest: 'make', name: '[stage-1 1/2] RUN make   all' };
    const other = { digest: 'other', name: '[base 2/2] RUN one' };
    const log = (vertex: string, msg: string, stream = 1n) => ({ vertex, stream, msg: Buffer.from(msg) });
    await build.status({
      vertexes: [
        { ...make, ...running },
        { ...other, ...running },
      ],
    });
    await build.status({
      logs: [log('make', 'gcc\n', 2n), log('make', 'last'), log('other', 'of another step\n')],
    });
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
    assert.is(failed.message, 'exit code: 7');
    assert.equal(failed.facts, {
      step: '[stage-1 1/2] RUN make   all',
      lines: { line: 4, endLine: 5 },
      excerpt: failingText.split('\n').slice(3, 5),
      exitCode: 7,
      instruction: 'RUN',
      output: { lines: ['gcc', 'last'], stderr: ['gcc'] },
    });
    assert.equal(
      steps.filter((step) => step.ended !== undefined).map(({ text, line, ended: end }) => [text, line, end]),
      [['stage-1: RUN make   all', 4, 'failed']],
    );
    await tested.idle();
  });

test("every build gets the proxies; a request's own arg of the same name is stronger", async () => {
  const tested = await builderTest({ proxies: { HTTP_PROXY: 'a', NO_PROXY: 'b' } });
  const { build } = await tested.begin(buildRequest({ a: 'a' }, { args: { NO_PROXY: 'own', V: '1' } }));
  const attributes = Object.entries(build.request.FrontendAttrs);
  assert.equal(Object.fromEntries(attributes.filter(([name]) => name.startsWith('build-arg:'))), {
    'build-arg:HTTP_PROXY': 'a',
    'build-arg:NO_PROXY': 'own',
    'build-arg:V': '1',
  });
});

test('what an engine keeps of a context is under the digest of the whole context', async () => {
  const tested = await builderTest();
  const keys: string[] = [];
  for (const files of [{ a: '1' }, { a: '2' }, { b: '1' }, { a: '1' }]) {
    const { build, result } = await tested.begin(buildRequest(files));
    keys.push(...build.session.headers.get('x-docker-expose-session-sharedkey')!);
    await succeed(build);
    await result;
  }
  assert.is(keys[0], keys[3]);
  assert.is(new Set(keys).size, 3);
});

test('the way to BuildKit that worked is tried first the next time', async () => {
  const tested = await builderTest({ accepts: ['direct'] });
  for (let count = 0; count < 3; count++) {
    const { build, result } = await tested.begin(buildRequest());
    await succeed(build);
    await result;
  }
  assert.is(tested.engine.upgrades.length, 1);
});

test('an export asks for files, and no image is looked for', async () => {
  const tested = await builderTest();
  const { build, result } = await tested.begin(buildRequest({ a: 'a' }, { exportTo: tempFolder() }));
  assert.is(build.request.ExporterDeprecated, 'local');
  await succeed(build);
  assert.is(await result, undefined);
  assert.equal(tested.requests, []);
});

test('a build gets logins of the registries that it names, by their names in references to images', async () => {
  const asked: string[] = [];
  const tested = await builderTest({
    login: async (host) => {
      asked.push(host);
      return { username: 'me', password: 'p' };
    },
  });
  const registries = ['docker.io', 'registry.example:5000'];
  const { build } = await tested.begin(buildRequest({ a: 'a' }, { registries }));
  const userAt = async (Host: string): Promise<string> =>
    (await unary(build.session.http2, Services.credentials, { Host })).Username;
  assert.is(await userAt('registry-1.docker.io'), 'me');
  assert.is(await userAt('Registry.example:5000'), 'me');
  for (const other of ['registry.example', 'ghcr.io', 'index.docker.io', ''])
    assert.is(await userAt(other), '');
  assert.equal(asked, ['registry-1.docker.io', 'Registry.example:5000']);
});

test('secrets and logins go to the engine on request only: they are in no message and no error', async () => {
  const file = path.join(tempFolder(), 'secret');
  writeFileSync(file, 'hunter2-file');
  const tested = await builderTest({
    environment: { TOKEN: 'hunter2-env', OTHER: 'hunter2-other' },
    login: async () => ({ username: 'me', password: 'hunter2-password' }),
  });
  const secrets = { one: { env: 'TOKEN' }, two: { file } };
  const { build, result, lines, steps } = await tested.begin(buildRequest({ a: 'a' }, { secrets }));
  const secret = async (ID: string): Promise<string> =>
    Buffer.from((await unary(build.session.http2, Services.getSecret, { ID })).data).toString();
  assert.equal([await secret('one'), await secret('two')], ['hunter2-env', 'hunter2-file']);
  for (const other of ['OTHER', 'TOKEN', '__proto__', 'constructor'])
    assert.is((await errorOf(secret(other))).message, `secret ${other} not found`);
  const login = await unary(build.session.http2, Services.credentials, { Host: 'registry.example' });
  assert.equal([login.Username, login.Secret], ['me', 'hunter2-password']);
  rmSync(file);
  const { message } = await errorOf(secret('two'));
  await build.status({ vertexes: [{ digest: 'v', name: '[1/1] RUN x', ...ended, error: message }] });
  build.endStatus();
  build.fail(`failed to solve: ${message}`);
  const error = (await errorOf(result)) as StepFailed;
  const sent = [Object.entries(build.request), [...build.session.headers]];
  const seen = JSON.stringify([sent, lines, steps, error.message, error.facts], (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  assert.match(seen, 'ENOENT');
  assert.not.match(seen, 'hunter2');
});

test.run();
