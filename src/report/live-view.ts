import type { Outcome, RunEvent } from '../model/events.ts';
import type { Axes, TaskId } from '../model/task.ts';
import { type Activity, activityText } from './activity.ts';
import { type FailedTask, failureBlocks, failureOf, type Reader } from './failures.ts';
import { type FinishedTask, finishedLines } from './finished.ts';
import { footerLine } from './footer.ts';
import { clip, clipColored, formatClock, stripControls } from './format.ts';
import { type CellState, matrixLines, type Screen } from './matrix.ts';
import type { Paint } from './reporter.ts';
import { expectedMsOf, isActive, trackProgress } from './run-progress.ts';
import { makeRunText } from './run-text.ts';
import { makeRunningSteps, type RunningSteps } from './running-steps.ts';

interface Row extends Activity {
  readonly id: TaskId;
  readonly needs: readonly TaskId[];
  readonly expectedMs: number | undefined;
  state: 'waiting' | 'running' | 'finished';
  /** Milliseconds since 1970. */
  startedAt: number;
  text: string;
  steps: RunningSteps;
  node: string | undefined;
}

/** The content of the live view, derived from events. Tasks that have something to do have a row; all others are counted. */
export interface LiveView {
  apply(event: RunEvent): void;
  /** Adds lines that something else than the run writes meanwhile: warnings, that it was interrupted. */
  addNotes(text: string): void;
  /** Returns the current screen: at most `rows` lines, none longer than `columns`. `now`: milliseconds since 1970. */
  lines(now: number, screen: Screen): string[];
  /** Returns the lines that stay on the screen after the run. */
  finalLines(columns: number): string[];
}

/** `list`: a line per task that started. `matrix`: a table of images and versions with a state in each cell. */
export type LiveLayout = 'list' | 'matrix';

/** How many lines of notes the screen shows: the last ones. All of them stay after the run. */
const noteRows = 2;

/** A line names the builder node if there are so many columns beside it and the task. */
const minNodeRoom = 40;

/** How many waiting tasks the list shows. */
const waitingRows = 3;

/** Returns the live view before the first event. */
export function makeLiveView(paint: Paint, layout: LiveLayout, reader: Reader): LiveView {
  const rows = new Map<TaskId, Row>();
  const cells = new Map<TaskId, CellState>();
  const axes = new Map<TaskId, Axes>();
  const finished: FinishedTask[] = [];
  const failures: FailedTask[] = [];
  const notes: string[] = [];
  const runText = makeRunText(paint);
  const progress = trackProgress();
  let head = '';
  let tail: string[] = [];

  const apply = (event: RunEvent): void => {
    progress.apply(event);
    switch (event.type) {
      case 'run-started':
        for (const task of event.tasks) if (task.axes !== undefined) axes.set(task.id, task.axes);
        break;
      case 'phase-started':
        head = runText.phaseStarted(event);
        for (const task of event.tasks) {
          cells.set(task.id, plannedCell(task.action));
          if (!isActive(task)) continue;
          rows.set(task.id, {
            id: task.id,
            needs: task.needs,
            expectedMs: expectedMsOf(task),
            state: 'waiting',
            startedAt: 0,
            hasSteps: task.action === 'build',
            steps: makeRunningSteps(),
            text: '',
            node: undefined,
          });
        }
        break;
      case 'task-started':
        cells.set(event.id, 'running');
        startRow(rows.get(event.id), event);
        break;
      case 'task-progress':
        rows.get(event.id)?.steps.apply(event, Date.parse(event.time));
        break;
      case 'task-output': {
        const row = rows.get(event.id);
        const text = stripControls(event.line);
        if (row === undefined || text === '') break;
        if (row.hasSteps) row.steps.line(event.line);
        else row.text = text;
        break;
      }
      case 'task-finished': {
        cells.set(event.id, finishedCell(event.outcome));
        const row = rows.get(event.id);
        if (row !== undefined) row.state = 'finished';
        const line = runText.taskFinished(event);
        const output = event.outcome === 'failed' ? (event.error?.lines ?? []) : undefined;
        if (line !== undefined) finished.push({ line, ...(output ? { output } : {}) });
        const failure = failureOf(event);
        if (failure !== undefined) failures.push(failure);
        break;
      }
      case 'phase-finished':
        tail = runText.phaseFinished(event);
        break;
    }
  };

  const lines: LiveView['lines'] = (now, screen) => {
    const all = [...rows.values()];
    const shownNotes = notes.slice(
      notes.length - Math.min(notes.length, noteRows, Math.max(0, screen.rows - 6)),
    );
    const foot = ['', ...shownNotes, footerLine(progress.read(now), screen.columns, paint)];
    // Four lines are for the heading, two blank lines and the footer.
    const room = Math.max(0, screen.rows - 4 - shownNotes.length);
    const running = fitLines(
      all.filter((row) => row.state === 'running'),
      layout === 'list' ? room : Math.floor(room / 3),
      (row) => runningLine(row, now, screen),
      (number) => paint.dim(`  ${number} more running`),
    );
    const left = room - running.length;
    const body = layout === 'list' ? list(all, running, left) : matrix(running, left, screen);
    return [head, '', ...body, ...foot]
      .slice(0, screen.rows)
      .map((line) => clipColored(line, screen.columns));
  };

  /** Returns failures, the tasks that finished last, running tasks and the next waiting ones. */
  const list = (all: readonly Row[], running: readonly string[], room: number): string[] => {
    const waiting = fitLines(
      all.filter((row) => row.state === 'waiting'),
      Math.min(room, waitingRows),
      (row) => `${paint.dim('◌')} ${runText.padId(row.id)}  ${paint.dim(waitText(row, rows))}`,
      (number) => paint.dim(`  ${number} more waiting`),
    );
    const left = room - waiting.length;
    return [...finishedLines(finished, left, paint), ...running, ...waiting];
  };

  const matrix = (running: readonly string[], room: number, { columns, spinner }: Screen): string[] => {
    const lines = matrixLines({ states: cells, axes }, { rows: room - 1, columns, spinner }, paint);
    return running.length > 0 ? [...lines, '', ...running] : lines;
  };

  const runningLine = (row: Row, now: number, { columns, spinner }: Screen): string => {
    const elapsed = formatClock(now - row.startedAt);
    const expected = row.expectedMs !== undefined ? ` of ~${formatClock(row.expectedMs)}` : '';
    const width = Math.min(runText.padId('').length, Math.max(8, Math.floor(columns / 2)));
    const node = runText.padNode(row.node);
    const place = node !== '' && columns >= width + node.length + minNodeRoom ? `  ${paint.dim(node)}` : '';
    const name = `${clip(row.id, width).padEnd(width)}${place}`;
    const placeWidth = place === '' ? 0 : node.length + 2;
    const roomBeside = (time: string): number => columns - width - placeWidth - time.length - 6;
    // On a narrow screen, the current step is worth more than the expected time.
    const time = roomBeside(elapsed + expected) >= 12 ? elapsed + expected : elapsed;
    const room = Math.max(0, roomBeside(time));
    return `${spinner} ${name}  ${activityText(row, now, room, paint)}  ${time}`;
  };

  const finalLines: LiveView['finalLines'] = (columns) => {
    const unlimited = { rows: Number.POSITIVE_INFINITY, columns, spinner: ' ' };
    const body =
      layout === 'list'
        ? finished.map(({ line }) => line)
        : matrixLines({ states: cells, axes }, unlimited, paint);
    const blocks = failureBlocks(failures, paint, reader);
    const above = [...(body.length > 0 ? ['', ...body] : []), ...(notes.length > 0 ? ['', ...notes] : [])];
    return [head, ...above, ...(blocks.length > 0 ? blocks : ['']), ...tail];
  };

  const addNotes: LiveView['addNotes'] = (text) => {
    notes.push(
      ...text
        .split('\n')
        .map(stripControls)
        .filter((line) => line !== ''),
    );
  };

  return { apply, addNotes, lines, finalLines };
}

/** Formats as many items as fit, one line each. If not all fit, the last line says how many are missing. */
function fitLines<T>(
  items: readonly T[],
  room: number,
  line: (item: T) => string,
  more: (number: number) => string,
): string[] {
  if (items.length <= room) return items.map(line);
  const shown = items.slice(0, Math.max(0, room - 1));
  return [...shown.map(line), more(items.length - shown.length)].slice(0, room);
}

function plannedCell(action: string): CellState {
  const states: Readonly<Record<string, CellState>> = {
    reuse: 'current',
    skip: 'skipped',
    blocked: 'stopped',
  };
  return states[action] ?? 'waiting';
}

function finishedCell(outcome: Outcome): CellState {
  const states: Record<Outcome, CellState> = {
    built: 'done',
    pulled: 'done',
    retagged: 'done',
    reused: 'current',
    skipped: 'skipped',
    failed: 'failed',
    blocked: 'stopped',
    cancelled: 'stopped',
  };
  return states[outcome];
}

function startRow(
  row: Row | undefined,
  { time, action, node }: Extract<RunEvent, { type: 'task-started' }>,
): void {
  if (row === undefined) return;
  row.state = 'running';
  row.startedAt = Date.parse(time);
  row.text = action;
  row.node = node;
  // A task whose node was lost begins with its first step again.
  row.steps = makeRunningSteps();
}

function waitText(row: Row, rows: ReadonlyMap<TaskId, Row>): string {
  const unfinished = row.needs.filter((id) => (rows.get(id)?.state ?? 'finished') !== 'finished');
  if (unfinished.length === 0) return 'waiting for a free job';
  return `waiting for ${unfinished[0]}${unfinished.length > 1 ? ` and ${unfinished.length - 1} more` : ''}`;
}
