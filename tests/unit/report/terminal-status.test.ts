import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventBody, PlannedTask, RunEvent } from '../../../src/model/events.ts';
import { terminalStatusReporter } from '../../../src/report/terminal-status.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { noCounts } from '../../support/report-events.ts';

const test = suite("the terminal's title and progress");

const save = '\x1b[22;2t';
const restore = '\x1b]2;\x1b\\\x1b[23;2t';
const title = (text: string): string => `\x1b]2;${text}\x1b\\`;
const progress = (text: string): string => `\x1b]9;4;${text}\x1b\\`;

/** A run of a push on a clock that the test moves. `written` forgets what it returns; `exit` is the exit of the process. */
function start(features = { title: true, progress: true }) {
  const clock = manualClock();
  const exits = new Set<() => void>();
  let text = '';
  const reporter = terminalStatusReporter(
    (more) => {
      text += more;
    },
    features,
    clock,
    (callback) => {
      exits.add(callback);
      return () => exits.delete(callback);
    },
  );
  const emit = (body: EventBody): void =>
    reporter.onEvent({ ...body, time: clock.now().toISOString() } as RunEvent);
  emit({ type: 'run-started', command: 'push', jobs: 1, tasks: [] });
  const written = (): string => {
    const all = text;
    text = '';
    return all;
  };
  const begin = (tasks: readonly PlannedTask[]): void =>
    emit({ type: 'phase-started', phase: 'build', jobs: 1, tasks });
  const finish = (id: string, outcome: 'built' | 'failed'): void =>
    emit({ type: 'task-finished', phase: 'build', id, outcome, ms: 1 });
  const exit = (): void => {
    for (const callback of exits) callback();
  };
  return { clock, reporter, emit, begin, finish, written, exit };
}

const build = (id: string, expectedMs?: number): PlannedTask => ({
  id,
  action: 'build',
  needs: [],
  ...(expectedMs === undefined ? {} : { expectedMs }),
});

test('both follow the run each second, and only when they change; they are restored at the end', async () => {
  const { clock, reporter, begin, emit, finish, written } = start();
  begin([build('a:1', 10_000), build('b:1', 10_000)]);
  assert.is(written(), `${save}${title('0/2 · tasks push: build, ~20 s left')}${progress('1;0')}`);
  emit({ type: 'task-started', phase: 'build', id: 'a:1', action: 'build' });
  await clock.advance(1_000);
  assert.is(written(), `${title('0/2 · tasks push: build, ~19 s left')}${progress('1;5')}`);
  finish('a:1', 'built');
  assert.is(written(), `${title('1/2 · tasks push: build, ~10 s left')}${progress('1;50')}`);
  await clock.advance(5_000);
  assert.is(written(), '');
  await reporter.close();
  assert.is(written(), `${restore}${progress('0;0')}`);
  assert.is(clock.sleeping(), 0);
});

test('after a failure the title is marked, and the progress is that of an error', () => {
  const { begin, finish, written } = start();
  begin([build('a:1'), build('b:1')]);
  written();
  finish('a:1', 'failed');
  assert.is(written(), `${title('✖ 1/2 · tasks push: build')}${progress('2;50')}`);
});

test('an exit of the process restores both, once', async () => {
  const { reporter, begin, written, exit } = start();
  begin([build('a:1')]);
  written();
  exit();
  assert.is(written(), `${restore}${progress('0;0')}`);
  await reporter.close();
  written();
  exit();
  assert.is(written(), '');
});

test('a run with nothing to do changes nothing', async () => {
  const { reporter, begin, emit, written } = start();
  begin([{ id: 'a:1', action: 'reuse', needs: [] }]);
  emit({ type: 'phase-finished', phase: 'build', ok: true, counts: noCounts, ms: 0 });
  await reporter.close();
  assert.is(written(), '');
});

test('a terminal without a progress bar gets the title only', async () => {
  const { reporter, begin, written } = start({ title: true, progress: false });
  begin([build('a:1')]);
  await reporter.close();
  assert.is(written(), `${save}${title('0/1 · tasks push: build')}${restore}`);
});

test.run();
