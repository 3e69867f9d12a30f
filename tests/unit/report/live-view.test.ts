import { stripVTControlCharacters } from 'node:util';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PlannedTask, RunEvent } from '../../../src/model/events.ts';
import { makeLiveView } from '../../../src/report/live-view.ts';
import { type CellState, matrixLines } from '../../../src/report/matrix.ts';
import { makePaint } from '../../../src/report/paint.ts';
import { textWidth } from '../../../src/report/width.ts';
import { axesPicture } from '../../support/pictures.ts';
import { at, buildOnNodes, failedBuild } from '../../support/report-events.ts';

const test = suite('report/live-view');
const paint = makePaint(false);
const reader = { folder: '/', pasteable: (text: string): string => text };

test('the list shows running and waiting tasks and the time left, and finally the outcomes', () => {
  const view = makeLiveView(paint, 'list', reader);
  for (const event of failedBuild.slice(0, 6)) view.apply(event);
  const screen = { rows: 24, columns: 80, spinner: '⠋' };
  assert.equal(view.lines(Date.parse(at(3)), screen), [
    'tasks build   4 tasks: 1 up to date, 2 to build, 1 to run · 2 jobs · about 35 s',
    '',
    '⠋ files:1  run                                                     0:03 of ~0:10',
    '⠋ app:1    2/5  RUN make all                                       0:03 of ~0:30',
    '◌ top:1    waiting for app:1',
    '',
    '0/3 tasks  ━━──────────────────  ~32 s left · critical path ends with top:1',
  ]);
  for (const event of failedBuild.slice(6)) view.apply(event);
  assert.match(
    view.finalLines(80).join('\n'),
    /✖ app:1 {4}failed[\s\S]*gcc says[\s\S]*log: logs\/app[\s\S]*1 failed, 1 blocked/,
  );
});

test('of several builder nodes, a running task names its own, if there is room', () => {
  const linesOf = (columns: number, ...nodes: string[]): string[] => {
    const view = makeLiveView(paint, 'list', reader);
    for (const event of buildOnNodes(...nodes).slice(0, 2)) view.apply(event);
    return view.lines(Date.parse(at(3)), { rows: 24, columns, spinner: '⠋' });
  };
  assert.is(
    linesOf(80, 'ci0', 'ci1')[2],
    '⠋ app:1   ci0  build                                               0:03 of ~0:30',
  );
  assert.is(
    linesOf(80, 'ci0')[2],
    '⠋ app:1   build                                                    0:03 of ~0:30',
  );
  assert.not.match(linesOf(40, 'ci0', 'ci1')[2]!, /ci0/);
});

test('a task that lost its node begins with its first step again', () => {
  const view = makeLiveView(paint, 'list', reader);
  const events = buildOnNodes('ci0', 'ci1');
  const step: RunEvent = {
    type: 'task-progress',
    phase: 'build',
    time: at(1),
    id: 'app:1',
    step: 4,
    steps: 5,
    text: 'RUN x',
  };
  for (const event of [...events.slice(0, 2), step, ...events.slice(2, 5)]) view.apply(event);
  const line = view
    .lines(Date.parse(at(5)), { rows: 24, columns: 80, spinner: '⠋' })
    .find((each) => /⠋ app/.test(each))!;
  assert.match(line, /ci1 {2}build {9}.* 0:01 of/);
});

/** Returns the events of a run of images in a number of versions. `choices`: the state of each task, repeated as necessary. */
function matrixRun(images: number, versions: number, choices: readonly number[]): RunEvent[] {
  const ids = Array.from(
    { length: images * versions },
    (_, index) => `image-${index % images}:${Math.floor(index / images)}.13`,
  );
  const states = ids.map((_, index) => choices[index % choices.length]!);
  const taskEvents = ids.flatMap((id, index): RunEvent[] => {
    const started: RunEvent = { type: 'task-started', phase: 'build', time: at(0), id, action: 'build' };
    const finished: RunEvent = {
      type: 'task-finished',
      phase: 'build',
      time: at(3),
      id,
      outcome: 'built',
      ms: 3_000,
    };
    const failed: RunEvent = { ...finished, outcome: 'failed', error: { message: 'bad', lines: ['a', 'b'] } };
    const step: RunEvent = {
      type: 'task-progress',
      phase: 'build',
      time: at(0),
      id,
      step: 2,
      steps: 12,
      text: 'RUN apt-get install --yes build-essential',
      prefix: '#9 ',
      ...(index % 3 === 0 ? { bytes: 123e6, totalBytes: 456e6 } : {}),
    };
    const line: RunEvent = {
      type: 'task-output',
      phase: 'build',
      time: at(0),
      id,
      line: '#9 📦 依存関係 \tx',
    };
    const running = [started, step, line];
    return [[], running, [...running, finished], [...running, failed]][states[index]! % 4]!;
  });
  const tasks = ids.map(
    (id, index): PlannedTask => ({
      id,
      action: index % 7 === 0 ? 'reuse' : 'build',
      needs: [],
      expectedMs: 9_000,
    }),
  );
  return [{ type: 'phase-started', time: at(0), phase: 'build', jobs: 4, tasks }, ...taskEvents];
}

test('the view fits the terminal, whatever its size and layout', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 20, max: 220 }),
      fc.integer({ min: 6, max: 60 }),
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 18 }),
      fc.array(fc.nat(3), { minLength: 1, maxLength: 20 }),
      fc.constantFrom('list' as const, 'matrix' as const),
      (width, rows, images, versions, choices, layout) => {
        const view = makeLiveView(makePaint(true), layout, reader);
        for (const event of matrixRun(images, versions, choices)) view.apply(event);
        for (const choice of choices) view.addNotes(`note ${choice} ${'x'.repeat(choice * 50)}\n`);
        const lines = view.lines(Date.parse(at(5)), { rows, columns: width, spinner: '⠋' });
        assert.ok(lines.length <= rows, `${lines.length} lines on ${rows}`);
        for (const line of lines) assert.ok(textWidth(stripVTControlCharacters(line)) <= width, line);
        const last = stripVTControlCharacters(lines.at(-1)!);
        assert.match(last, /^\d+\/\d+ task/, 'the footer is always there');
      },
    ),
  );
});

test('notes are shown while it runs, the last ones at the end, and stay before the summary', () => {
  const view = makeLiveView(paint, 'list', reader);
  for (const event of failedBuild) view.apply(event);
  for (const text of ['warning: one\n', 'warning: two\n', '\n\u001b[2Jinterrupted: stopping…\n'])
    view.addNotes(text);
  const lines = view.lines(Date.parse(at(3)), { rows: 24, columns: 80, spinner: '⠋' });
  assert.equal(lines.slice(-3, -1), ['warning: two', 'interrupted: stopping…']);
  const final = view.finalLines(80);
  const places = ['warning: one', 'warning: two', 'interrupted: stopping…'].map((line) =>
    final.indexOf(line),
  );
  assert.ok(places[0]! > 0 && places[1] === places[0]! + 1 && places[2] === places[0]! + 2, final.join('\n'));
  assert.ok(
    places[2]! <
      final.findIndex((line) => / in \d/.test(line) && /built|failed/.test(line) && line.startsWith('✖ 1')),
    final.join('\n'),
  );
});

test('a running task always shows its elapsed time; on wider terminals also its step, then the expected time', () => {
  const view = makeLiveView(paint, 'list', reader);
  for (const event of failedBuild.slice(0, 6)) view.apply(event);
  const running = (columns: number): string =>
    view.lines(Date.parse(at(3)), { rows: 24, columns, spinner: '⠋' })[3]!;
  assert.is(running(40), '⠋ app:1    2/5  RUN make…  0:03 of ~0:30');
  assert.is(running(30), '⠋ app:1    2/5  RUN mak…  0:03');
  assert.is(running(20), '⠋ app:1    2/…  0:03');
});

/** The row of `app:1` with these events of its steps, each with its second. */
function rowOf(
  columns: number,
  now: number,
  events: readonly (readonly [second: number, body: object])[],
): string {
  const view = makeLiveView(paint, 'list', reader);
  for (const event of failedBuild.slice(0, 4)) view.apply(event);
  for (const [second, body] of events)
    view.apply({ type: 'task-progress', phase: 'build', time: at(second), id: 'app:1', ...body } as RunEvent);
  return view.lines(Date.parse(at(now)), { rows: 24, columns, spinner: '⠋' })[3]!;
}
const begin = (step: number, text: string, more: object = {}) => ({ step, steps: 5, text, ...more });
const output = (line: string) => ({ type: 'task-output', line });

test('a step that takes longer than 3 s shows its last line of output, clipped to the width', () => {
  const events = [
    [0, begin(2, 'RUN make all', { prefix: '#7 ' })],
    [1, output('#7 cc -c first.c')],
    [2, output('#7 \u001b[1mcc\u001b[22m -c second.c')],
    [2, output('#8 of another step')],
    [2, output('#7 ')],
  ] as const;
  assert.is(
    rowOf(80, 3, events),
    '⠋ app:1    2/5  RUN make all                                       0:03 of ~0:30',
  );
  assert.is(
    rowOf(80, 4, events),
    '⠋ app:1    2/5  RUN make all  cc -c second.c                       0:04 of ~0:30',
  );
  assert.is(rowOf(56, 4, events), '⠋ app:1    2/5  RUN make a…  cc -c secon…  0:04 of ~0:30');
  assert.is(
    rowOf(48, 4, events),
    '⠋ app:1    2/5  cc -c second.c     0:04 of ~0:30',
    'what changes is worth more',
  );
});

test('a download and the sending of the context show their bytes at once', () => {
  const download = begin(1, 'FROM debian@sha256:0123456789abcdef0123456789abcdef');
  const rows = (columns: number, bytes: object) =>
    rowOf(columns, 1, [
      [0, download],
      [1, { ...download, ...bytes }],
    ]);
  assert.is(
    rows(80, { bytes: 45e6, totalBytes: 120e6 }),
    '⠋ app:1    1/5  FROM debian@sha256:0123456789ab…  45 MB of 120 MB  0:01 of ~0:30',
  );
  assert.is(rows(50, { bytes: 45e6 }), '⠋ app:1    1/5  FROM debian…  45 MB  0:01 of ~0:30');
  const context = { text: 'sending the build context', bytes: 7e6 };
  assert.match(rowOf(80, 1, [[1, context]]), /app:1 {4}sending the build context {2}7.0 MB /);
});

test('of steps that run at once, the one that began last is shown; then the one that still runs', () => {
  const [one, two] = [begin(2, 'a: RUN one'), begin(3, 'b: RUN two')];
  const started = [
    [0, one],
    [1, two],
  ] as const;
  assert.match(rowOf(80, 2, started), '3/5  b: RUN two ');
  assert.match(rowOf(80, 2, [...started, [2, { ...two, ended: 'done' }]]), '2/5  a: RUN one ');
  assert.match(
    rowOf(80, 2, [...started, [2, { ...two, ended: 'done' }], [2, { ...one, ended: 'done' }]]),
    '2/5  a: RUN one ',
    'between two steps, the last one stays',
  );
});

test('a message without a step is shown until a step begins', () => {
  const retry = { text: 'network failure: retrying in 5 s' };
  assert.match(
    rowOf(80, 1, [
      [0, begin(2, 'RUN one')],
      [1, retry],
    ]),
    'network failure',
  );
  const done = begin(1, 'RUN zero', { ended: 'done' });
  assert.match(
    rowOf(80, 1, [
      [0, retry],
      [1, begin(1, 'RUN zero')],
      [1, done],
    ]),
    '1/5  RUN zero',
  );
});

test('output in wide characters fits, too', () => {
  const row = rowOf(60, 4, [
    [0, begin(2, 'RUN make', { prefix: '#7 ' })],
    [1, output('#7 📦 依存関係をインストールしています')],
  ]);
  assert.is(row, '⠋ app:1    2/5  RUN make  📦 依存関係をイン…   0:04 of ~0:30');
  assert.is(textWidth(row), 60);
});

test('a command shows its last line of output; failures stay visible when other tasks finish', () => {
  const view = makeLiveView(paint, 'list', reader);
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
  const output = (line: string): RunEvent => ({
    type: 'task-output',
    phase: 'build',
    time: at(1),
    id: 'c:29',
    line,
  });
  for (const event of [{ ...failedBuild[0]!, tasks } as RunEvent, ...started]) view.apply(event);
  for (const event of [output('\u001b[1mhalf\tway'), output('')]) view.apply(event);
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

test('the matrix continues below if it is too wide, and is compact if it is too high', () => {
  const states = new Map<string, CellState>([
    ['base:trixie', 'current'],
    ['pg:16.13', 'done'],
    ['pg:17.9', 'running'],
    ['ext:16.13', 'failed'],
    ['ext:17.9', 'waiting'],
  ]);
  const shown = (columns: number, rows: number): string[] =>
    matrixLines({ states, axes: new Map() }, { columns, rows, spinner: '⠋' }, paint);
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

test('an image with several axes has a table with a row for each combination of all axes but one', () => {
  const tasks = axesPicture().tasks.filter(({ name }) => name !== 'rootfs');
  const states = new Map(tasks.map(({ id }): [string, CellState] => [id, 'done']));
  const axes = new Map(
    tasks.flatMap((task) => (task.axes === undefined ? [] : [[task.id, task.axes] as const])),
  );
  const lines = matrixLines({ states, axes }, { columns: 60, rows: 40, spinner: '⠋' }, paint);
  assert.equal(lines.slice(0, 5), [
    '       16',
    'suite  ✔',
    'server             13  14  15  16  17  18',
    '  bookworm  slim   ✔   ✔   ✔   ✔   ✔   ✔',
    '  bookworm  full   ✔   ✔   ✔   ✔   ✔   ✔',
  ]);
  assert.is(lines.length, 12);
});

test.run();
