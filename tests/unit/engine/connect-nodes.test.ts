import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findBuilder, type NodeAddress } from '../../../src/engine/builder-nodes.ts';
import { connectNodes } from '../../../src/engine/connect-nodes.ts';
import { EngineUnavailable, TasksError } from '../../../src/model/errors.ts';
import { StepFailed } from '../../../src/model/ports.ts';
import { silent } from '../../support/build-request.ts';
import { buildRequest, errorOf, imageDigest, sentDockerfile, succeed } from '../../support/builder.ts';
import { type FakeBuildKit, fakeBuildKit } from '../../support/fake-buildkit.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';

const test = suite('nodes of a builder');
const never = new AbortController().signal;
const open = new Set<FakeBuildKit>();

test.after.each(() => {
  for (const kit of open) kit.close();
  open.clear();
});

async function startKit(): Promise<FakeBuildKit> {
  const kit = await fakeBuildKit(['direct']);
  open.add(kit);
  return kit;
}

const nodesOf = (text: string, environment = {}): readonly NodeAddress[] => {
  const found = findBuilder(text, '--builder', environment);
  assert.is.not(found, 'engine');
  return found as readonly NodeAddress[];
};

const options = { builder: 'ci', proxies: {}, login: async () => undefined, environment: {}, signal: never };

async function connect(addresses: readonly NodeAddress[], login = async () => undefined as never) {
  const dead: string[] = [];
  const nodes = await connectNodes(addresses, {
    ...options,
    login,
    answerMs: 500,
    onDead: (message) => dead.push(message),
  });
  return { nodes, dead };
}

test('a dead node is named and left out', async () => {
  const kit = await startKit();
  const { nodes, dead } = await connect([
    ...nodesOf(`unix://${kit.path}`),
    ...nodesOf('unix:///nowhere/buildkitd.sock'),
  ]);
  assert.equal(
    nodes.map(({ platforms, native }) => [platforms, native]),
    [[['linux/amd64'], 'linux/amd64']],
  );
  assert.match(dead.join(), /unix:\/\/\/nowhere\/buildkitd\.sock.*ENOENT.*left out/);
});

test('a node that accepts and says nothing is dead, too', async () => {
  const kit = await startKit();
  const socket = path.join(tempFolder(), 's');
  const server = createServer((client) => void client.on('error', () => undefined)).listen(socket);
  try {
    const { dead } = await connect([...nodesOf(`unix://${kit.path}`), ...nodesOf(`unix://${socket}`)]);
    assert.match(dead.join(), /does not answer within 0\.5 s/);
  } finally {
    server.close();
  }
});

test('a certificate for another name is reported in the words of buildx', async () => {
  const folder = tempFolder();
  const node = { Name: 'ci0', Endpoint: 'tcp://10.0.0.1:1234' };
  const problem = 'x509: certificate is valid for build.example, not 10.0.0.1';
  writeFiles(folder, {
    'instances/ci': JSON.stringify({ Name: 'ci', Driver: 'remote', Nodes: [node] }),
    'docker*': `#!/bin/sh\necho 'ERROR: ${problem}' >&2\nexit 1\n`,
  });
  const environment = { BUILDX_CONFIG: folder, TASKS_DOCKER: `${folder}/docker`, PATH: process.env.PATH };
  const connecting = connectNodes(nodesOf('ci', environment), {
    ...options,
    environment,
    answerMs: 60_000,
    onDead: assert.unreachable,
  });
  assert.match((await errorOf(connecting)).message, `ci0 (tcp://10.0.0.1:1234): ERROR: ${problem}`);
});

test('without any node nothing starts: exit code 3', async () => {
  const error = (await errorOf(connect(nodesOf('unix:///nowhere/s')))) as TasksError;
  assert.is(error.exitCode, 3);
  assert.match(error.message, /no node of the builder ci answers\n {2}.*nowhere/);
  assert.match(error.hint ?? '', 'tasks doctor --builder ci');
});

test('an image is pushed by digest alone, and its digests are those of the answer', async () => {
  const kit = await startKit();
  const [node] = (await connect(nodesOf(`unix://${kit.path}`))).nodes;
  const result = node!.builder.build(buildRequest({ a: 'a' }, { pushTo: 'h/team/app' }), silent, never);
  const build = await kit.build();
  assert.equal(build.request.Exporters[0]?.Type, 'image');
  assert.equal(build.request.Exporters[0]?.Attrs, {
    name: 'h/team/app',
    push: 'true',
    'push-by-digest': 'true',
    store: 'false',
    'oci-mediatypes': 'true',
  });
  const config = `sha256:${'2'.repeat(64)}`;
  await succeed(build, { 'containerimage.config.digest': config });
  assert.equal(await result, { imageId: imageDigest, configDigest: config, bytes: 0, ran: [] });
});

test('the build cache of a node is imported from a tag, and exported to it; both may fail', async () => {
  const kit = await startKit();
  const [node] = (await connect(nodesOf(`unix://${kit.path}`))).nodes;
  const cacheTag = 'h/cache:app-1-linux-amd64';
  const result = node!.builder.build(buildRequest({ a: 'a' }, { pushTo: 'h/app', cacheTag }), silent, never);
  const build = await kit.build();
  const imported = [{ Type: 'registry', Attrs: { ref: cacheTag } }];
  const { Imports = [], Exports = [] } = build.request.Cache!;
  assert.equal(
    Imports.map(({ Type, Attrs }) => ({ Type, Attrs })),
    imported,
  );
  assert.equal(JSON.parse(build.request.FrontendAttrs['cache-imports']!), imported);
  assert.is(Exports[0]?.Type, 'registry');
  assert.equal([Exports[0]?.Attrs.ref, Exports[0]?.Attrs['ignore-error']], [cacheTag, 'true']);
  const at = { started: { seconds: 1n, nanos: 0 }, completed: { seconds: 2n, nanos: 0 } };
  const missing = {
    digest: 'i',
    name: `importing cache manifest from ${cacheTag}`,
    ...at,
    error: 'not found',
  };
  await build.status({ vertexes: [missing] });
  await succeed(build);
  assert.is((await result)?.imageId, imageDigest);
});

test('a node that says no digest fails the build', async () => {
  const kit = await startKit();
  const [node] = (await connect(nodesOf(`unix://${kit.path}`))).nodes;
  const result = node!.builder.build(buildRequest(), silent, never);
  const build = await kit.build();
  build.endStatus();
  await build.answer({});
  assert.match((await errorOf(result)).message, 'did not report the digest');
});

test('a node that dies during a build is lost, with its name', async () => {
  const kit = await startKit();
  const [node] = (await connect(nodesOf(`unix://${kit.path}`))).nodes;
  const result = node!.builder.build(buildRequest(), silent, never);
  await kit.build();
  kit.kill();
  const error = await errorOf(result);
  assert.instance(error, EngineUnavailable);
  assert.match(error.message, `lost the connection to the builder node unix://${kit.path}`);
});

test('a node that shuts down fails its builds: it is lost, not the build wrong', async () => {
  const kit = await startKit();
  const [node] = (await connect(nodesOf(`unix://${kit.path}`))).nodes;
  const result = node!.builder.build(buildRequest(), silent, never);
  const build = await kit.build();
  build.fail('context canceled');
  build.endStatus();
  kit.close();
  assert.instance(await errorOf(result), EngineUnavailable);
});

test('a full disk on a node is a failure of the build, with its cause', async () => {
  const kit = await startKit();
  const [node] = (await connect(nodesOf(`unix://${kit.path}`))).nodes;
  const result = node!.builder.build(buildRequest(), silent, never);
  const build = await kit.build();
  build.endStatus();
  build.fail('failed to copy files: write /a: no space left on device');
  const error = await errorOf(result);
  assert.instance(error, StepFailed);
  assert.is((error as StepFailed).facts.cause, 'disk-full');
  assert.match(error.message, /\nfree space on the builder node unix:/);
});

test('a registry that a node cannot reach is a failure of the build, with its words', async () => {
  const kit = await startKit();
  const [node] = (await connect(nodesOf(`unix://${kit.path}`))).nodes;
  const result = node!.builder.build(buildRequest({ a: 'a' }, { pushTo: 'h/app' }), silent, never);
  const build = await kit.build();
  build.endStatus();
  build.fail('failed to push h/app: failed to do request: dial tcp: lookup h: no such host');
  const error = await errorOf(result);
  assert.match(error.message, 'no such host');
  assert.is((error as StepFailed).facts.cause, 'network');
  assert.match(
    error.message,
    /\nthe builder node unix:.* must reach this registry .*`tasks doctor --builder ci`/,
  );
});

test('a docker engine without the image store of containerd is no node', async () => {
  const kit = await startKit();
  const [node] = (await connect(nodesOf(`unix://${kit.path}`))).nodes;
  const result = node!.builder.build(buildRequest(), silent, never);
  const build = await kit.build();
  build.endStatus();
  build.fail('exporter "image" could not be found');
  const error = (await errorOf(result)) as TasksError;
  assert.instance(error, TasksError);
  assert.is(error.exitCode, 3);
  assert.match(error.hint ?? '', "containerd's image store");
});

test('credentials are read when the node asks for them: those of the start may have expired', async () => {
  const kit = await startKit();
  let password = 'old';
  const login = async () => ({ username: 'me', password }) as never;
  const [node] = (await connect(nodesOf(`unix://${kit.path}`), login)).nodes;
  const request = buildRequest({ a: 'a' }, { pushTo: 'h/team/app', registries: ['h'] });
  const result = node!.builder.build(request, silent, never);
  const build = await kit.build();
  const { unary } = await import('../../../src/buildkit/grpc/call.ts');
  const { Services } = await import('../../../src/buildkit/methods.ts');
  const ask = async (): Promise<string> =>
    (await unary(build.session.http2, Services.credentials, { Host: 'h' })).Secret;
  assert.is(await ask(), 'old');
  password = 'new';
  assert.is(await ask(), 'new');
  await succeed(build);
  await result;
});

test('a test is a step on the image, which is cached nowhere; its exit code is that of its program', async () => {
  const kit = await startKit();
  const [node] = (await connect(nodesOf(`unix://${kit.path}`))).nodes;
  const root = tempFolder();
  writeFiles(root, { run: '#!/bin/sh\n' });
  const bytes = readFileSync(path.join(root, 'run'));
  const { sha256 } = await import('../../../src/disk/sha256.ts');
  const entry = {
    path: 'tasks-test/run',
    type: 'file',
    executable: true,
    size: bytes.length,
    digest: sha256(bytes),
  } as const;
  const request = {
    imageId: `h/team/app@${imageDigest}`,
    platform: 'linux/amd64',
    files: [
      { entry: { path: 'tasks-test', type: 'dir' } as const, source: '' },
      { entry, source: path.join(root, 'run') },
    ],
    program: '/tasks-test/run',
    env: { COLOR: 'a $b "c"' },
    owner: { id: '', place: '', started: '', pid: 1 },
  };
  const lines: string[] = [];
  const progress = { ...silent, line: (line: string) => void lines.push(line) };
  const result = node!.builder.test(request, progress, never);
  const build = await kit.build();
  const { Internal, FrontendAttrs, Exporters } = build.request;
  assert.equal([Internal, FrontendAttrs['no-cache'], Exporters.length], [true, '', 0]);
  assert.is(
    await sentDockerfile(build),
    `FROM h/team/app@${imageDigest}\nARG test_value_0\nENV COLOR=$test_value_0\nCOPY ["tasks-test","/tasks-test"]\nRUN ["/tasks-test/run"]\n`,
  );
  assert.is(FrontendAttrs['build-arg:test_value_0'], 'a $b "c"');
  const vertex = { digest: 'v', name: '[3/3] RUN ["/tasks-test/run"]', started: { seconds: 1n } };
  await build.status({
    vertexes: [vertex],
    logs: [{ vertex: 'v', stream: 1n, msg: Buffer.from('hello\n') }],
  });
  build.endStatus();
  build.fail('process "/tasks-test/run" did not complete successfully: exit code: 7', {
    'github.com/moby/buildkit/solver/errdefs.Vertex+json': { digest: 'v' },
  });
  assert.equal(await result, { exitCode: 7 });
  assert.equal(lines, ['hello']);
});

test('each node of a buildx builder is dialed alone, by a copy of its builder that is removed afterwards', async () => {
  const kit = await startKit();
  const folder = tempFolder();
  const nodes = [
    { Name: 'ci0', Endpoint: 'tcp://10.0.0.1:1234', Platforms: null },
    {
      Name: 'ci1',
      Endpoint: 'tcp://10.0.0.2:1234',
      Platforms: [{ os: 'linux', architecture: 'arm64', variant: 'v8' }],
    },
  ];
  writeFiles(folder, {
    'buildx/instances/ci': JSON.stringify({ Name: 'CI', Driver: 'remote', Nodes: nodes, Dynamic: false }),
    'client.mjs': `import { appendFileSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
const config = process.env.BUILDX_CONFIG;
appendFileSync('${folder}/calls', JSON.stringify([config, process.argv.slice(2), JSON.parse(readFileSync(config + '/instances/ci', 'utf8')).Nodes]) + '\\n');
const engine = connect(${JSON.stringify(kit.path)});
process.stdin.pipe(engine).pipe(process.stdout);
`,
    'docker*': `#!/bin/sh\nNODE_EXTRA_CA_CERTS= exec ${process.execPath} ${folder}/client.mjs "$@"\n`,
  });
  const environment = {
    BUILDX_CONFIG: `${folder}/buildx`,
    TASKS_DOCKER: `${folder}/docker`,
    PATH: process.env.PATH,
  };
  const addresses = nodesOf('Ci', environment);
  assert.equal(
    addresses.map(({ name, place, platforms }) => [name, place, platforms]),
    [
      ['ci0', 'tcp://10.0.0.1:1234', undefined],
      ['ci1', 'tcp://10.0.0.2:1234', ['linux/arm64']],
    ],
  );
  const connected = await connectNodes(addresses, {
    ...options,
    environment,
    answerMs: 60_000,
    onDead: assert.unreachable,
  });
  assert.equal(
    connected.map(({ platforms, native }) => [platforms, native]),
    [
      [['linux/amd64'], 'linux/amd64'],
      [['linux/arm64'], 'linux/amd64'],
    ],
  );
  const calls = readFileSync(path.join(folder, 'calls'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as [string, string[], typeof nodes])
    .sort(([, , a], [, , b]) => (a[0]!.Name < b[0]!.Name ? -1 : 1));
  assert.equal(
    calls.map(([, args, each]) => [args, each]),
    nodes.map((node) => [['buildx', 'dial-stdio', '--builder', 'CI'], [node]]),
  );
  for (const [config] of calls) assert.is(existsSync(config), false);
});

test('a builder of the docker driver is the engine; an unknown name is an error', () => {
  const environment = { HOME: tempFolder() };
  assert.is(findBuilder('default', '--builder', environment), 'engine');
  assert.throws(
    () => findBuilder('ci', '--builder', environment),
    (error: unknown) =>
      error instanceof TasksError && error.exitCode === 2 && /no such builder/.test(error.message),
  );
});

test.run();
