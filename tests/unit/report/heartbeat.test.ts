import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventBody, RunEvent } from '../../../src/model/events.ts';
import { githubMarks } from '../../../src/report/github.ts';
import { groupedReporter } from '../../../src/report/grouped.ts';
import { makePaint } from '../../../src/report/paint.ts';
import { plainReporter } from '../../../src/report/plain.ts';
import type { Reporter, Write } from '../../../src/report/reporter.ts';
import { manualClock } from '../../support/manual-clock.ts';

const test = suite('heartbeat of reporters that only print lines');
const paint = makePaint(false);
const reader = { folder: '/', pasteable: (text: string): string => text };

/** A reporter on a clock that the test moves. `written` forgets what it returns. */
function start(makeReporter: (write: Write, clock: ReturnType<typeof manualClock>) => Reporter) {
  const clock = manualClock();
  let text = '';
  const reporter = makeReporter((more) => {
    text += more;
  }, clock);
  const emit = (body: EventBody): void =>
    reporter.onEvent({ ...body, time: clock.now().toISOString() } as RunEvent);
  emit({
    type: 'phase-started',
    phase: 'build',
    jobs: 2,
    tasks: [{ id: 'app:1', action: 'build', needs: [] }],
  });
  emit({ type: 'task-started', phase: 'build', id: 'app:1', action: 'build' });
  const written = (): string => {
    const all = text;
    text = '';
    return all;
  };
  return { clock, reporter, emit, written };
}

const plain = (verbose: boolean, timestamps = false) =>
  start((write, clock) => plainReporter(write, paint, { verbose, timestamps, reader, clock }));

const step = (number: number, text: string, ended?: 'done'): EventBody => ({
  type: 'task-progress',
  phase: 'build',
  id: 'app:1',
  step: number,
  steps: 5,
  text,
  ...(ended === undefined ? {} : { ended }),
});

test('a task without a line says each minute that it is running, for how long and at which step', async () => {
  const { clock, emit, written, reporter } = plain(false);
  emit(step(2, 'COPY . .'));
  emit(step(2, 'COPY . .', 'done'));
  emit(step(3, 'RUN make'));
  written();
  await clock.advance(59_000);
  assert.is(written(), '');
  await clock.advance(1_000);
  assert.is(written(), '▸ app:1  still running, 1 m, step 3/5 RUN make\n');
  await clock.advance(60_000);
  assert.is(written(), '▸ app:1  still running, 2 m, step 3/5 RUN make\n');
  await clock.advance(64 * 60_000);
  assert.match(written(), /still running, 59 m, .*[\s\S]*still running, 1 h 6 m, /);
  await reporter.close();
});

test('lines of output count: with --verbose, the minute begins with the last of them', async () => {
  const { clock, emit, written } = plain(true);
  await clock.advance(50_000);
  emit({ type: 'task-output', phase: 'build', id: 'app:1', line: 'cc' });
  written();
  await clock.advance(55_000);
  assert.is(written(), '');
  await clock.advance(5_000);
  assert.is(written(), '▸ app:1  still running, 1 m\n');
});

test('in CI the line has the time at which it is printed', async () => {
  const { clock, written } = plain(false, true);
  await clock.advance(60_000);
  assert.match(written(), /\n00:01:00 ▸ app:1 {2}still running, 1 m\n$/);
});

test('a finished task is silent, and a closed reporter waits for nothing', async () => {
  const { clock, emit, written, reporter } = plain(false);
  emit({ type: 'task-finished', phase: 'build', id: 'app:1', outcome: 'built', ms: 1 });
  written();
  await clock.advance(300_000);
  assert.is(written(), '');
  assert.is(clock.sleeping(), 1);
  await reporter.close();
  assert.is(clock.sleeping(), 0);
});

test('CI services that group output get the same lines, outside of groups', async () => {
  const { clock, written } = start((write, clock) =>
    groupedReporter(write, githubMarks(write), { paint, reader, clock }),
  );
  written();
  await clock.advance(60_000);
  assert.is(written(), '▸ app:1  still running, 1 m\n');
});

test.run();
