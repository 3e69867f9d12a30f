import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RunEvent } from '../../../src/model/events.ts';
import { githubMarks } from '../../../src/report/github.ts';
import { gitlabMarks } from '../../../src/report/gitlab.ts';
import { groupedReporter } from '../../../src/report/grouped.ts';
import { makePaint } from '../../../src/report/paint.ts';
import { plainReporter } from '../../../src/report/plain.ts';
import { quietReporter } from '../../../src/report/quiet.ts';
import { makeRunText } from '../../../src/report/run-text.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { at, buildOnNodes, failedBuild } from '../../support/report-events.ts';

const test = suite('report/text-reporters');
const paint = makePaint(false);
const reader = { folder: '/', pasteable: (text: string): string => text };

test('plain: a line at start and end of each task, output only of failed tasks', () => {
  const written: string[] = [];
  const { onEvent } = plainReporter((text) => void written.push(text), paint, {
    verbose: false,
    timestamps: false,
    reader,
    clock: manualClock(),
  });
  for (const event of failedBuild) onEvent(event);
  assert.is(
    written.join(''),
    `tasks build   4 tasks: 1 up to date, 2 to build, 1 to run · 2 jobs · about 35 s
▸ files:1  run
▸ app:1    build
✔ files:1  ran in 4.0 s, 12 MB
✖ app:1    failed after 9.0 s: RUN ended with exit code 2
■ top:1    blocked: app:1 did not succeed

✖ app:1  RUN ended with exit code 2
  app/Dockerfile:7
  > RUN make all
  │ gcc says
  log: logs/app

✖ 1 built, 1 up to date, 1 failed, 1 blocked in 9.0 s · saved about 1 m 0 s
`,
  );
});

test('plain in CI: each line has a timestamp', () => {
  const written: string[] = [];
  const { onEvent } = plainReporter((text) => void written.push(text), paint, {
    verbose: true,
    timestamps: true,
    reader,
    clock: manualClock(),
  });
  for (const event of failedBuild) onEvent(event);
  const lines = written.join('').trimEnd().split('\n');
  for (const line of lines) assert.match(line, /^00:00:0\d( |$)/);
  assert.ok(lines.includes('00:00:01   app:1 │ ::error::gcc says'), written.join(''));
});

test('the slowest tasks are listed if many were built', () => {
  const built = (id: string, ms: number): RunEvent => ({
    type: 'task-finished',
    phase: 'build',
    time: at(9),
    id,
    outcome: 'built',
    ms,
  });
  const end = (events: readonly RunEvent[]): string[] => {
    const runText = makeRunText(paint);
    runText.phaseStarted(failedBuild[0] as Extract<RunEvent, { type: 'phase-started' }>);
    for (const event of events) runText.taskFinished(event as Extract<RunEvent, { type: 'task-finished' }>);
    return runText
      .phaseFinished(failedBuild.at(-1) as Extract<RunEvent, { type: 'phase-finished' }>)
      .slice(1);
  };
  const four = [built('a:1', 1_000), built('b:1', 90_000), built('c:1', 5_000), built('d:1', 2_000)];
  assert.equal(end(four), ['  slowest: b:1 1 m 30 s, c:1 5.0 s, d:1 2.0 s']);
  assert.equal(end(four.slice(1)), []);
  assert.equal(end([1, 2, 3, 4].map((ms) => built(`x:${ms}`, ms))), []);
});

test('tasks that had not started when a run was canceled are only counted', () => {
  const runText = makeRunText(paint);
  runText.phaseStarted(failedBuild[0] as Extract<RunEvent, { type: 'phase-started' }>);
  const cancelled = {
    type: 'task-finished',
    phase: 'build',
    time: at(2),
    id: 'app:1',
    outcome: 'cancelled',
  } as const;
  assert.is(runText.taskFinished({ ...cancelled, ms: 0 }), undefined);
  assert.is(runText.taskFinished({ ...cancelled, ms: 10 }), '■ app:1    canceled');
});

test('github: output in groups, but that of failures open, and annotations at their place', () => {
  const all: string[] = [];
  const commands: string[] = [];
  const marks = githubMarks((text) => {
    all.push(text);
    commands.push(text);
  });
  const { onEvent } = groupedReporter((text) => void all.push(text), marks, {
    paint,
    reader,
    clock: manualClock(),
  });
  for (const event of failedBuild) {
    onEvent(event);
    if (event.type === 'task-started' && event.id === 'files:1')
      onEvent({ type: 'task-output', phase: 'build', time: at(1), id: 'files:1', line: 'made' });
  }
  const text = all.join('');
  assert.match(text, '::group::✔ files:1  ran in 4.0 s, 12 MB\nmade\n::endgroup::\n');
  assert.match(text, '✖ app:1    failed after 9.0 s: RUN ended with exit code 2\n::error::gcc says\n');
  assert.match(
    text,
    '::error file=app/Dockerfile,line=7,endLine=7,title=app%3A1::RUN ended with exit code 2%0Agcc says\n',
  );
  assert.match(text, '✖ app:1  RUN ended with exit code 2\n  app/Dockerfile:7\n  > RUN make all\n');
  // The output of a task is written as text, never as a command.
  assert.is(commands.includes('::error::gcc says\n'), false);
});

test('gitlab: a section for each task, open if it failed', () => {
  const all: string[] = [];
  const write = (text: string): void => void all.push(text);
  const { onEvent } = groupedReporter(
    write,
    gitlabMarks(write, () => 9),
    { paint, reader, clock: manualClock() },
  );
  for (const event of failedBuild) {
    onEvent(event);
    if (event.type === 'task-started' && event.id === 'files:1')
      onEvent({ type: 'task-output', phase: 'build', time: at(1), id: 'files:1', line: 'made' });
  }
  const name = (number: number): string => `tasks_${process.pid}_${number}`;
  const start = (number: number, options = ''): string =>
    `\x1b[0Ksection_start:9:${name(number)}${options}\r\x1b[0K`;
  const end = (number: number): string => `\x1b[0Ksection_end:9:${name(number)}\r\x1b[0K\n`;
  const text = all.join('');
  assert.match(text, `${start(1, '[collapsed=true]')}✔ files:1  ran in 4.0 s, 12 MB\nmade\n${end(1)}`);
  assert.match(
    text,
    `${start(2)}✖ app:1    failed after 9.0 s: RUN ended with exit code 2\n::error::gcc says\n${end(2)}`,
  );
});

test('quiet: nothing but failures', () => {
  const written: string[] = [];
  const { onEvent } = quietReporter((text) => void written.push(text), paint, reader);
  for (const event of failedBuild) onEvent(event);
  assert.match(
    written.join(''),
    /^\n✖ app:1 {2}RUN ended with exit code 2\n.*\n.*\n.*\n {2}log: logs\/app\n\n$/,
  );
});

const plainText = (events: readonly RunEvent[]): string => {
  const written: string[] = [];
  const options = { verbose: false, timestamps: false, reader, clock: manualClock() };
  const { onEvent } = plainReporter((text) => void written.push(text), paint, options);
  for (const event of events) onEvent(event);
  return written.join('');
};

test('plain: several builder nodes are named, and a task that lost its node starts again', () => {
  assert.is(
    plainText(buildOnNodes('ci0', 'ci1')),
    `tasks build   2 tasks: 2 to build · 2 jobs on 2 nodes · about 30 s
▸ app:1   build on ci0
▸ tool:1  build on ci1
✔ tool:1  built in 3.0 s on ci1, 12 MB
▸ app:1   build on ci1 again: ci0 was lost
✔ app:1   built in 9.0 s on ci1, 12 MB
✔ 2 built in 9.0 s
`,
  );
});

test('plain: a single builder node is not named', () => {
  assert.not.match(plainText(buildOnNodes('ci0')), /ci0|node/);
});

test('github: the line of a task names its builder node', () => {
  const written: string[] = [];
  const write = (text: string): void => void written.push(text);
  const { onEvent } = groupedReporter(write, githubMarks(write), { paint, reader, clock: manualClock() });
  const [first, ...rest] = buildOnNodes('ci0', 'ci1');
  const line = (text: string): RunEvent => ({
    type: 'task-output',
    phase: 'build',
    time: at(1),
    id: 'app:1',
    line: text,
  });
  const again = rest.findIndex((event) => event.type === 'task-started' && event.time === at(4));
  for (const event of [
    first!,
    ...rest.slice(0, again),
    line('one'),
    ...rest.slice(again, again + 1),
    line('two'),
  ])
    onEvent(event);
  for (const event of rest.slice(again + 1)) onEvent(event);
  assert.match(written.join(''), /::group::✔ app:1 {3}built in 9\.0 s on ci1, 12 MB\none\ntwo\n::endgroup::/);
});

test.run();
