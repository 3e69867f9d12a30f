import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import type { ImageFields } from '../../../src/define/types.ts';
import { TasksError } from '../../../src/model/errors.ts';
import type { RunEvent, TaskFailure } from '../../../src/model/events.ts';
import type { Owner } from '../../../src/model/owner.ts';
import type { Engine } from '../../../src/model/ports.ts';
import { runTests, type TestsResult } from '../../../src/run/test-phase.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';
import { makeTestProject } from '../../support/test-project.ts';

const test = suite('test phase');

interface TestRun extends TestsResult {
  readonly error: TaskFailure | undefined;
  readonly lines: readonly string[];
}

/** Creates a project with one image. Its test is `images/t.sh`, unless `fields` sets another. */
async function makeProject(
  files: Parameters<typeof writeFiles>[1] = {},
  fields: Partial<ImageFields<string>> = {},
) {
  const root = tempFolder();
  writeFiles(root, { 'a/Dockerfile': 'FROM scratch\n', 'images/t.sh': '#!/bin/sh\nexit 0\n', ...files });
  const a = image({ name: 'a', context: 'a', test: 'images/t.sh', args: { A: '1' }, ...fields });
  const project = makeTestProject({ a }, root);
  const { results } = await project.build();
  const passed = new Set<string>();
  const passedTests = {
    has: async (id: string) => passed.has(id),
    add: async (id: string) => void passed.add(id),
  };
  const run = async (
    options: { signal?: AbortSignal; test?: Engine['test']; broken?: string; untestable?: string } = {},
  ): Promise<TestRun> => {
    const { plan, services } = await project.plan();
    if (options.test) project.engine.test = options.test;
    const events: RunEvent[] = [];
    const result = await runTests([...plan.steps.values()], results, services, passedTests, {
      jobs: 1,
      retest: false,
      broken: new Map(options.broken === undefined ? [] : [['a:latest', options.broken]]),
      untestable: new Map(options.untestable === undefined ? [] : [['a:latest', options.untestable]]),
      keepGoing: false,
      signal: options.signal ?? new AbortController().signal,
      listen: (event) => events.push(event),
    });
    const end = events.find((event) => event.type === 'task-finished');
    const lines = events.flatMap((event) => (event.type === 'task-output' ? [event.line] : []));
    return { ...result, error: end?.type === 'task-finished' ? end.error : undefined, lines };
  };
  return { project, root, run };
}
const untilAborted: Engine['test'] = (_request, _progress, signal) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

test('a test that cannot run fails, unless that is allowed, and says why', async () => {
  const broken = 'the test t.sh does not exist';
  const strict = await (await makeProject()).run({ broken });
  assert.equal([strict.outcome, strict.counts.failed, strict.error?.message], ['failed', 1, broken]);
  const allowed = await (await makeProject({}, { allowFailure: true })).run({ broken });
  assert.equal([allowed.outcome, allowed.counts.failed], ['ok', 1]);
});

test('a test for a platform that the engine does not run fails without being started, unless it has passed', async () => {
  const { project, run } = await makeProject();
  const untestable = 'its test needs an emulator';
  const before = await run({ untestable });
  assert.equal([before.outcome, before.error?.message], ['failed', untestable]);
  assert.equal(project.engine.tested, []);
  assert.is((await run()).outcome, 'ok');
  const after = await run({ untestable });
  assert.equal([after.outcome, after.counts.reused], ['ok', 1]);
});

test("a task's timeout also applies to its test", async () => {
  const { run } = await makeProject({}, { timeout: '1s' });
  const { outcome, error } = await run({ test: untilAborted });
  assert.equal([outcome, error?.message], ['failed', 'took longer than its timeout of 1 s']);
});

test('an interrupt or a failure of the engine is not covered by allowFailure', async () => {
  const { run } = await makeProject({}, { allowFailure: true });
  const interrupt = new AbortController();
  const running = run({ test: untilAborted, signal: interrupt.signal });
  setImmediate(() => interrupt.abort(new Error('interrupted')));
  assert.is((await running).outcome, 'interrupted');
  const unreachable = await run({
    test: async () => {
      throw new TasksError(3, 'the docker engine does not answer');
    },
  });
  assert.is(unreachable.outcome, 'not-ready');
  assert.is((await run({ test: async () => ({ exitCode: 1 }) })).outcome, 'ok');
});

test('leftover test containers are removed before tests run; each run of a test has its own owner', async () => {
  const { project, run } = await makeProject();
  const asked: boolean[] = [];
  project.engine.removeLeftoverTests = async (isGone) => {
    const own: Owner = (await project.plan()).services.newOwner();
    asked.push(isGone(own), isGone({ ...own, started: '1' }), isGone({ ...own, place: 'elsewhere' }));
  };
  await run();
  assert.equal(asked, [false, true, false], 'only if the process has certainly ended');
  await run();
  assert.is(asked.length, 3, 'no test runs, so nothing is removed');
  assert.match(project.engine.tested[0]!.owner.id, /^[0-9a-f-]{36}$/);
});

test('a test whose first line ends with a carriage return is not started', async () => {
  const { project, run } = await makeProject({ 'images/t.sh': '#!/bin/sh -e\r\nexit 0\r\n' });
  const { outcome, error } = await run();
  assert.is(outcome, 'failed');
  assert.match(error!.message, /cannot start the test images\/t\.sh: .*\(CRLF\)/);
  assert.is(project.engine.tested.length, 0);
});

test("a task's secrets are redacted in the output of its test", async () => {
  const { run } = await makeProject({ token: 'hunter2\n' }, { secrets: { token: { file: 'token' } } });
  const { lines, error } = await run({
    test: async (_request, progress) => {
      progress.line('found hunter2 in the image');
      throw new Error('hunter2 again');
    },
  });
  assert.equal(
    [lines, error?.lines, error?.message],
    [['found *** in the image'], ['found *** in the image'], '*** again'],
  );
});

test('links are followed: their targets are in the container and affect reuse', async () => {
  const { project, root, run } = await makeProject(
    {
      'images/t/run': '#!/bin/sh\n. /tasks-test/lib.sh\n',
      'images/t/lib.sh': { link: '../../common/lib.sh' },
      'images/t/more': { link: '../../common/more' },
      'common/lib.sh': 'true\n',
      'common/more/deep': { link: '../../outside' },
      outside: 'out\n',
    },
    { test: 'images/t' },
  );
  assert.is((await run()).counts.built, 1);
  const { files, program } = project.engine.tested[0]!;
  assert.is(program, '/tasks-test/run');
  assert.equal(
    files.map(({ entry }) => `${entry.type} ${entry.path}`),
    [
      'dir tasks-test',
      'file tasks-test/lib.sh',
      'dir tasks-test/more',
      'file tasks-test/more/deep',
      'file tasks-test/run',
    ],
  );
  assert.is((await run()).counts.reused, 1);
  for (const changed of ['common/lib.sh', 'outside', 'images/t/run']) {
    writeFileSync(path.join(root, changed), `${changed}\n`);
    assert.is((await run()).counts.built, 1, changed);
  }
  rmSync(path.join(root, 'images/t/lib.sh'));
  writeFiles(root, { 'images/t/lib.sh': 'common/lib.sh\n' });
  assert.is((await run()).counts.reused, 1, 'a file with the same content as the link target');
});

test('a test script that is a link keeps its name and has the content of its target', async () => {
  const { project, root, run } = await makeProject({
    'images/t.sh': { link: '../common/real' },
    'common/real': '#!/bin/sh\nexit 0\n',
  });
  assert.is((await run()).counts.built, 1);
  assert.is(project.engine.tested[0]!.program, '/tasks-test/t.sh');
  assert.equal(
    project.engine.tested[0]!.files.map(({ entry }) =>
      entry.type === 'file' ? entry.executable : entry.type,
    ),
    ['dir', true],
  );
  writeFileSync(path.join(root, 'common/real'), '#!/bin/sh\nexit 1\n');
  assert.is((await run()).outcome, 'failed');
});

const broken: [string, string, RegExp][] = [
  ['leads nowhere', 'missing', /images\/t\/x is a broken symlink/],
  ['leads to itself', 'x', /images\/t\/x is a symlink loop/],
  ['leads to its own folder', '.', /images\/t\/x is a symlink to .*, which contains it/],
  ['leads to a parent folder', '../..', /images\/t\/x is a symlink to .*, which contains it/],
];
for (const [what, link, message] of broken) {
  test(`a link that ${what} is a definition error`, async () => {
    const files = { 'images/t/run': '#!/bin/sh\n', 'images/t/x': { link } };
    const { run } = await makeProject(files, { test: 'images/t' });
    try {
      await run();
      assert.unreachable();
    } catch (error) {
      assert.instance(error, TasksError);
      assert.is((error as TasksError).exitCode, 2);
      assert.match((error as TasksError).message, message);
      assert.match((error as TasksError).message, /tasks\/images\.ts › a › test/);
    }
  });
}

test.run();
