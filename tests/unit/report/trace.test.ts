import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventBody, RunEvent } from '../../../src/model/events.ts';
import { traceReporter } from '../../../src/report/trace.ts';

const test = suite('report/trace');

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur: number;
  readonly args: Record<string, unknown>;
}

/** Returns the trace of events at the given seconds. */
async function readTrace(events: readonly [second: number, event: EventBody][]): Promise<TraceEvent[]> {
  const saved: string[] = [];
  const { onEvent, close } = traceReporter((text) => void saved.push(text));
  for (const [second, event] of events)
    onEvent({ ...event, time: new Date(second * 1000).toISOString() } as RunEvent);
  await close();
  assert.is(saved.length, 1);
  return (JSON.parse(saved[0]!) as { traceEvents: TraceEvent[] }).traceEvents;
}

const started = (id: string): EventBody => ({ type: 'task-started', phase: 'build', id, action: 'build' });
const finished = (id: string): EventBody => ({
  type: 'task-finished',
  phase: 'build',
  id,
  outcome: 'built',
  ms: 0,
});
const spans = (events: readonly TraceEvent[]): [string, number, number, number][] =>
  events.filter(({ ph }) => ph === 'X').map(({ name, tid, ts, dur }) => [name, tid, ts / 1e6, dur / 1e6]);

test('a task has the lowest free job number; times are in microseconds', async () => {
  const events = await readTrace([
    [1, started('a:1')],
    [2, started('b:1')],
    [3, finished('a:1')],
    [4, started('c:1')],
    [6, finished('c:1')],
    [9, finished('b:1')],
  ]);
  assert.equal(spans(events), [
    ['a:1', 100, 1, 2],
    ['c:1', 100, 4, 2],
    ['b:1', 200, 2, 7],
  ]);
  const names = events.filter(({ name }) => name === 'thread_name').map(({ tid, args }) => [tid, args.name]);
  assert.equal(names, [
    [100, 'job 1'],
    [200, 'job 2'],
  ]);
});

test('concurrent steps have separate lanes; steps without an end last as long as their task', async () => {
  const step = (text: string, more = {}): EventBody => ({
    type: 'task-progress',
    phase: 'build',
    id: 'a:1',
    step: 1,
    steps: 2,
    text,
    ...more,
  });
  const events = await readTrace([
    [0, started('a:1')],
    [1, step('RUN one')],
    [2, step('two: RUN two')],
    [3, step('RUN one', { ended: 'done' })],
    [4, step('RUN three')],
    [5, step('two: RUN two', { ended: 'cached' })],
    [6, finished('a:1')],
  ]);
  assert.equal(spans(events), [
    ['[1/2] RUN one', 101, 1, 2],
    ['[1/2] two: RUN two', 102, 2, 3],
    ['[1/2] RUN three', 101, 4, 2],
    ['a:1', 100, 0, 6],
  ]);
});

test('tasks that an interrupt left running are in the trace, up to the last event', async () => {
  const events = await readTrace([
    [1, started('a:1')],
    [5, { type: 'task-output', phase: 'build', id: 'a:1', line: '' }],
  ]);
  assert.equal(spans(events), [['a:1', 100, 1, 4]]);
  assert.is(events.find(({ name }) => name === 'a:1')!.args.outcome, 'not finished');
});

test('bytes of a running step are no new step', async () => {
  const step = (second: number, more: object): [number, EventBody] => [
    second,
    { type: 'task-progress', phase: 'build', id: 'a:1', step: 1, steps: 2, text: 'FROM x', ...more },
  ];
  const events = await readTrace([
    [0, started('a:1')],
    step(1, {}),
    step(2, { bytes: 5, totalBytes: 9 }),
    step(3, { bytes: 9 }),
    step(4, { ended: 'done' }),
    [5, finished('a:1')],
  ]);
  assert.equal(spans(events), [
    ['[1/2] FROM x', 101, 1, 3],
    ['a:1', 100, 0, 5],
  ]);
});

const phase = (...nodes: string[]): EventBody => ({
  type: 'phase-started',
  phase: 'build',
  jobs: 4,
  tasks: [],
  nodes,
});
const on = (id: string, node: string): EventBody => ({ ...started(id), node }) as EventBody;
const processes = (events: readonly TraceEvent[]): [number, unknown][] =>
  events.filter(({ name }) => name === 'process_name').map(({ pid, args }) => [pid, args.name]);

test('each of several builder nodes has a group of jobs', async () => {
  const events = await readTrace([
    [0, phase('x', 'y')],
    [1, on('a:1', 'x')],
    [2, on('b:1', 'y')],
    [3, started('files:1')],
    [4, on('c:1', 'y')],
  ]);
  assert.equal(processes(events), [
    [1, 'tasks'],
    [2, 'x'],
    [3, 'y'],
  ]);
  const lanes = events.filter(({ ph }) => ph === 'X').map(({ name, pid, tid }) => [name, pid, tid]);
  assert.equal(lanes.sort(), [
    ['a:1', 2, 100],
    ['b:1', 3, 100],
    ['c:1', 3, 200],
    ['files:1', 1, 100],
  ]);
});

test('a single builder node is not named', async () => {
  const events = await readTrace([
    [0, phase('x')],
    [1, on('a:1', 'x')],
    [2, started('files:1')],
  ]);
  assert.equal(processes(events), [[1, 'tasks']]);
  assert.equal(
    spans(events).map(([name, tid]) => [name, tid]),
    [
      ['a:1', 100],
      ['files:1', 200],
    ],
  );
});

test('a task whose node was lost is on both nodes', async () => {
  const events = await readTrace([
    [0, phase('x', 'y')],
    [1, on('a:1', 'x')],
    [3, on('a:1', 'y')],
    [7, finished('a:1')],
  ]);
  assert.equal(
    events
      .filter(({ ph }) => ph === 'X')
      .map(({ pid, ts, dur, args }) => [pid, ts / 1e6, dur / 1e6, args.outcome]),
    [
      [2, 1, 2, 'lost'],
      [3, 3, 4, 'built'],
    ],
  );
});

test.run();
