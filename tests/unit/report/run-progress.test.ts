import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventBody, PlannedTask, RunEvent } from '../../../src/model/events.ts';
import { footerLine } from '../../../src/report/footer.ts';
import { makePaint } from '../../../src/report/paint.ts';
import { type PhaseProgress, trackProgress } from '../../../src/report/run-progress.ts';

const test = suite('progress of a run');
const second = 1_000;

/** The progress of a phase `now` seconds after it started, with these events. */
function progressOf(
  tasks: readonly (Partial<PlannedTask> & { readonly id: string })[],
  now: number,
  events: readonly EventBody[] = [],
  jobs = 2,
): PhaseProgress {
  const tracker = trackProgress();
  const time = new Date(0).toISOString();
  const planned = tasks.map((task): PlannedTask => ({ action: 'build', needs: [], ...task }));
  const all: EventBody[] = [{ type: 'phase-started', phase: 'build', jobs, tasks: planned }, ...events];
  for (const event of all) tracker.apply({ ...event, time } as RunEvent);
  return tracker.read(now * second);
}

const started = (id: string): EventBody => ({ type: 'task-started', phase: 'build', id, action: 'build' });
const finished = (id: string): EventBody => ({
  type: 'task-finished',
  phase: 'build',
  id,
  outcome: 'built',
  ms: 0,
});
const footer = (progress: PhaseProgress, columns = 100): string =>
  footerLine(progress, columns, makePaint(false));
const timed = (id: string, seconds: number, needs: readonly string[] = []) => ({
  id,
  expectedMs: seconds * second,
  needs,
});

test('the time left is that of the longest path, or of all work on the jobs that there are', () => {
  const chain = [timed('a:1', 10), timed('b:1', 20, ['a:1']), timed('c:1', 5)];
  assert.equal(progressOf(chain, 4, [started('a:1')]).leftMs, 26 * second);
  assert.equal(progressOf(chain, 4, [started('a:1')]).last, 'b:1');
  assert.equal(progressOf([timed('a:1', 10), timed('b:1', 10), timed('c:1', 10)], 0).leftMs, 15 * second);
});

test('tasks that were never timed are not guessed: the time left is a lower bound, and says so', () => {
  const tasks = [timed('a:1', 60), { id: 'b:1' }, { id: 'c:1' }];
  assert.match(
    footer(progressOf(tasks, 0), 140),
    / {2}more than 1 m 0 s left, 2 tasks never timed · critical/,
  );
  assert.match(footer(progressOf([{ id: 'b:1' }], 0)), /^0\/1 task {2}─+$/);
});

test('a task that takes a little longer than the last time changes nothing', () => {
  const tasks = [timed('a:1', 10), timed('b:1', 20)];
  assert.match(footer(progressOf(tasks, 11.5, [started('a:1')])), / {2}~20 s left/);
});

test('a task that takes longer than the last time makes the rest a lower bound', () => {
  const tasks = [timed('a:1', 10), timed('b:1', 20, ['a:1'])];
  assert.match(footer(progressOf(tasks, 30, [started('a:1')])), /more than 20 s left/);
  assert.match(footer(progressOf(tasks.slice(0, 1), 30, [started('a:1')])), /longer than last time/);
});

test('the duration of a build says nothing about a download', () => {
  const pull = { ...timed('a:1', 60), action: 'pull' as const };
  assert.is(progressOf([pull], 0).leftMs, undefined);
});

test('the bar grows by recorded durations; tasks without one count as the average, by their steps', () => {
  const fraction = (now: number, events: readonly EventBody[]): number =>
    progressOf([timed('a:1', 30), timed('b:1', 10), { id: 'c:1' }], now, events).fraction;
  assert.is(fraction(0, [finished('a:1')]), 30 / 60);
  assert.is(fraction(5, [started('b:1')]), 5 / 60);
  assert.is(fraction(100, [started('b:1')]), (0.95 * 10) / 60, 'a running task is never done');
  const step = (number: number, ended?: 'done'): EventBody => ({
    type: 'task-progress',
    phase: 'build',
    id: 'c:1',
    step: number,
    steps: 4,
    text: 'RUN x',
    ...(ended === undefined ? {} : { ended }),
  });
  assert.is(fraction(0, [started('c:1'), step(3)]), (0.5 * 20) / 60);
  assert.is(fraction(0, [started('c:1'), step(3), step(1)]), (0.5 * 20) / 60, 'it never goes back');
  assert.is(fraction(0, [started('c:1'), step(3, 'done')]), (0.75 * 20) / 60);
});

test('what does not fit is left out of the footer: the path, then the bar, then the time', () => {
  const progress = progressOf([timed('some-image:17.9', 90)], 0);
  assert.is(
    footer(progress, 90),
    `0/1 task  ${'─'.repeat(22)}  ~1 m 30 s left · critical path ends with some-image:17.9`,
  );
  assert.is(footer(progress, 60), `0/1 task  ${'─'.repeat(15)}  ~1 m 30 s left`);
  assert.is(footer(progress, 30), '0/1 task  ~1 m 30 s left');
  assert.is(footer(progress, 20), '0/1 task');
});

test('a failure turns the bar red', () => {
  const paint = {
    ...makePaint(false),
    good: (text: string) => `<good>${text}`,
    bad: (text: string) => `<bad>${text}`,
  };
  const failed: EventBody = { type: 'task-finished', phase: 'build', id: 'a:1', outcome: 'failed', ms: 0 };
  const bar = (event: EventBody): string =>
    footerLine(progressOf([{ id: 'a:1' }, { id: 'b:1' }], 0, [event]), 80, paint);
  assert.match(bar(finished('a:1')), '<good>━');
  assert.match(bar(failed), '<bad>━');
});

test.run();
