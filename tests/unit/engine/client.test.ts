import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findClient, type Probe, requireClient } from '../../../src/engine/client.ts';
import { readBuildKit } from '../../../src/engine/progress.ts';
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
  test(`progress of ${what}: steps, the failed step and the error message`, () => {
    const reported: string[] = [];
    const lines: string[] = [];
    const reader = readBuildKit({
      step: ({ step, steps: all, text: name, ended }) =>
        void reported.push(`${step}/${all} ${name}${ended === undefined ? '' : ` ${ended}`}`),
      line: (line) => void lines.push(line),
    });
    for (const line of text.split('\n')) reader.line(line);
    assert.equal(reported, steps);
    assert.is(lines.length, text.split('\n').length);
    assert.equal([reader.failedStep(), reader.failure()], [failed, failure]);
  });
}

test.run();
