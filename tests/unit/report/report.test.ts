import { stripVTControlCharacters } from 'node:util';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Phase, PlannedTask, RunEvent } from '../../../src/model/events.ts';
import {
  alignColumns,
  clipColored,
  formatBytes,
  formatClock,
  formatDuration,
} from '../../../src/report/format.ts';
import { githubReporter } from '../../../src/report/github.ts';
import { makeLiveView } from '../../../src/report/live-view.ts';
import { markdownReporter } from '../../../src/report/markdown.ts';
import { type CellState, matrixLines } from '../../../src/report/matrix.ts';
import { nextCommand } from '../../../src/report/next-command.ts';
import { makePaint } from '../../../src/report/paint.ts';
import { plainReporter } from '../../../src/report/plain.ts';
import { makeRunText } from '../../../src/report/run-text.ts';

const test = suite('reports');
const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const none = { built: 0, reused: 0, retagged: 0, pulled: 0, skipped: 0, failed: 0, blocked: 0, cancelled: 0 };

const story: RunEvent[] = [
  {
    type: 'phase-started',
    time: at(0),
    phase: 'build',
    jobs: 2,
    tasks: [
      { id: 'base:1', action: 'reuse', needs: [], expectedMs: 60_000 },
      { id: 'files:1', action: 'run', needs: [], expectedMs: 10_000 },
      { id: 'app:1', action: 'build', needs: ['base:1'], expectedMs: 30_000 },
      { id: 'top:1', action: 'build', needs: ['app:1'], expectedMs: 5_000 },
    ],
  },
  { type: 'task-finished', phase: 'build', time: at(0), id: 'base:1', outcome: 'reused', ms: 0 },
  { type: 'task-started', phase: 'build', time: at(0), id: 'files:1', action: 'run' },
  { type: 'task-started', phase: 'build', time: at(0), id: 'app:1', action: 'build' },
  {
    type: 'task-progress',
    phase: 'build',
    time: at(1),
    id: 'app:1',
    step: 2,
    steps: 5,
    text: 'RUN make all',
  },
  { type: 'task-output', phase: 'build', time: at(1), id: 'app:1', line: '::error::gcc says' },
  {
    type: 'task-finished',
    phase: 'build',
    time: at(4),
    id: 'files:1',
    outcome: 'built',
    ms: 4_000,
    bytes: 12_300_000,
  },
  {
    type: 'task-finished',
    phase: 'build',
    time: at(9),
    id: 'app:1',
    outcome: 'failed',
    ms: 9_000,
    error: { message: 'exit code: 2', step: '[2/5] RUN make all', lines: ['gcc says'], log: '/logs/app' },
  },
  {
    type: 'task-finished',
    phase: 'build',
    time: at(9),
    id: 'top:1',
    outcome: 'blocked',
    ms: 0,
    error: { message: 'app:1 did not succeed' },
  },
  {
    type: 'phase-finished',
    phase: 'build',
    time: at(9),
    ok: false,
    counts: { ...none, built: 1, reused: 1, failed: 1, blocked: 1 },
    ms: 9_000,
  },
];
const paint = makePaint(false);

test('plain: a line at start and end, output only of failures', () => {
  const written: string[] = [];
  const { onEvent } = plainReporter((text) => void written.push(text), paint, {
    verbose: false,
    timestamps: false,
  });
  for (const event of story) onEvent(event);
  assert.is(
    written.join(''),
    `tasks build   4 tasks: 1 up to date, 2 to build, 1 to run · 2 slots · about 35 s
▸ files:1  run
▸ app:1    build
✔ files:1  ran in 4.0 s, 12 MB
✖ app:1    failed after 9.0 s: [2/5] RUN make all
  │ gcc says
  exit code: 2
  log: /logs/app
■ top:1    blocked: app:1 did not succeed
✖ 1 built, 1 up to date, 1 failed, 1 blocked in 9.0 s · saved about 1 m 0 s
`,
  );
});

test('plain in CI: each line has its time', () => {
  const written: string[] = [];
  const { onEvent } = plainReporter((text) => void written.push(text), paint, {
    verbose: true,
    timestamps: true,
  });
  for (const event of story) onEvent(event);
  const lines = written.join('').trimEnd().split('\n');
  for (const line of lines) assert.match(line, /^00:00:0\d /);
  assert.ok(lines.includes('00:00:01   app:1 │ ::error::gcc says'), written.join(''));
});

test('the slowest are named where there are more than a few', () => {
  const ran = (id: string, ms: number): RunEvent => ({
    type: 'task-finished',
    phase: 'build',
    time: at(9),
    id,
    outcome: 'built',
    ms,
  });
  const end = (events: readonly RunEvent[]): string[] => {
    const told = makeRunText(paint);
    told.phaseStarted(story[0] as Extract<RunEvent, { type: 'phase-started' }>);
    for (const event of events) told.taskFinished(event as Extract<RunEvent, { type: 'task-finished' }>);
    return told.phaseFinished(story.at(-1) as Extract<RunEvent, { type: 'phase-finished' }>).slice(1);
  };
  const four = [ran('a:1', 1_000), ran('b:1', 90_000), ran('c:1', 5_000), ran('d:1', 2_000)];
  assert.equal(end(four), ['  slowest: b:1 1 m 30 s, c:1 5.0 s, d:1 2.0 s']);
  assert.equal(end(four.slice(1)), []);
  assert.equal(end([1, 2, 3, 4].map((ms) => ran(`x:${ms}`, ms))), []);
});

test('the job summary: of phases in which nothing happened only the last; uploads have the tags that are published', () => {
  const written: string[] = [];
  const { onEvent } = markdownReporter((text) => void written.push(text));
  const phase = (name: Phase, finished: readonly Partial<RunEvent>[] = []): void => {
    onEvent({ type: 'phase-started', time: at(0), phase: name, jobs: 1, tasks: [] });
    for (const each of finished)
      onEvent({ type: 'task-finished', time: at(1), phase: name, id: 'a:1', ms: 0, ...each } as RunEvent);
    onEvent({ type: 'phase-finished', time: at(1), phase: name, ok: true, counts: none, ms: 0 });
  };
  phase('build', [{ type: 'task-finished', outcome: 'reused' }]);
  phase('test');
  assert.equal(written, []);
  phase('upload', [{ type: 'task-finished', outcome: 'built' }]);
  phase('publish', [{ type: 'task-finished', outcome: 'built', tags: ['team/a:1'] }]);
  onEvent({ type: 'run-finished', time: at(1), ok: true, counts: none, ms: 0 });
  assert.is(written.length, 1);
  assert.match(written[0]!, /^### tasks push\n/);
  assert.match(written[0]!, '| a:1 | built |  | `team/a:1` |');
});

test('the job summary: a table of what happened, and failures, whatever they printed', () => {
  const written: string[] = [];
  const { onEvent } = markdownReporter((text) => void written.push(text));
  for (const event of story) {
    const isFailed = event.type === 'task-finished' && event.error?.lines !== undefined;
    onEvent(
      isFailed ? { ...event, error: { ...event.error!, lines: ['```', '<b>'], step: 'RUN a < b' } } : event,
    );
  }
  onEvent({ type: 'run-finished', time: at(9), ok: false, counts: none, ms: 9_000 });
  assert.is(
    written.join(''),
    `### tasks build

✖ 1 built, 1 up to date, 1 failed, 1 blocked in 9.0 s · saved about 1 m 0 s

| task | outcome | time | tags |
| --- | --- | --- | --- |
| files:1 | built | 4.0 s |  |
| app:1 | failed | 9.0 s |  |
| top:1 | blocked |  |  |

<details open>
<summary>app:1 failed: RUN a &lt; b</summary>

\`\`\`\`
\`\`\`
<b>
exit code: 2
\`\`\`\`

</details>

`,
  );
});

test('what to do next: go on, read the log, test', () => {
  const ended = { failed: undefined, isInterrupted: false, isTestable: false };
  assert.is(nextCommand(ended, [], []), undefined);
  assert.match(nextCommand({ ...ended, isTestable: true }, [], ['*:17', '+a'])!, /^tasks test '\*:17' \+a /);
  const failed = { failed: 'a:1', isInterrupted: false, isTestable: true };
  assert.match(nextCommand(failed, ['-C', 'my dir'], ['b'])!, /^tasks -C 'my dir' logs a:1 /);
  assert.match(nextCommand({ ...failed, isInterrupted: true }, [], ['b'])!, /^tasks build b /);
});

test('github: output in groups, failures as annotations; commands and text are written apart', () => {
  const all: string[] = [];
  const commands: string[] = [];
  const { onEvent } = githubReporter(
    (text) => void all.push(text),
    (text) => {
      all.push(text);
      commands.push(text);
    },
    paint,
  );
  for (const event of story) onEvent(event);
  const text = all.join('');
  assert.match(
    text,
    '::group::✖ app:1    failed after 9.0 s: [2/5] RUN make all\n::error::gcc says\n::endgroup::\n',
  );
  assert.match(text, '::error title=app%3A1::exit code: 2%0A[2/5] RUN make all\n');
  // What the task printed is text, in which io.err leaves no command.
  assert.is(commands.includes('::error::gcc says\n'), false);
});

test('live: what runs, what waits for what, what is left; then what happened', () => {
  const view = makeLiveView(paint, 'list');
  for (const event of story.slice(0, 6)) view.apply(event);
  const screen = { rows: 24, columns: 80, spinner: '⠋' };
  assert.equal(view.lines(Date.parse(at(3)), screen), [
    'tasks build   4 tasks: 1 up to date, 2 to build, 1 to run · 2 slots · about 35 s',
    '',
    '⠋ files:1  run                                                     0:03 of ~0:10',
    '⠋ app:1    2/5  RUN make all                                       0:03 of ~0:30',
    '◌ top:1    waits for app:1',
    '',
    '0/3 tasks · longest path ends with top:1, ~32 s left',
  ]);
  for (const event of story.slice(6)) view.apply(event);
  assert.match(
    view.finalLines(80).join('\n'),
    /✖ app:1 {4}failed[\s\S]*gcc says[\s\S]*log: \/logs\/app[\s\S]*1 failed, 1 blocked/,
  );
});

/** A run of so many images in so many versions, each in a state of its own: `dice` says which. */
function wideRun(images: number, versions: number, dice: readonly number[]): RunEvent[] {
  const ids = Array.from(
    { length: images * versions },
    (_, index) => `image-${index % images}:${Math.floor(index / images)}.13`,
  );
  const states = ids.map((_, index) => dice[index % dice.length]!);
  const happenings = ids.flatMap((id, index): RunEvent[] => {
    const began: RunEvent = { type: 'task-started', phase: 'build', time: at(0), id, action: 'build' };
    const ended: RunEvent = {
      type: 'task-finished',
      phase: 'build',
      time: at(3),
      id,
      outcome: 'built',
      ms: 3_000,
    };
    const failed: RunEvent = { ...ended, outcome: 'failed', error: { message: 'bad', lines: ['a', 'b'] } };
    return [[], [began], [began, ended], [began, failed]][states[index]! % 4]!;
  });
  const tasks = ids.map(
    (id, index): PlannedTask => ({
      id,
      action: index % 7 === 0 ? 'reuse' : 'build',
      needs: [],
      expectedMs: 9_000,
    }),
  );
  return [{ type: 'phase-started', time: at(0), phase: 'build', jobs: 4, tasks }, ...happenings];
}

test('live: no line is wider than the terminal and no screen higher, whatever its size, layout and colours', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 20, max: 220 }),
      fc.integer({ min: 6, max: 60 }),
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 18 }),
      fc.array(fc.nat(3), { minLength: 1, maxLength: 20 }),
      fc.constantFrom('list' as const, 'matrix' as const),
      (width, rows, images, versions, dice, layout) => {
        const view = makeLiveView(makePaint(true), layout);
        for (const event of wideRun(images, versions, dice)) view.apply(event);
        const lines = view.lines(Date.parse(at(5)), { rows, columns: width, spinner: '⠋' });
        assert.ok(lines.length <= rows, `${lines.length} lines on ${rows}`);
        for (const line of lines) assert.ok(stripVTControlCharacters(line).length <= width, line);
        const last = stripVTControlCharacters(lines.at(-1)!);
        assert.match(last, /^\d+\/\d+ task/, 'the footer is always there');
      },
    ),
  );
});

test('live: what runs says how long it runs, on any terminal; then comes what it does, then what is expected', () => {
  const view = makeLiveView(paint, 'list');
  for (const event of story.slice(0, 6)) view.apply(event);
  const running = (columns: number): string =>
    view.lines(Date.parse(at(3)), { rows: 24, columns, spinner: '⠋' })[3]!;
  assert.is(running(40), '⠋ app:1    2/5  RUN make…  0:03 of ~0:30');
  assert.is(running(30), '⠋ app:1    2/5  RUN mak…  0:03');
  assert.is(running(20), '⠋ app:1    2/…  0:03');
});

test('live: a command says what it printed last; a failure stays in sight whatever ends after it', () => {
  const view = makeLiveView(paint, 'list');
  const ids = Array.from({ length: 30 }, (_, index) => `c:${index}`);
  const tasks = ids.map((id) => ({ id, action: 'run', needs: [] }));
  const finished = {
    type: 'task-finished',
    phase: 'build',
    time: at(2),
    outcome: 'built',
    ms: 1_000,
  } as const;
  const lines = ['1', '2', '\u001b[31mno rule\u001b[39m', '\tto make', 'stop'];
  const error = { message: 'exit code 2', lines };
  const started = ids.map(
    (id): RunEvent => ({ type: 'task-started', phase: 'build', time: at(1), id, action: 'run' }),
  );
  const screen = { rows: 14, columns: 40, spinner: '⠋' };
  const said = (line: string): RunEvent => ({
    type: 'task-output',
    phase: 'build',
    time: at(1),
    id: 'c:29',
    line,
  });
  for (const event of [{ ...story[0]!, tasks } as RunEvent, ...started]) view.apply(event);
  for (const event of [said('\u001b[1mhalf\tway'), said('')]) view.apply(event);
  view.apply({ ...finished, id: 'c:0', outcome: 'failed', error });
  for (const id of ids.slice(1, 29)) view.apply({ ...finished, id });
  assert.equal(view.lines(Date.parse(at(3)), screen).slice(2, 12), [
    '✖ c:0   failed after 1.0 s: exit code 2',
    '  │ no rule',
    '  │ to make',
    '  │ stop',
    '✔ c:24  ran in 1.0 s',
    '✔ c:25  ran in 1.0 s',
    '✔ c:26  ran in 1.0 s',
    '✔ c:27  ran in 1.0 s',
    '✔ c:28  ran in 1.0 s',
    '⠋ c:29  half way                    0:02',
  ]);
});

test('what never began when a run was cancelled is a count, not a line', () => {
  const told = makeRunText(paint);
  told.phaseStarted(story[0] as Extract<RunEvent, { type: 'phase-started' }>);
  const cancelled = {
    type: 'task-finished',
    phase: 'build',
    time: at(2),
    id: 'app:1',
    outcome: 'cancelled',
  } as const;
  assert.is(told.taskFinished({ ...cancelled, ms: 0 }), undefined);
  assert.is(told.taskFinished({ ...cancelled, ms: 10 }), '■ app:1    cancelled');
});

test('matrix: images by versions, below one another where they do not fit, small where they are too high', () => {
  const states = new Map<string, CellState>([
    ['base:trixie', 'here'],
    ['pg:16.13', 'made'],
    ['pg:17.9', 'running'],
    ['ext:16.13', 'failed'],
    ['ext:17.9', 'waiting'],
  ]);
  const shown = (columns: number, rows: number): string[] =>
    matrixLines(states, { columns, rows, spinner: '⠋' }, paint);
  assert.equal(shown(80, 10), [
    '      trixie  16.13  17.9',
    'base  ·',
    'pg            ✔      ⠋',
    'ext           ✖      ◌',
  ]);
  assert.equal(shown(18, 10), [
    '      trixie',
    'base  ·',
    '      16.13  17.9'.slice(0, 17),
    'pg    ✔      ⠋',
    'ext   ✖      ◌',
  ]);
  assert.equal(shown(80, 3), ['base  ·', 'pg    ✔⠋', 'ext   ✖◌']);
  assert.equal(shown(80, 2), ['pg    ✔⠋', '2 more lines']);
});

test('clipping keeps colours whole and is exact', () => {
  const red = '\u001b[31m';
  const plain = '\u001b[39m';
  assert.is(clipColored(`${red}abcdef${plain}`, 6), `${red}abcdef${plain}`);
  assert.is(clipColored(`${red}abcdef${plain}`, 4), `${red}abc…${plain}`);
  assert.is(clipColored('abc', 3), 'abc');
});

test('durations, clocks, sizes and columns read as people write them', () => {
  assert.equal([400, 9_949, 41_000, 92_000, 7_500_000].map(formatDuration), [
    '0.4 s',
    '9.9 s',
    '41 s',
    '1 m 32 s',
    '2 h 5 m',
  ]);
  assert.equal([41_000, 725_000, 3_723_000].map(formatClock), ['0:41', '12:05', '1:02:03']);
  assert.equal([0, 999, 1_000, 412_300_000, 1_250_000_000].map(formatBytes), [
    '0 B',
    '999 B',
    '1.0 kB',
    '412 MB',
    '1.3 GB',
  ]);
  assert.equal(
    alignColumns([
      ['a', 'bb', 'c'],
      ['ddd', '', 'e'],
    ]),
    ['a    bb  c', 'ddd      e'],
  );
});

test.run();
