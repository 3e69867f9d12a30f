// Image tests in real containers: all kinds of images work, and no container is left, however a run ends.
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { newOwner } from '../../src/cache/owner.ts';
import type { EngineApi } from '../../src/engine/api.ts';
import { dockerEngine } from '../../src/engine/docker.ts';
import { listImages } from '../../src/engine/queries.ts';
import { testOwnerLabel } from '../../src/model/labels.ts';
import type { Owner } from '../../src/model/owner.ts';
import { busybox } from '../support/busybox.ts';
import { makeProject, runCli, startCli } from '../support/cli.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';

const test = suite('image tests with docker');
const label = 'image-tasks.container-test';
const repo = `tasks-container-${process.pid}`;
let api: EngineApi;

function project(script: string, instructions = '', more = ''): string {
  const root = makeProject(
    `import { image, project } from 'image-tasks';
export default project({ repo: '${repo}' });
export const a = image({ name: 'a', context: 'a', test: 'test.sh', labels: { '${label}': '1' }, ${more} });`,
    { 'a/Dockerfile': `FROM scratch\nCOPY bin /bin\nENV PATH=/bin\n${instructions}\n`, 'test.sh': script },
  );
  mkdirSync(path.join(root, 'a/bin'));
  for (const name of ['sh', 'sleep', 'printf', 'cat']) {
    copyFileSync(busybox(), path.join(root, 'a/bin', name));
    chmodSync(path.join(root, 'a/bin', name), 0o755);
  }
  return root;
}

interface Container {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
  readonly Image: string;
}
/** Returns the containers of this file's images. */
const containers = async (): Promise<Container[]> => {
  const filters = encodeURIComponent(JSON.stringify({ label: [label] }));
  const response = await api.request({ path: `/containers/json?all=1&filters=${filters}` });
  return JSON.parse(response.body.toString()) as Container[];
};
const waitUntilRemoved = async (): Promise<void> => {
  while ((await containers()).length > 0) await delay(50);
};

test.before(async () => {
  api = await connectTestEngine();
});
test.after(async () => {
  for (const { Id } of await containers())
    await api.request({ method: 'DELETE', path: `/containers/${Id}?force=1` });
  await removeImages(api, label);
});

const unusualImages: [string, string][] = [
  ['an ENTRYPOINT', 'ENTRYPOINT ["/nothing"]'],
  ['a USER and a missing WORKDIR', 'USER 1000\nWORKDIR /does/not/exist'],
  ['a failing HEALTHCHECK', 'HEALTHCHECK --interval=1s --retries=1 CMD /nothing'],
  ["a VOLUME at the test's folder", 'VOLUME /tasks-test'],
  ['ONBUILD and STOPSIGNAL', 'ONBUILD RUN x\nSTOPSIGNAL SIGWINCH'],
];
for (const [what, instructions] of unusualImages) {
  test(`an image with ${what} can be tested`, async () => {
    const cwd = project('#!/bin/sh\nprintf "first\\nlast without a line end"\n', instructions);
    const { code, err } = await runCli(['test'], { cwd });
    assert.is(code, 0, err);
    assert.is((await runCli(['logs', '--test', 'a'], { cwd })).out, 'first\nlast without a line end\n');
    assert.equal(await containers(), []);
  });
}

test('long lines and multi-byte characters of the output stay intact', async () => {
  const text = 'ä€𝄞'.repeat(20_000);
  const cwd = project(`#!/bin/sh\ncat /tasks-test/test.sh >&2; exit 0\n#${text}`);
  assert.is((await runCli(['test'], { cwd })).code, 0);
  const folder = path.join(cwd, '.cache/logs/a@latest.test');
  const [log] = readdirSync(folder);
  assert.ok(readFileSync(path.join(folder, log!), 'utf8').endsWith(`\n#${text}\n`));
});

test("a task's timeout ends its test and removes the container", async () => {
  const cwd = project('#!/bin/sh\ntrap "" TERM INT\nsleep 1000\n', '', "timeout: '2s'");
  const { code, err } = await runCli(['test'], { cwd });
  assert.is(code, 1);
  assert.match(err, /took longer than its timeout of 2 s/);
  await waitUntilRemoved();
});

for (const signals of [['SIGKILL'], ['SIGINT', 'SIGINT'], ['SIGTERM']] as const) {
  test(`no container is left after ${signals.join(', ')}`, async () => {
    const cwd = project('#!/bin/sh\ntrap "" TERM INT\nprintf "it runs\\n"\nsleep 1000\n');
    const { child, printed, ended } = startCli(['test', '--verbose'], { cwd });
    await printed('it runs');
    assert.is((await containers()).length, 1);
    for (const signal of signals) child.kill(signal);
    await ended;
    await waitUntilRemoved();
  });
}

test('the containers of a killed run and reaper are removed before the next test, and no others', async () => {
  const cwd = project('#!/bin/sh\nexit 0\n');
  assert.is((await runCli(['build'], { cwd })).code, 0);
  const image = (await listImages(api)).find(({ labels }) => labels[label] !== undefined);
  const dead: Owner = { ...newOwner(), started: '1' };
  const createContainer = async (name: string, owner: unknown): Promise<void> => {
    const Labels = { [testOwnerLabel]: typeof owner === 'string' ? owner : JSON.stringify(owner) };
    const body = { Image: image!.id, Cmd: ['/bin/sleep', '1000'], Labels };
    const response = await api.request({ method: 'POST', path: `/containers/create?name=${name}`, body });
    assert.is(response.status, 201, response.body.toString());
  };
  const alive = newOwner();
  const elsewhere: Owner = { ...newOwner(), place: 'elsewhere' };
  await createContainer(`tasks-test-${dead.id}`, dead);
  await createContainer(`tasks-test-${alive.id}`, alive);
  await createContainer(`tasks-test-${elsewhere.id}`, elsewhere);
  // Labels can be inherited from images, so the name must match too.
  await createContainer(`${repo}-inherited`, dead);
  await createContainer(`${repo}-broken`, '{"id":7}');
  const kept = [
    `tasks-test-${alive.id}`,
    `tasks-test-${elsewhere.id}`,
    `${repo}-inherited`,
    `${repo}-broken`,
  ];
  for (const command of ['test', 'clean']) {
    if (command === 'clean') await createContainer(`tasks-test-${dead.id}`, dead);
    const { code, err } = await runCli([command], { cwd });
    assert.is(code, 0, err);
    const names = (await containers()).flatMap(({ Names }) => Names.map((name) => name.slice(1)));
    assert.equal(names.sort(), [...kept].sort(), command);
  }
});

test('an interrupt ends a test of the engine port immediately', async () => {
  const engine = dockerEngine(process.env, { signal: new AbortController().signal });
  const [image] = await engine
    .images()
    .then((all) => all.filter(({ labels }) => labels[label] !== undefined));
  const owner = newOwner();
  const request = {
    imageId: image!.id,
    platform: 'linux/amd64',
    files: [],
    program: '/bin/sleep',
    env: {},
    owner,
  };
  const stop = new AbortController();
  const running = engine.test(request, { step: () => undefined, line: () => undefined }, stop.signal);
  stop.abort(new Error('stop'));
  try {
    await running;
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, 'stop');
  }
  const names = (await containers()).flatMap(({ Names }) => Names);
  assert.not.ok(names.includes(`/tasks-test-${owner.id}`));
});

test.run();
