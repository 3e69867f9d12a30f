import { stripVTControlCharacters } from 'node:util';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PlannedTask, RunEvent } from '../../../src/model/events.ts';
import { makeLiveView } from '../../../src/report/live-view.ts';
import { type CellState, matrixLines } from '../../../src/report/matrix.ts';
import { makePaint } from '../../../src/report/paint.ts';
import { axesPicture } from '../../support/pictures.ts';
import { at, failedBuild } from '../../support/report-events.ts';

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
    '0/3 tasks · critical path ends with top:1, ~32 s left',
  ]);
  for (const event of failedBuild.slice(6)) view.apply(event);
  assert.match(
    view.finalLines(80).join('\n'),
    /✖ app:1 {4}failed[\s\S]*gcc says[\s\S]*log: logs\/app[\s\S]*1 failed, 1 blocked/,
  );
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
    return [[], [started], [started, finished], [started, failed]][states[index]! % 4]!;
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
        for (const line of lines) assert.ok(stripVTControlCharacters(line).length <= width, line);
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
