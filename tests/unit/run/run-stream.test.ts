import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { command, matrix } from '../../../src/define/index.ts';
import type { Outcome, Phase, RunEvent } from '../../../src/model/events.ts';
import type { Action, Plan, Reason, Step } from '../../../src/model/plan.ts';
import { startRun } from '../../../src/run/run-stream.ts';
import { graphOf } from '../../support/graphs.ts';

const test = suite('run stream');

/** Returns a plan of tasks with the given actions. */
function planOf(actions: Readonly<Record<string, Action>>): Plan {
  const names = Object.keys(actions);
  const graph = graphOf(Object.fromEntries(names.map((name) => [name, command({ name, run: ['true'] })])));
  const steps = [...graph.tasks.values()].map(
    (task) => ({ task, action: actions[task.name], reasons: [] as Reason[] }) as unknown as Step,
  );
  return { steps: new Map(steps.map((step) => [step.task.id, step])) };
}

/** Returns the nonzero counts of a run in which the given tasks finished in the given phases. */
function countsOf(
  actions: Readonly<Record<string, Action>>,
  finished: readonly (readonly [phase: Phase, name: string, outcome: Outcome])[],
): Record<string, number> {
  const events: RunEvent[] = [];
  const now = () => new Date(0);
  const run = startRun(planOf(actions), { command: 'push', jobs: 2 }, { now }, (event) => events.push(event));
  const time = now().toISOString();
  for (const [phase, name, outcome] of finished)
    run.listen({ type: 'task-finished', time, phase, id: `${name}:latest`, outcome, ms: 0 });
  run.finish(true);
  const last = events.at(-1)!;
  assert.is(last.type, 'run-finished');
  return last.type === 'run-finished'
    ? Object.fromEntries(Object.entries(last.counts).filter(([, count]) => count > 0))
    : {};
}

test('a run starts with all tasks of the plan, forwards the events of its phases, and finishes', () => {
  const events: RunEvent[] = [];
  let ms = 0;
  const clock = { now: () => new Date(ms) };
  const run = startRun(planOf({ a: 'run' }), { command: 'test', jobs: 3 }, clock, (event) =>
    events.push(event),
  );
  const line: RunEvent = { type: 'task-output', time: 't', phase: 'build', id: 'a:latest', line: 'x' };
  run.listen(line);
  ms = 1_500;
  run.finish(false);
  assert.equal(events[0], {
    type: 'run-started',
    time: new Date(0).toISOString(),
    command: 'test',
    jobs: 3,
    tasks: [{ id: 'a:latest', action: 'run', needs: [] }],
  });
  assert.is(events[1], line);
  const last = events.at(-1)!;
  assert.equal(last.type === 'run-finished' && [last.ok, last.ms, last.counts.cancelled], [false, 1_500, 1]);
});

test('each task counts once, although it is built, tested and uploaded', () => {
  const counts = countsOf({ a: 'build' }, [
    ['build', 'a', 'built'],
    ['test', 'a', 'built'],
    ['upload', 'a', 'built'],
    ['publish', 'a', 'built'],
  ]);
  assert.equal(counts, { built: 1 });
});

test('a task that fails in a later phase counts as failed', () => {
  const failed = (phase: Phase) => [['build', 'a', 'built'] as const, [phase, 'a', 'failed'] as const];
  for (const phase of ['test', 'upload', 'publish'] as const)
    assert.equal(countsOf({ a: 'build' }, failed(phase)), { failed: 1 }, phase);
  assert.equal(
    countsOf({ a: 'build' }, [...failed('test'), ['upload', 'a', 'cancelled']]),
    { failed: 1 },
    'the failure came first',
  );
});

test('tasks without events count by their action', () => {
  assert.equal(countsOf({ a: 'reuse', b: 'skip', c: 'blocked', d: 'build', e: 'retag' }, []), {
    reused: 2,
    skipped: 1,
    blocked: 1,
    cancelled: 1,
  });
});

test('an image that only gets tags counts as retagged', () => {
  assert.equal(countsOf({ a: 'retag' }, [['publish', 'a', 'retagged']]), { retagged: 1 });
});

test('the first event says why each task has its action, how large it was, and whether it is tested', () => {
  const plan = planOf({ a: 'run', b: 'reuse' });
  const [a] = plan.steps.values();
  const reason: Reason = { code: 'changed', detail: 'arg A 1 → 2' };
  Object.assign(a!, { reasons: [reason, { code: 'impure', detail: 'x' }], previousBytes: 12 });
  const events: RunEvent[] = [];
  const tested = new Set(['b:latest']);
  startRun(plan, { command: 'test', jobs: 1, tested }, { now: () => new Date(0) }, (event) =>
    events.push(event),
  );
  const [first] = events;
  assert.equal(first?.type === 'run-started' && first.tasks, [
    { id: 'a:latest', action: 'run', needs: [], reason, previousBytes: 12 },
    { id: 'b:latest', action: 'reuse', needs: [], tested: true },
  ]);
});

test('the start of a run has the axes of tasks whose definition has a matrix', () => {
  const cells = matrix({ pg: ['16'], os: ['a'] }, { version: ({ pg, os }) => `${pg}-${os}` });
  const graph = graphOf({
    plain: command({ name: 'plain', run: ['true'] }),
    cells: command({ name: 'cells', versions: cells, run: ['true'] }),
  });
  const steps = [...graph.tasks.values()].map(
    (task) => [task.id, { task, action: 'run', reasons: [] as Reason[] } as unknown as Step] as const,
  );
  const events: RunEvent[] = [];
  startRun({ steps: new Map(steps) }, { command: 'build', jobs: 1 }, { now: () => new Date(0) }, (event) =>
    events.push(event),
  );
  const [started] = events;
  assert.equal(started?.type === 'run-started' && started.tasks.map(({ id, axes }) => [id, axes]), [
    ['plain:latest', undefined],
    ['cells:16-a', { pg: '16', os: 'a' }],
  ]);
});

test.run();
