import { createHash } from 'node:crypto';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findClient, type Probe, requireClient } from '../../../src/engine/client.ts';
import { resolveEndpoint } from '../../../src/engine/endpoint.ts';
import { readBuildKit } from '../../../src/engine/progress.ts';
import { TasksError } from '../../../src/model/errors.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';

const test = suite('which engine, which client, what it says');

/** A docker configuration with a context `work`, in use or not. */
function config(address: string, inUse: boolean): string {
  const folder = tempFolder();
  const id = createHash('sha256').update('work').digest('hex');
  writeFiles(folder, {
    'config.json': JSON.stringify(inUse ? { currentContext: 'work' } : {}),
    [`contexts/meta/${id}/meta.json`]: JSON.stringify({
      Name: 'work',
      Endpoints: { docker: { Host: address } },
    }),
  });
  return folder;
}

test('DOCKER_HOST wins over DOCKER_CONTEXT, over the context in use, over the usual socket', () => {
  const DOCKER_CONFIG = config('tcp://build:2375', true);
  const url = (environment: Record<string, string>): string =>
    resolveEndpoint({ HOME: '/nowhere', ...environment }).url;
  assert.is(url({}), 'unix:///var/run/docker.sock');
  assert.is(url({ DOCKER_CONFIG }), 'tcp://build:2375');
  assert.is(url({ DOCKER_CONFIG, DOCKER_CONTEXT: 'default' }), 'unix:///var/run/docker.sock');
  assert.is(url({ DOCKER_CONFIG: config('unix:///x', false), DOCKER_CONTEXT: 'work' }), 'unix:///x');
  assert.is(url({ DOCKER_CONFIG, DOCKER_HOST: 'unix:///y' }), 'unix:///y');
  assert.is(url({ DOCKER_TLS_VERIFY: '1' }), 'tcp://localhost:2376', 'builds would go there');
  assert.is(url({ DOCKER_CONFIG, DOCKER_TLS: '1' }), 'tcp://build:2375');
});

test('addresses: what we can talk to ourselves, and what only the client can reach', () => {
  const kind = (DOCKER_HOST: string, more = {}): unknown => {
    const { url, origin, context, ...rest } = resolveEndpoint({ DOCKER_HOST, ...more });
    return rest;
  };
  assert.equal(kind('unix:///a/b'), { kind: 'unix', path: '/a/b' });
  assert.equal(kind('tcp://h:1234'), { kind: 'tcp', host: 'h', port: 1234 });
  assert.equal(kind('tcp://[::1]'), { kind: 'tcp', host: '::1', port: 2375 });
  assert.equal(kind('ssh://me@h'), { kind: 'client' });
  // By TLS where it is asked for, verified or not; set to anything, as the client has it.
  for (const name of ['DOCKER_TLS_VERIFY', 'DOCKER_TLS'])
    for (const value of ['1', '0'])
      assert.equal(kind('tcp://h:2376', { [name]: value }), { kind: 'client' }, name);
  assert.is(
    (kind('tcp://h:2375', { DOCKER_TLS: '', DOCKER_TLS_VERIFY: '' }) as { kind: string }).kind,
    'tcp',
  );
  assert.throws(
    () => kind('h:1'),
    (error: Error) => error instanceof TasksError && error.exitCode === 3,
  );
});

test('a context is reached by TLS where anything of it belongs to it, verified or not', () => {
  const kindOf = (more: object, pems: readonly string[] = []): string => {
    const id = createHash('sha256').update('work').digest('hex');
    const DOCKER_CONFIG = tempFolder();
    writeFiles(DOCKER_CONFIG, {
      [`contexts/meta/${id}/meta.json`]: JSON.stringify({
        Name: 'work',
        Endpoints: { docker: { Host: 'tcp://h:2376', ...more } },
      }),
      ...Object.fromEntries(pems.map((pem) => [`contexts/tls/${id}/docker/${pem}`, ''])),
    });
    return resolveEndpoint({ DOCKER_CONFIG, DOCKER_CONTEXT: 'work', DOCKER_TLS_VERIFY: '1' }).kind;
  };
  assert.is(kindOf({}), 'tcp');
  assert.is(kindOf({ SkipTLSVerify: false }), 'tcp');
  assert.is(kindOf({ SkipTLSVerify: true }), 'client');
  for (const pem of ['ca.pem', 'cert.pem', 'key.pem']) assert.is(kindOf({}, [pem]), 'client', pem);
});

/** Clients by path: their version, and their buildx's where they have one. */
const machine = (clients: Record<string, [version: string, buildx?: string]>) => {
  const root = tempFolder();
  writeFiles(root, Object.fromEntries(Object.keys(clients).map((name) => [`${name}/docker*`, ''])));
  const asked: string[] = [];
  const probe: Probe = async ([file, ...args]) => {
    asked.push(args[0]!);
    const [version, buildx] = clients[path.basename(path.dirname(file))] ?? [];
    if (args[0] === 'version')
      return {
        exitCode: 1,
        stdout: `${version ?? 'what?'}
`,
      };
    return buildx === undefined
      ? { exitCode: 1, stdout: '' }
      : { exitCode: 0, stdout: `github.com/docker/buildx v${buildx} abc\n` };
  };
  const PATH = Object.keys(clients)
    .map((name) => path.join(root, name))
    .join(':');
  return { root, probe, environment: { PATH }, asked };
};

test('the first client that can do BuildKit is taken, whatever stands first on PATH', async () => {
  const { root, probe, environment } = machine({ bare: ['28.2.2'], podman: ['what?'], old: ['20.10.24'] });
  const { client, rejected } = await findClient(environment, { context: 'default' }, probe);
  assert.is(client?.path, path.join(root, 'old/docker'));
  // Its `build` may be one of buildx: `docker buildx install`.
  assert.equal([client?.env.DOCKER_BUILDKIT, client?.env.BUILDX_BUILDER], ['1', 'default']);
  assert.equal(
    rejected.map(({ path: file }) => path.basename(path.dirname(file))),
    ['bare', 'podman'],
  );
});

test('since 23 it takes buildx, on the builder of the context itself', async () => {
  const { probe, environment } = machine({ new: ['26.1.5', '0.13.1'] });
  const { client } = await findClient(environment, { context: 'work' }, probe);
  assert.is(client?.buildx, '0.13.1');
  assert.is(client?.env.BUILDX_BUILDER, 'work');
});

test('TASKS_DOCKER names the one client that counts', async () => {
  const { root, probe, environment } = machine({ old: ['20.10.24'], bare: ['28.2.2'] });
  const named = { ...environment, TASKS_DOCKER: path.join(root, 'bare/docker') };
  try {
    await requireClient(named, { context: 'default' }, probe);
    assert.unreachable();
  } catch (error) {
    assert.ok(error instanceof TasksError && error.exitCode === 3);
    assert.match(error.message, /bare\/docker: version 28.2.2 has no buildx plug-in/);
  }
});

/** Plain progress as docker 20.10 prints it, and as buildx 0.13 does. */
const outputs: [string, string, string[], string | undefined, string | undefined][] = [
  [
    '20.10',
    `#1 [internal] load remote build context
#1 DONE 0.0s
#4 [1/3] FROM scratch
#4 CACHED
#5 [2/3] COPY . /
#5 DONE 0.1s
#6 [3/3] RUN make
#6 0.312 gcc: no such file
#6 ERROR: executor failed running [/bin/sh -c make]: exit code: 2
------
 > [3/3] RUN make:
#6 0.312 gcc: no such file
------
executor failed running [/bin/sh -c make]: exit code: 2`,
    [
      '1/3 FROM scratch',
      '1/3 FROM scratch cached',
      '2/3 COPY . /',
      '2/3 COPY . / done',
      '3/3 RUN make',
      '3/3 RUN make failed',
    ],
    '[3/3] RUN make',
    'executor failed running [/bin/sh -c make]: exit code: 2',
  ],
  [
    'buildx, with stages',
    `#0 building with "default" instance using docker driver
#5 [build 1/2] RUN make
#5 0.2 ok
#5 DONE 0.1s
#6 [stage-1 1/1] COPY --from=build /x /
#6 ERROR: failed to calculate checksum: "/x": not found
------
ERROR: failed to solve: failed to compute cache key: "/x": not found`,
    [
      '1/2 build: RUN make',
      '1/2 build: RUN make done',
      '1/1 stage-1: COPY --from=build /x /',
      '1/1 stage-1: COPY --from=build /x / failed',
    ],
    '[stage-1 1/1] COPY --from=build /x /',
    'failed to solve: failed to compute cache key: "/x": not found',
  ],
];
for (const [what, text, steps, failed, failure] of outputs) {
  test(`progress of ${what}: steps, the one that failed, the last word`, () => {
    const told: string[] = [];
    const lines: string[] = [];
    const reader = readBuildKit({
      step: ({ step, steps: all, text: name, ended }) =>
        void told.push(`${step}/${all} ${name}${ended === undefined ? '' : ` ${ended}`}`),
      line: (line) => void lines.push(line),
    });
    for (const line of text.split('\n')) reader.line(line);
    assert.equal(told, steps);
    assert.is(lines.length, text.split('\n').length);
    assert.equal([reader.failedStep(), reader.failure()], [failed, failure]);
  });
}

test.run();
