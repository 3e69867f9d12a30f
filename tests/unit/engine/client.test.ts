import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findClient, type Probe, requireClient } from '../../../src/engine/client.ts';
import { TasksError } from '../../../src/model/errors.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';

const test = suite('the docker client');

/** Creates clients by folder name, with their version and that of buildx, if they have it. */
const machine = (clients: Record<string, [version: string, buildx?: string]>) => {
  const root = tempFolder();
  writeFiles(root, Object.fromEntries(Object.keys(clients).map((name) => [`${name}/docker*`, ''])));
  const probe: Probe = async ([file, ...args]) => {
    const [version, buildx] = clients[path.basename(path.dirname(file))] ?? [];
    if (args[0] === 'version')
      return {
        exitCode: 1,
        stdout: `${version ?? 'what?'}\n`,
      };
    return buildx === undefined
      ? { exitCode: 1, stdout: '' }
      : { exitCode: 0, stdout: `github.com/docker/buildx v${buildx} abc\n` };
  };
  const PATH = Object.keys(clients)
    .map((name) => path.join(root, name))
    .join(':');
  return { root, probe, environment: { PATH } };
};

test('the first client on PATH that supports BuildKit is used', async () => {
  const { root, probe, environment } = machine({ bare: ['28.2.2'], podman: ['what?'], old: ['20.10.24'] });
  const { client, rejected } = await findClient(environment, { context: 'default' }, probe);
  assert.is(client?.path, path.join(root, 'old/docker'));
  // After `docker buildx install`, its `build` uses buildx.
  assert.equal([client?.env.DOCKER_BUILDKIT, client?.env.BUILDX_BUILDER], ['1', 'default']);
  assert.equal(
    rejected.map(({ path: file }) => path.basename(path.dirname(file))),
    ['bare', 'podman'],
  );
});

test("since docker 23 the client needs buildx, and uses the context's own builder", async () => {
  const { probe, environment } = machine({ new: ['26.1.5', '0.13.1'] });
  const { client } = await findClient(environment, { context: 'work' }, probe);
  assert.is(client?.buildx, '0.13.1');
  assert.is(client?.env.BUILDX_BUILDER, 'work');
});

test('if TASKS_DOCKER is set, only that client is used', async () => {
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

test.run();
