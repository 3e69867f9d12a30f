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

const test = suite("images' tests");

interface Ran extends TestsResult {
  readonly error: TaskFailure | undefined;
  readonly lines: readonly string[];
}

/** A project of one image whose test is `images/t.sh`, or what the files say. */
async function project(
  files: Parameters<typeof writeFiles>[1] = {},
  more: Partial<ImageFields<string>> = {},
) {
  const root = tempFolder();
  writeFiles(root, { 'a/Dockerfile': 'FROM scratch\n', 'images/t.sh': '#!/bin/sh\nexit 0\n', ...files });
  const a = image({ name: 'a', context: 'a', test: 'images/t.sh', args: { A: '1' }, ...more });
  const rig = makeTestProject({ a }, root);
  const { results } = await rig.build();
  const kept = new Set<string>();
  const passes = { has: async (id: string) => kept.has(id), add: async (id: string) => void kept.add(id) };
  const run = async (options: { signal?: AbortSignal; test?: Engine['test'] } = {}): Promise<Ran> => {
    const { plan, services } = await rig.plan();
    if (options.test) rig.engine.test = options.test;
    const events: RunEvent[] = [];
    const result = await runTests([...plan.steps.values()], results, services, passes, {
      jobs: 1,
      retest: false,
      keepGoing: false,
      signal: options.signal ?? new AbortController().signal,
      listen: (event) => events.push(event),
    });
    const end = events.find((event) => event.type === 'task-finished');
    const lines = events.flatMap((event) => (event.type === 'task-output' ? [event.line] : []));
    return { ...result, error: end?.type === 'task-finished' ? end.error : undefined, lines };
  };
  return { rig, root, run };
}
const untilAborted: Engine['test'] = (_request, _progress, signal) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

test('the timeout of a task holds for its test, too', async () => {
  const { run } = await project({}, { timeout: '1s' });
  const { outcome, error } = await run({ test: untilAborted });
  assert.equal([outcome, error?.message], ['failed', 'took longer than its timeout of 1 s']);
});

test('an interrupt is exit code 130, an engine that is gone 3, whatever may fail', async () => {
  const { run } = await project({}, { allowFailure: true });
  const interrupt = new AbortController();
  const running = run({ test: untilAborted, signal: interrupt.signal });
  setImmediate(() => interrupt.abort(new Error('interrupted')));
  assert.is((await running).outcome, 'interrupted');
  const gone = await run({
    test: async () => {
      throw new TasksError(3, 'the docker engine does not answer');
    },
  });
  assert.is(gone.outcome, 'not-ready');
  assert.is((await run({ test: async () => ({ exitCode: 1 }) })).outcome, 'ok');
});

test('before tests run, containers go that others left; an owner for each run of a test', async () => {
  const { rig, run } = await project();
  const asked: boolean[] = [];
  rig.engine.removeLeftoverTests = async (isGone) => {
    const own: Owner = (await rig.plan()).services.newOwner();
    asked.push(isGone(own), isGone({ ...own, started: '1' }), isGone({ ...own, place: 'elsewhere' }));
  };
  await run();
  assert.equal(asked, [false, true, false], 'only where the process has surely ended');
  await run();
  assert.is(asked.length, 3, 'nothing to run, nothing to ask');
  assert.match(rig.engine.tested[0]!.owner.id, /^[0-9a-f-]{36}$/);
});

test('a first line that ends with a carriage return is said, and nothing is started', async () => {
  const { rig, run } = await project({ 'images/t.sh': '#!/bin/sh -e\r\nexit 0\r\n' });
  const { outcome, error } = await run();
  assert.is(outcome, 'failed');
  assert.match(error!.message, /images\/t\.sh cannot be started: .*\(CRLF\)/);
  assert.is(rig.engine.tested.length, 0);
});

test('what a test prints holds no secret of its task', async () => {
  const { run } = await project({ token: 'hunter2\n' }, { secrets: { token: { file: 'token' } } });
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

test('links are followed: what they lead to is in the container, and counts', async () => {
  const { rig, root, run } = await project(
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
  const { files, program } = rig.engine.tested[0]!;
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
  assert.is((await run()).counts.reused, 1, 'a file with the same text is the same');
});

test('a script that is a link keeps its name, and is what it leads to', async () => {
  const { rig, root, run } = await project({
    'images/t.sh': { link: '../common/real' },
    'common/real': '#!/bin/sh\nexit 0\n',
  });
  assert.is((await run()).counts.built, 1);
  assert.is(rig.engine.tested[0]!.program, '/tasks-test/t.sh');
  assert.equal(
    rig.engine.tested[0]!.files.map(({ entry }) => (entry.type === 'file' ? entry.executable : entry.type)),
    ['dir', true],
  );
  writeFileSync(path.join(root, 'common/real'), '#!/bin/sh\nexit 1\n');
  assert.is((await run()).outcome, 'failed');
});

const broken: [string, string, RegExp][] = [
  ['leads nowhere', 'gone', /images\/t\/x is a broken symlink/],
  ['leads to itself', 'x', /images\/t\/x is a symlink loop/],
  ['leads to the folder it is in', '.', /images\/t\/x is a symlink to .*, which contains it/],
  ['leads to a folder above it', '../..', /images\/t\/x is a symlink to .*, which contains it/],
];
for (const [what, link, said] of broken) {
  test(`a link that ${what} is an error of the definition`, async () => {
    const files = { 'images/t/run': '#!/bin/sh\n', 'images/t/x': { link } };
    const { run } = await project(files, { test: 'images/t' });
    try {
      await run();
      assert.unreachable();
    } catch (error) {
      assert.instance(error, TasksError);
      assert.is((error as TasksError).exitCode, 2);
      assert.match((error as TasksError).message, said);
      assert.match((error as TasksError).message, /tasks\/images\.ts › a › test/);
    }
  });
}

test.run();
