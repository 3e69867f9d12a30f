import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { command, image } from '../../../src/define/index.ts';
import { TasksError } from '../../../src/model/errors.ts';
import { keyLabel, needsLabel, taskLabel } from '../../../src/model/labels.ts';
import { StepFailed } from '../../../src/model/ports.ts';
import { isNetworkFailure } from '../../../src/run/retry.ts';
import { StepTimeout } from '../../../src/run/timeout.ts';
import { settle } from '../../support/fake-engine.ts';
import { waitUntilSettled as settleFile, tempFolder, writeFiles } from '../../support/temp.ts';
import { makeTestProject } from '../../support/test-project.ts';

const dockerfile = 'ARG BASE\nFROM $BASE\n';

/** rootfs → base → one, two; and lone, which needs nothing. */
function project(root = tempFolder()) {
  writeFiles(root, {
    'b/Dockerfile': 'FROM scratch\n',
    'a/Dockerfile': dockerfile,
    'a/x': 'x',
    'l/Dockerfile': 'FROM scratch\n',
    'make-it*': '#!/bin/sh\n',
  });
  const rootfs = command({ name: 'rootfs', run: ['./make-it', 'now'], env: ['EPOCH'] });
  const base = image({ name: 'base', context: 'b', needs: { rootfs }, publish: false });
  const one = image({ name: 'one', context: 'a', args: { A: '1' }, needs: { BASE: base } });
  const two = image({ name: 'two', context: 'a', args: { A: '2' }, needs: { BASE: base } });
  const lone = image({ name: 'lone', context: 'l' });
  const rig = makeTestProject({ rootfs, base, one, two, lone }, root);
  rig.environment.EPOCH = '7';
  rig.onCommand = async (request) => writeFileSync(path.join(request.env.TASKS_OUT!, 'rootfs.tar'), 'bytes');
  return rig;
}

const test = suite('run');

test('the first run makes everything, the second nothing', async () => {
  const rig = project();
  const first = await rig.build();
  assert.is(first.outcome, 'ok');
  assert.is(first.counts.built, 5);
  const second = await rig.build();
  assert.equal([second.counts.built, second.counts.reused], [0, 5]);
});

test('a build gets its needs: images as content tags, files as folders; and labels of its own', async () => {
  const rig = project();
  const { plan, run } = await rig.plan({ selectors: ['one'] });
  const running = run();
  await settle();
  const base = rig.engine.pending[0]!.request;
  assert.equal(
    base.context.map(({ entry }) => entry.path),
    ['rootfs', 'rootfs/rootfs.tar'],
  );
  rig.engine.pending[0]!.succeed();
  await settle();
  const { request } = rig.engine.pending[1]!;
  assert.is(request.args.BASE, plan.steps.get('base:latest')!.contentTag);
  assert.is(request.labels[keyLabel], plan.steps.get('one:latest')!.key);
  assert.is(request.labels[taskLabel], 'one:latest');
  assert.equal(Object.keys(JSON.parse(request.labels[needsLabel]!) as object), ['base:latest']);
  rig.engine.pending[1]!.succeed();
  assert.is((await running).outcome, 'ok');
  assert.ok(rig.engine.allImages.some((made) => made.tags.includes('test/one:latest-dev1')));
  assert.not.ok(
    rig.engine.allImages.some((made) => made.tags.includes('test/base:latest-dev1')),
    'an internal image gets no run tag',
  );
});

test('a command sees only what it named', async () => {
  const rig = project();
  await rig.build({ selectors: ['rootfs'] });
  const { env, argv, cwd } = rig.commands[0]!;
  assert.equal(Object.keys(env).sort(), ['EPOCH', 'HOME', 'LANG', 'PATH', 'TASKS_OUT']);
  assert.equal(argv, [path.join(rig.root, 'make-it'), 'now']);
  assert.is(cwd, rig.root);
});

test('kept files that were changed from outside are never used: they are made again', async () => {
  const rig = project();
  const { results } = await rig.build({ selectors: ['rootfs'] });
  const kept = path.join(rig.cacheFolder, 'files', results.get('rootfs:latest')!.key, 'rootfs.tar');
  writeFileSync(kept, 'other');
  await rig.build({ selectors: ['base'] });
  assert.is(rig.commands.length, 2);
  assert.is(readFileSync(kept, 'utf8'), 'bytes');
});

test('a failure is told with step, last lines and log; its dependents are blocked; exit code 1', async () => {
  const rig = project();
  const { run } = await rig.plan({ jobs: 1, selectors: ['one', 'two'] });
  const running = run();
  await settle();
  rig.engine.pending[0]!.progress.line('gcc: no such file');
  rig.engine.pending[0]!.fail(new StepFailed('exit code: 1', '[2/3] RUN make'));
  const result = await running;
  assert.is(result.outcome, 'failed');
  assert.equal(rig.outcomes(), {
    'rootfs:latest': 'built',
    'base:latest': 'failed',
    'one:latest': 'blocked',
    'two:latest': 'blocked',
  });
  const failed = rig.events.find((event) => event.type === 'task-finished' && event.outcome === 'failed');
  assert.equal(failed?.type === 'task-finished' && failed.error, {
    message: 'exit code: 1',
    step: '[2/3] RUN make',
    lines: ['gcc: no such file'],
    log: '/logs/base:latest',
  });
});

test('a failed task is not recorded: the next run makes it', async () => {
  const rig = project();
  const { run } = await rig.plan({ selectors: ['lone'] });
  const running = run();
  await settle();
  rig.engine.pending[0]!.fail(new StepFailed('no'));
  await running;
  assert.is((await rig.build({ selectors: ['lone'] })).counts.built, 1);
});

for (const [said, file] of [
  ['in', 'real'],
  ['./tool', 'tool'],
] as const) {
  const changing = () => {
    const root = tempFolder();
    writeFiles(root, { real: 'one', in: { link: 'real' }, 'tool*': 'one' });
    settleFile(path.join(root, 'tool'));
    const gen = command({ name: 'gen', run: ['./tool'], inputs: ['in'] });
    const user = command({ name: 'user', run: ['true'], needs: { gen } });
    const rig = makeTestProject({ gen, user }, root);
    const write = (text: string): void => writeFileSync(path.join(root, file), text);
    rig.onCommand = async () => write('two');
    return { rig, write };
  };

  test(`a command's ${said} changes while it runs: its result is not kept, and the next run runs it again`, async () => {
    const { rig, write } = changing();
    assert.is((await rig.build({ selectors: ['gen'] })).outcome, 'ok');
    write('one');
    rig.onCommand = async () => undefined;
    assert.is((await rig.build({ selectors: ['gen'] })).counts.built, 1, 'back at the first key');
    assert.is((await rig.build({ selectors: ['gen'] })).counts.reused, 1);
  });

  test(`a command's ${said} changes while it runs, and changes back: its result is not kept`, async () => {
    const { rig, write } = changing();
    rig.onCommand = async () => {
      write('two');
      write('one');
    };
    assert.is((await rig.build({ selectors: ['gen'] })).outcome, 'ok');
    assert.match(
      rig.warnings.join(),
      `gen:latest: ${path.normalize(said)} changed while the task was running`,
    );
    rig.onCommand = async () => undefined;
    assert.is((await rig.build({ selectors: ['gen'] })).counts.built, 1);
    assert.is((await rig.build({ selectors: ['gen'] })).counts.reused, 1);
  });

  test(`a command's ${said} changes while it runs: nothing is built on its result`, async () => {
    const { rig } = changing();
    const result = await rig.build();
    assert.equal([result.outcome, result.counts.failed, result.counts.blocked], ['failed', 1, 1]);
    const ended = rig.events.find((event) => event.type === 'task-finished' && event.outcome === 'failed');
    assert.match(JSON.stringify(ended), `${said} changed while the task was running`);
  });
}

test('a link on the way to an input is turned while the command runs, and turned back: its result is not kept', async () => {
  const root = tempFolder();
  writeFiles(root, { 'v1/in': 'one', 'v2/in': 'two', now: { link: 'v1' } });
  const rig = makeTestProject({ gen: command({ name: 'gen', run: ['true'], inputs: ['now/in'] }) }, root);
  const turn = (to: string): void => {
    rmSync(path.join(root, 'now'));
    symlinkSync(to, path.join(root, 'now'));
  };
  rig.onCommand = async () => {
    turn('v2');
    turn('v1');
  };
  assert.is((await rig.build()).outcome, 'ok');
  rig.onCommand = async () => undefined;
  assert.equal([(await rig.build()).counts.built, (await rig.build()).counts.reused], [1, 1]);
});

test('a command may change the mode of its inputs, and what stands beside them', async () => {
  const root = tempFolder();
  writeFiles(root, { in: 'one', tool: 'one' });
  const rig = makeTestProject({ gen: command({ name: 'gen', run: ['true'], inputs: ['in'] }) }, root);
  rig.onCommand = async () => {
    chmodSync(path.join(root, 'in'), 0o600);
    writeFiles(root, { beside: 'new' });
  };
  assert.equal([(await rig.build()).counts.built, (await rig.build()).counts.reused], [1, 1]);
});

test('an engine that goes away: exit code 3, what finished is kept, the next run goes on', async () => {
  const rig = project();
  const { run } = await rig.plan({ jobs: 1, selectors: ['one', 'two'] });
  const running = run();
  await settle();
  rig.engine.pending[0]!.succeed();
  await settle();
  rig.engine.pending[1]!.fail(new TasksError(3, 'lost the connection to the docker engine'));
  const { outcome, counts } = await running;
  assert.equal([outcome, counts.built, counts.failed], ['not-ready', 2, 1]);
  const next = await rig.build({ selectors: ['one', 'two'] });
  assert.equal([next.outcome, next.counts.reused], ['ok', 2]);
});

test('an interrupt cancels what runs and what waits, keeps what is finished, exits with 130', async () => {
  const rig = project();
  const interrupt = new AbortController();
  const { run } = await rig.plan({ jobs: 1, selectors: ['one', 'two'], signal: interrupt.signal });
  const running = run();
  await settle();
  rig.engine.pending[0]!.succeed();
  await settle();
  interrupt.abort(new Error('interrupted'));
  assert.is((await running).outcome, 'interrupted');
  assert.is(rig.outcomes()['base:latest'], 'built');
  assert.equal([rig.outcomes()['one:latest'], rig.outcomes()['two:latest']], ['cancelled', 'cancelled']);
  const next = await rig.build({ selectors: ['one', 'two'] });
  assert.equal([next.counts.built, next.counts.reused], [2, 2]);
});

test('a build that ends well after its cancellation is not recorded', async () => {
  const rig = project();
  const interrupt = new AbortController();
  const build = rig.engine.build;
  rig.engine.build = async (request, progress) =>
    await build(request, progress, new AbortController().signal);
  const { run } = await rig.plan({ selectors: ['lone'], signal: interrupt.signal });
  const running = run();
  await settle();
  interrupt.abort(new Error('interrupted'));
  rig.engine.pending[0]!.succeed();
  assert.is((await running).outcome, 'interrupted');
  rig.engine.build = build;
  assert.is((await rig.build({ selectors: ['lone'] })).counts.built, 1);
});

test('a task that takes longer than its timeout fails', async () => {
  const root = tempFolder();
  const slow = command({ name: 'slow', run: ['sleep-long'], timeout: '1s' });
  const rig = makeTestProject({ slow }, root);
  rig.onCommand = (_request, signal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  const { outcome } = await rig.build();
  assert.is(outcome, 'failed');
  const end = rig.events.find((event) => event.type === 'task-finished');
  assert.match(end?.type === 'task-finished' ? end.error!.message : '', /longer than its timeout of 1 s/);
});

test('an allowed failure, and what it blocks, leave the exit code alone', async () => {
  const root = tempFolder();
  writeFiles(root, { 'a/Dockerfile': dockerfile, 'b/Dockerfile': 'FROM scratch\n' });
  const base = image({ name: 'base', context: 'b', allowFailure: true });
  const app = image({ name: 'app', context: 'a', needs: { BASE: base } });
  const rig = makeTestProject({ base, app }, root);
  const { run } = await rig.plan();
  const running = run();
  await settle();
  rig.engine.pending[0]!.fail(new StepFailed('no'));
  assert.is((await running).outcome, 'ok');
  assert.equal(rig.outcomes(), { 'base:latest': 'failed', 'app:latest': 'blocked' });
});

test('--force builds without the cache, and what stands on it is built on the new image', async () => {
  const rig = project();
  await rig.build();
  const { plan, run } = await rig.plan({ selectors: ['base'], force: true });
  assert.is(plan.steps.get('base:latest')!.noCache, true);
  await run();
  const again = await rig.plan();
  assert.equal(
    [...again.plan.steps.values()].filter((step) => step.action === 'build').map((step) => step.task.id),
    ['one:latest', 'two:latest'],
  );
  assert.equal(
    again.plan.steps.get('one:latest')!.reasons.map((reason) => reason.code),
    ['need-image'],
  );
});

test('without .cache nothing is lost but time: images are found again by key and content tag', async () => {
  const rig = project();
  await rig.build();
  rmSync(rig.cacheFolder, { recursive: true });
  const { counts } = await rig.build({ selectors: ['one', 'two', 'lone'] });
  assert.equal([counts.built, counts.reused], [0, 4]);
});

test('a release tags what a dev build made, and builds nothing', async () => {
  const rig = project();
  await rig.build();
  const { counts } = await rig.build({ release: true });
  assert.is(counts.built, 0);
  assert.ok(rig.engine.allImages.some((made) => made.tags.includes('test/one:latest')));
});

test('a damaged record is set aside with a warning, and never believed', async () => {
  const rig = project();
  const { results } = await rig.build({ selectors: ['lone'] });
  const file = path.join(rig.cacheFolder, 'records', `v1%3a${results.get('lone:latest')!.key}`);
  writeFileSync(file, readFileSync(file, 'utf8').slice(0, 90));
  rig.engine.allImages.length = 0;
  assert.is((await rig.build({ selectors: ['lone'] })).counts.built, 1);
  assert.match(rig.warnings.join(), /damaged: set aside/);
});

test("an image with output 'files' leaves its files, kept by digest", async () => {
  const root = tempFolder();
  writeFiles(root, { 'm/Dockerfile': 'FROM scratch\n' });
  const made = image({ name: 'made', context: 'm', output: 'files' });
  const rig = makeTestProject({ made }, root);
  const { run } = await rig.plan();
  const running = run();
  await settle();
  const { request, succeed } = rig.engine.pending[0]!;
  mkdirSync(path.join(request.exportTo!, 'dir'));
  writeFileSync(path.join(request.exportTo!, 'dir/file'), 'content');
  succeed();
  const { results } = await running;
  assert.is(
    readFileSync(path.join(rig.cacheFolder, 'files', results.get('made:latest')!.key, 'dir/file'), 'utf8'),
    'content',
  );
  assert.is((await rig.build()).counts.reused, 1);
});

test('events report a whole phase, in order', async () => {
  const rig = project();
  await rig.build({ selectors: ['lone'] });
  assert.equal(
    rig.events.map((event) => event.type),
    ['phase-started', 'task-started', 'task-progress', 'task-progress', 'task-finished', 'phase-finished'],
  );
  const last = rig.events.at(-1)!;
  assert.ok(last.type === 'phase-finished' && last.ok && last.counts.built === 1 && last.ms > 0);
  for (const event of rig.events) assert.match(event.time, /^\d{4}-\d\d-\d\dT/);
});

/** A command that fails so many times, each time saying something. */
function failing(times: number, retries: number, message: string) {
  const fetch = command({ name: 'fetch', run: ['get-it'], retries });
  const rig = makeTestProject({ fetch });
  rig.onCommand = async () => {
    if (rig.commands.length <= times) throw new StepFailed(message);
  };
  return rig;
}

test('a failure of the network is tried again, each time after twice as long', async () => {
  const rig = failing(3, 3, 'curl: (6) Could not resolve host: example');
  assert.is((await rig.build()).outcome, 'ok');
  assert.equal([rig.commands.length, rig.slept], [4, [5_000, 10_000, 20_000]]);
  const told = rig.events.flatMap((event) => (event.type === 'task-progress' ? [event.text] : []));
  assert.match(told[0]!, /again in 5 s \(1 of 3\)/);
});

test('retries end; other failures have none; without the field nothing is tried again', async () => {
  const cases: [number, string, number][] = [
    [2, 'read: connection reset by peer', 3],
    [2, 'exit code: 2', 1],
    [0, 'read: connection reset by peer', 1],
  ];
  for (const [retries, message, tries] of cases) {
    const rig = failing(99, retries, message);
    assert.is((await rig.build()).outcome, 'failed');
    assert.is(rig.commands.length, tries, message);
  }
});

test('a timeout is not tried again, whatever the last lines speak of', async () => {
  const slow = command({ name: 'slow', run: ['wait-for-it'], timeout: '1s', retries: 2 });
  const rig = makeTestProject({ slow });
  rig.onCommand = (_request, signal, progress) => {
    progress.line('connection refused by db, waiting');
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
  assert.is((await rig.build()).outcome, 'failed');
  assert.equal([rig.commands.length, rig.slept], [1, []]);
});

test('what failed tells whether the network did: a step that cannot reach out never', () => {
  const failed = (step?: string, message = 'exit code: 1'): StepFailed => new StepFailed(message, step);
  const lines = ['Err:1 http://x: Temporary failure resolving'];
  assert.is(isNetworkFailure(failed('[2/3] RUN apt-get update'), lines), true);
  assert.is(isNetworkFailure(failed('[1/3] FROM debian', 'net/http: TLS handshake timeout'), []), true);
  assert.is(isNetworkFailure(failed('[build 2/3] COPY a b'), lines), false);
  assert.is(isNetworkFailure(failed('[2/3] RUN make'), ['make: *** [all] Error 2']), false);
  assert.is(isNetworkFailure(new StepTimeout(1000), lines), false, 'a timeout never is one');
  assert.is(isNetworkFailure(new TasksError(3, 'connection refused'), lines), false);
});

test.run();
