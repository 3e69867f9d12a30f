import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventBody, RunEvent } from '../../../src/model/events.ts';
import {
  applyEvent,
  emptyRunState,
  groupLanes,
  lastRun,
  type RunState,
} from '../../../src/page/run-state.ts';

const test = suite('page/run-state');

/** Returns the state of a run after events that are a second apart. */
function runOf(...events: EventBody[]): RunState {
  return events.reduce(
    (run, event, index) =>
      applyEvent(run, { ...event, time: new Date(index * 1000).toISOString() } as RunEvent),
    emptyRunState(),
  );
}

const begin: EventBody = {
  type: 'run-started',
  command: 'build',
  jobs: 2,
  tasks: [
    { id: 'a', action: 'build', needs: [] },
    { id: 'b', action: 'run', needs: [] },
    { id: 'c', action: 'reuse', needs: [] },
  ],
};
const start = (id: string): EventBody => ({ type: 'task-started', phase: 'build', id, action: 'build' });
const end = (id: string, outcome: 'built' | 'failed'): EventBody => ({
  type: 'task-finished',
  phase: 'build',
  id,
  outcome,
  ms: 1,
  ...(outcome === 'failed' ? { error: { message: 'exit code 1' } } : {}),
});

test('states follow the events', () => {
  assert.equal([...runOf(begin).states.values()], ['waiting', 'waiting', 'current']);
  const run = runOf(begin, start('a'), start('b'), end('a', 'built'), end('b', 'failed'));
  assert.equal([...run.states.values()], ['done', 'failed', 'current']);
  assert.is(run.errors.get('b'), 'exit code 1');
  assert.equal([...run.results.keys()], ['a']);
});

test('each task has the lowest free lane, from its start to its end', () => {
  const run = runOf(begin, start('a'), start('b'), end('a', 'built'), start('c'));
  assert.equal(
    run.bars.map(({ id, lane, start, end }) => [id, lane, start, end]),
    [
      ['a', 0, 1000, 3000],
      ['b', 1, 2000, undefined],
      ['c', 0, 4000, undefined],
    ],
  );
});

test('each builder node has lanes of its own', () => {
  const on = (id: string, node: string): EventBody => ({ ...start(id), node }) as EventBody;
  const run = runOf(begin, on('a', 'y'), on('b', 'x'), start('c'), on('d', 'y'));
  assert.equal(
    run.bars.map(({ id, node, lane }) => [id, node, lane]),
    [
      ['a', 'y', 0],
      ['b', 'x', 0],
      ['c', undefined, 0],
      ['d', 'y', 1],
    ],
  );
  assert.equal(groupLanes(run.bars), [
    { node: undefined, first: 0, count: 1 },
    { node: 'x', first: 1, count: 1 },
    { node: 'y', first: 2, count: 2 },
  ]);
});

test('a task whose node was lost has a bar on each node', () => {
  const on = (id: string, node: string): EventBody => ({ ...start(id), node }) as EventBody;
  const run = runOf(begin, on('a', 'x'), on('a', 'y'), end('a', 'built'));
  assert.equal(
    run.bars.map(({ node, start, end, state, text }) => [node, start, end, state, text]),
    [
      ['x', 1000, 2000, 'failed', 'x was lost'],
      ['y', 2000, 3000, 'done', 'built'],
    ],
  );
  assert.is(run.states.get('a'), 'done');
});

test('a bar has the current step as its text; output is kept up to a limit', () => {
  const lines = Array.from(
    { length: 500 },
    (_, index): EventBody => ({ type: 'task-output', phase: 'build', id: 'a', line: String(index) }),
  );
  const run = runOf(
    begin,
    start('a'),
    { type: 'task-progress', phase: 'build', id: 'a', step: 2, steps: 5, text: 'RUN make' },
    ...lines,
  );
  assert.is(run.bars[0]!.text, '2/5 RUN make');
  assert.is(run.output.get('a')!.length, 400);
  assert.is(run.output.get('a')!.at(-1), '499');
  const colored: EventBody = {
    type: 'task-output',
    phase: 'build',
    id: 'a',
    line: '\u001b[1;32mgreen\u001b[0m',
  };
  assert.equal(runOf(begin, colored).output.get('a'), ['green']);
});

test('a new run replaces the state of the last one', () => {
  const run = runOf(begin, start('a'), end('a', 'failed'), begin);
  assert.equal([run.bars, run.errors.size, run.start], [[], 0, 3000]);
});

test('the last run is reconstructed from its results, without older ones', () => {
  const at = (seconds: number): string => new Date(seconds * 1000).toISOString();
  const bars = lastRun([
    { id: 'old', last: { time: at(100), ms: 10_000 } },
    { id: 'a', last: { time: at(10_020), ms: 20_000 } },
    { id: 'b', last: { time: at(10_030), ms: 20_000 } },
    { id: 'c', last: { time: at(10_040), ms: 10_000 } },
    { id: 'never' },
  ]);
  assert.equal(
    bars.map(({ id, lane }) => [id, lane]),
    [
      ['a', 0],
      ['b', 1],
      ['c', 0],
    ],
  );
});

test('the last run does not contain results of an earlier run, however short the pause', () => {
  const at = (seconds: number): string => new Date(seconds * 1000).toISOString();
  const bars = lastRun([
    { id: 'earlier', last: { time: at(100), ms: 1000, run: 'first' } },
    { id: 'a', last: { time: at(102), ms: 1000, run: 'second' } },
    { id: 'b', last: { time: at(103), ms: 1000, run: 'second' } },
    { id: 'from a registry', last: { time: at(104), ms: 1000 } },
    { id: 'without a time', last: { time: '', ms: 0 } },
  ]);
  assert.equal(
    bars.map(({ id }) => id),
    ['a', 'b'],
  );
});

test.run();
