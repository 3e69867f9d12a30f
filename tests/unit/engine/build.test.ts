import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sha256 } from '../../../src/disk/sha256.ts';
import { dockerEngine } from '../../../src/engine/docker.ts';
import { clientEnvironment } from '../../../src/engine/environment.ts';
import type { BuildRequest, BuiltImage } from '../../../src/model/ports.ts';
import { type StubResponse, stubClient, stubEngine } from '../../support/stub-engine.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';

const test = suite('a build with the docker client');
const silent = { step: () => undefined, line: () => undefined };
const { signal } = new AbortController();
const [manifest, config] = [`sha256:${'a'.repeat(64)}`, `sha256:${'c'.repeat(64)}`];

function requestOf(more: Partial<BuildRequest> = {}): BuildRequest {
  const root = tempFolder();
  writeFiles(root, { Dockerfile: 'FROM scratch\n' });
  mkdirSync(path.join(root, 'work'));
  const source = path.join(root, 'Dockerfile');
  return {
    task: 'x:1',
    context: [],
    dockerfile: { source, digest: sha256(readFileSync(source)) },
    platform: 'linux/amd64',
    network: 'default',
    args: {},
    labels: { a: '1' },
    noCache: false,
    secrets: {},
    work: path.join(root, 'work'),
    ...more,
  };
}

const writesIds = `echo '{"containerimage.digest":"${manifest}","containerimage.config.digest":"${config}"}' > "$metadata"; echo ${config} > "$iid"`;

/** Builds with a client that does what the script says, against an engine that has the images of these ids. */
async function built(
  ids: readonly string[],
  options: {
    script?: string;
    version?: string;
    request?: BuildRequest;
    environment?: Record<string, string>;
  },
): Promise<{ result: BuiltImage | undefined; env: Record<string, string>; args: string[] }> {
  const engine = await stubEngine(({ url }): StubResponse => {
    const id = ids.find((each) => url === `/images/${each}/json`);
    if (id === undefined) return { status: 404, body: { message: `No such image: ${url}` } };
    return { body: { Id: id, Os: 'linux', Architecture: 'amd64', Size: 7, Config: { Labels: { a: '1' } } } };
  });
  const client = stubClient({ script: writesIds, ...options });
  const environment = {
    PATH: process.env.PATH,
    ...options.environment,
    ...engine.env,
    TASKS_DOCKER: client.file,
  };
  try {
    const docker = dockerEngine(environment, { signal });
    const result = await docker.build(options.request ?? requestOf(), silent, signal);
    const lines = (name: string): string[] =>
      readFileSync(path.join(client.folder, name), 'utf8').trim().split('\n');
    const env = Object.fromEntries(
      lines('env').map((line) => [line.split('=')[0]!, line.slice(line.indexOf('=') + 1)]),
    );
    return { result, env, args: lines('args') };
  } finally {
    engine.close();
  }
}

test('the image id is the manifest digest in the containerd image store, and the config digest in the classic one', async () => {
  assert.is((await built([manifest], {})).result?.imageId, manifest);
  assert.is((await built([config], {})).result?.imageId, config);
  const old = await built([config], { version: '20.10.24', script: `echo ${config} > "$iid"` });
  assert.is(old.result?.imageId, config);
  assert.not.ok(
    old.args.some((arg) => arg.startsWith('--metadata-file')),
    'this client does not have the flag',
  );
});

test('an image that the engine knows by neither digest is an error', async () => {
  try {
    await built([], {});
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /could not show the image sha256:c.*No such image/);
  }
});

const unlisted = {
  BUILDX_GIT_LABELS: 'full',
  BUILDX_BUILDER: 'other',
  BUILDX_CONFIG: '/other',
  BUILDX_METADATA_PROVENANCE: 'max',
  BUILDX_EXPERIMENTAL: '1',
  BUILDKIT_HOST: 'tcp://other',
  BUILDKIT_PROGRESS: 'tty',
  EXPERIMENTAL_BUILDKIT_SOURCE_POLICY: '/policy',
  DOCKER_BUILDKIT: '0',
  DOCKER_DEFAULT_PLATFORM: 'linux/s390x',
  DOCKER_CONTENT_TRUST: '1',
  DOCKER_CUSTOM_HEADERS: 'a=b',
  COMPOSE_FILE: 'x',
  COMPOSE_BAKE: '1',
  SOURCE_DATE_EPOCH: '1',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'http://other',
  ACTIONS_RUNTIME_TOKEN: 'x',
  NODE_OPTIONS: '--x',
  ANYTHING: 'x',
};

test('the client gets only the listed environment variables', async () => {
  const listed = {
    HOME: '/h',
    HTTPS_PROXY: 'http://p',
    SSH_AUTH_SOCK: '/s',
    DOCKER_CONFIG: '/c',
    AWS_PROFILE: 'me',
  };
  const { env } = await built([manifest], { environment: { ...unlisted, ...listed } });
  for (const [name, value] of Object.entries(listed)) assert.is(env[name], value, name);
  const setByTasks = ['DOCKER_BUILDKIT', 'BUILDX_BUILDER'];
  for (const name of Object.keys(unlisted).filter((each) => !setByTasks.includes(each)))
    assert.is(env[name], undefined, name);
  assert.equal(
    [env.DOCKER_BUILDKIT, env.BUILDX_BUILDER, env.BUILDX_NO_DEFAULT_ATTESTATIONS],
    ['1', 'default', '1'],
  );
  assert.equal(clientEnvironment(unlisted), {});
});

test('checking a client does not contact the engine, which may hang', async () => {
  const client = stubClient();
  const environment = { PATH: process.env.PATH, DOCKER_HOST: 'unix:///hangs', TASKS_DOCKER: client.file };
  await dockerEngine(environment, { signal }).ready();
  assert.is(readFileSync(path.join(client.folder, 'host'), 'utf8'), 'unix:///nowhere\n');
});

test('a secret from the environment is passed under a name that no program uses', async () => {
  const secrets = { one: { file: '/etc/hosts' }, two: { env: 'SOURCE_DATE_EPOCH' }, three: { env: 'TOKEN' } };
  const environment = { SOURCE_DATE_EPOCH: '7', TOKEN: 't' };
  const { env, args } = await built([manifest], { request: requestOf({ secrets }), environment });
  assert.equal(
    args.filter((arg) => arg.startsWith('--secret')),
    [
      '--secret=id=one,src=/etc/hosts',
      '--secret=id=two,env=TASKS_SECRET_1',
      '--secret=id=three,env=TASKS_SECRET_2',
    ],
  );
  assert.equal([env.TASKS_SECRET_1, env.TASKS_SECRET_2], ['7', 't']);
  assert.equal([env.SOURCE_DATE_EPOCH, env.TOKEN], [undefined, undefined]);
});

test.run();
