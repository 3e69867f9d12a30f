import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { command, image } from '../../../src/define/index.ts';
import { TasksError } from '../../../src/model/errors.ts';
import { StepFailed } from '../../../src/model/ports.ts';
import { settle } from '../../support/fake-engine.ts';
import { makeSampleProject } from '../../support/sample-project.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';
import { makeTestProject } from '../../support/test-project.ts';

const test = suite('failures and interrupts');

test('a failure event has the step, last lines and log; the dependents are blocked', async () => {
  const project = makeSampleProject();
  const { run } = await project.plan({ jobs: 1, selectors: ['one', 'two'] });
  const running = run();
  await settle();
  project.engine.pending[0]!.progress.line('gcc: no such file');
  project.engine.pending[0]!.fail(new StepFailed('exit code: 1', { step: '[2/3] RUN make' }));
  const result = await running;
  assert.is(result.outcome, 'failed');
  assert.equal(project.outcomes(), {
    'rootfs:latest': 'built',
    'base:latest': 'failed',
    'one:latest': 'blocked',
    'two:latest': 'blocked',
  });
  const failed = project.events.find((event) => event.type === 'task-finished' && event.outcome === 'failed');
  assert.equal(failed?.type === 'task-finished' && failed.error, {
    message: 'exit code: 1',
    step: '[2/3] RUN make',
    lines: ['gcc: no such file'],
    log: '/logs/base:latest',
  });
});

test('a failed task is not recorded: the next run builds it', async () => {
  const project = makeSampleProject();
  const { run } = await project.plan({ selectors: ['lone'] });
  const running = run();
  await settle();
  project.engine.pending[0]!.fail(new StepFailed('no'));
  await running;
  assert.is((await project.build({ selectors: ['lone'] })).counts.built, 1);
});

test('if the engine fails, the outcome is not-ready and finished tasks are kept', async () => {
  const project = makeSampleProject();
  const { run } = await project.plan({ jobs: 1, selectors: ['one', 'two'] });
  const running = run();
  await settle();
  project.engine.pending[0]!.succeed();
  await settle();
  project.engine.pending[1]!.fail(new TasksError(3, 'the docker engine broke off'));
  const { outcome, counts } = await running;
  assert.equal([outcome, counts.built, counts.failed], ['not-ready', 2, 1]);
  const next = await project.build({ selectors: ['one', 'two'] });
  assert.equal([next.outcome, next.counts.reused], ['ok', 2]);
});

test('an interrupt cancels running and waiting tasks and keeps finished ones', async () => {
  const project = makeSampleProject();
  const interrupt = new AbortController();
  const { run } = await project.plan({ jobs: 1, selectors: ['one', 'two'], signal: interrupt.signal });
  const running = run();
  await settle();
  project.engine.pending[0]!.succeed();
  await settle();
  interrupt.abort(new Error('interrupted'));
  assert.is((await running).outcome, 'interrupted');
  assert.is(project.outcomes()['base:latest'], 'built');
  assert.equal(
    [project.outcomes()['one:latest'], project.outcomes()['two:latest']],
    ['cancelled', 'cancelled'],
  );
  const next = await project.build({ selectors: ['one', 'two'] });
  assert.equal([next.counts.built, next.counts.reused], [2, 2]);
});

test('a build that succeeds after it was canceled is not recorded', async () => {
  const project = makeSampleProject();
  const interrupt = new AbortController();
  const build = project.engine.build;
  project.engine.build = async (request, progress) =>
    await build(request, progress, new AbortController().signal);
  const { run } = await project.plan({ selectors: ['lone'], signal: interrupt.signal });
  const running = run();
  await settle();
  interrupt.abort(new Error('interrupted'));
  project.engine.pending[0]!.succeed();
  assert.is((await running).outcome, 'interrupted');
  project.engine.build = build;
  assert.is((await project.build({ selectors: ['lone'] })).counts.built, 1);
});

test('a task that exceeds its timeout fails', async () => {
  const root = tempFolder();
  const slow = command({ name: 'slow', run: ['sleep-long'], timeout: '1s' });
  const project = makeTestProject({ slow }, root);
  project.onCommand = (_request, signal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  const { outcome } = await project.build();
  assert.is(outcome, 'failed');
  const end = project.events.find((event) => event.type === 'task-finished');
  assert.match(end?.type === 'task-finished' ? end.error!.message : '', /longer than its timeout of 1 s/);
});

test('an allowed failure and its blocked dependents do not fail the run', async () => {
  const root = tempFolder();
  writeFiles(root, { 'a/Dockerfile': 'ARG BASE\nFROM $BASE\n', 'b/Dockerfile': 'FROM scratch\n' });
  const base = image({ name: 'base', context: 'b', allowFailure: true });
  const app = image({ name: 'app', context: 'a', needs: { BASE: base } });
  const project = makeTestProject({ base, app }, root);
  const { run } = await project.plan();
  const running = run();
  await settle();
  project.engine.pending[0]!.fail(new StepFailed('no'));
  assert.is((await running).outcome, 'ok');
  assert.equal(project.outcomes(), { 'base:latest': 'failed', 'app:latest': 'blocked' });
});

test.run();
