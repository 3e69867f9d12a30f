import type { Outcome, RunEvent } from '../model/events.ts';
import type { TaskId } from '../model/task.ts';
import { type FinishedTask, finishedLines } from './finished.ts';
import { clip, clipColored, formatClock, formatDuration, pluralize, stripControls } from './format.ts';
import { type CellState, matrixLines } from './matrix.ts';
import type { Paint } from './reporter.ts';
import { failureLines, makeRunText } from './run-text.ts';

interface Row {
  readonly id: TaskId;
  readonly needs: readonly TaskId[];
  readonly expectedMs: number | undefined;
  state: 'waiting' | 'running' | 'over';
  startedAt: number;
  /** True: Dockerfile steps say what it does; its output would hide them. */
  readonly hasSteps: boolean;
  progress: string;
}

export interface Screen {
  readonly rows: number;
  readonly columns: number;
  /** The frame of the spinner to be shown now. */
  readonly spinner: string;
}

/** What the live view shows, followed from events. Rows are the tasks that are to be made; all others are a count. */
export interface LiveView {
  apply(event: RunEvent): void;
  /** The screen while the run goes on: at most `rows` lines, none longer than `columns`. `now`: milliseconds. */
  lines(now: number, screen: Screen): string[];
  /** What stays on the screen after the run. */
  finalLines(columns: number): string[];
}

/** `list`: a line for each task that moved. `matrix`: images by versions with a state in each cell. */
export type LiveLayout = 'list' | 'matrix';

const waitingRows = 3;

export function makeLiveView(paint: Paint, layout: LiveLayout): LiveView {
  const rows = new Map<TaskId, Row>();
  const cells = new Map<TaskId, CellState>();
  const done: FinishedTask[] = [];
  const blocks: string[] = [];
  const runText = makeRunText(paint);
  let head = '';
  let tail: string[] = [];

  const apply = (event: RunEvent): void => {
    switch (event.type) {
      case 'phase-started':
        head = runText.phaseStarted(event);
        for (const task of event.tasks) {
          cells.set(task.id, plannedCell(task.action));
          if (task.action === 'reuse' || task.action === 'skip' || task.action === 'blocked') continue;
          rows.set(task.id, {
            ...task,
            expectedMs: task.expectedMs,
            state: 'waiting',
            startedAt: 0,
            hasSteps: task.action === 'build',
            progress: '',
          });
        }
        break;
      case 'task-started':
        cells.set(event.id, 'running');
        begin(rows.get(event.id), event.time, event.action);
        break;
      case 'task-progress': {
        const row = rows.get(event.id);
        const at = event.step !== undefined ? `${event.step}/${event.steps}  ` : '';
        if (row !== undefined && event.ended === undefined)
          row.progress = `${at}${stripControls(event.text)}`;
        break;
      }
      case 'task-output': {
        const row = rows.get(event.id);
        const text = stripControls(event.line);
        if (row !== undefined && !row.hasSteps && text !== '') row.progress = text;
        break;
      }
      case 'task-finished': {
        cells.set(event.id, finishedCell(event.outcome));
        const row = rows.get(event.id);
        if (row !== undefined) row.state = 'over';
        const line = runText.taskFinished(event);
        const output = event.outcome === 'failed' ? (event.error?.lines ?? []) : undefined;
        if (line !== undefined) done.push({ line, ...(output ? { output } : {}) });
        if (event.outcome === 'failed' && event.error !== undefined)
          blocks.push(
            ...failureLines({ ...event.error, message: `${event.id}: ${event.error.message}` }, paint),
          );
        break;
      }
      case 'phase-finished':
        tail = runText.phaseFinished(event);
        break;
    }
  };

  const lines: LiveView['lines'] = (now, screen) => {
    const all = [...rows.values()];
    const foot = ['', paint.dim(footer(all, now, screen.columns))];
    // The head, the blank lines and the footer.
    const room = Math.max(0, screen.rows - 4);
    const running = some(
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

  /** Failures, what else ended last, what runs, what waits next. */
  const list = (all: readonly Row[], running: readonly string[], room: number): string[] => {
    const waiting = some(
      all.filter((row) => row.state === 'waiting'),
      Math.min(room, waitingRows),
      (row) => `${paint.dim('◌')} ${runText.padId(row.id)}  ${paint.dim(waitsFor(row, rows))}`,
      (number) => paint.dim(`  ${number} more waiting`),
    );
    const left = room - waiting.length;
    return [...finishedLines(done, left, paint), ...running, ...waiting];
  };

  const matrix = (running: readonly string[], room: number, { columns, spinner }: Screen): string[] => {
    const lines = matrixLines(cells, { rows: room - 1, columns, spinner }, paint);
    return running.length > 0 ? [...lines, '', ...running] : lines;
  };

  const runningLine = (row: Row, now: number, { columns, spinner }: Screen): string => {
    const elapsed = formatClock(now - row.startedAt);
    const expected = row.expectedMs !== undefined ? ` of ~${formatClock(row.expectedMs)}` : '';
    const width = Math.min(runText.padId('').length, Math.max(8, Math.floor(columns / 2)));
    const name = clip(row.id, width).padEnd(width);
    const roomBeside = (time: string): number => columns - width - time.length - 6;
    // On a narrow screen what a task does now says more than how long it took the last time.
    const time = roomBeside(elapsed + expected) >= 12 ? elapsed + expected : elapsed;
    const room = Math.max(0, roomBeside(time));
    return `${spinner} ${name}  ${clip(row.progress, room).padEnd(room)}  ${time}`;
  };

  const finalLines: LiveView['finalLines'] = (columns) => {
    const whole = { rows: Number.POSITIVE_INFINITY, columns, spinner: ' ' };
    const body = layout === 'list' ? done.map(({ line }) => line) : matrixLines(cells, whole, paint);
    return [head, ...(body.length > 0 ? ['', ...body] : []), ...blocks, '', ...tail];
  };

  return { apply, lines, finalLines };
}

/** As many as there is room for, a line each, and how many are left out. */
function some<T>(
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
  const states: Readonly<Record<string, CellState>> = { reuse: 'here', skip: 'skipped', blocked: 'lost' };
  return states[action] ?? 'waiting';
}

function finishedCell(outcome: Outcome): CellState {
  const states: Record<Outcome, CellState> = {
    built: 'made',
    pulled: 'made',
    retagged: 'made',
    reused: 'here',
    skipped: 'skipped',
    failed: 'failed',
    blocked: 'lost',
    cancelled: 'lost',
  };
  return states[outcome];
}

function begin(row: Row | undefined, time: string, action: string): void {
  if (row === undefined) return;
  row.state = 'running';
  row.startedAt = Date.parse(time);
  row.progress = action;
}

function waitsFor(row: Row, rows: ReadonlyMap<TaskId, Row>): string {
  const open = row.needs.filter((id) => (rows.get(id)?.state ?? 'over') !== 'over');
  if (open.length === 0) return 'waits for a free slot';
  return `waits for ${open[0]}${open.length > 1 ? ` and ${open.length - 1} more` : ''}`;
}

/** `14/19 · longest path ends with exttester:17.9, ~3:05 left`; where that is too wide, without the path. */
function footer(rows: readonly Row[], now: number, columns: number): string {
  const over = rows.filter((row) => row.state === 'over').length;
  const start = `${over}/${pluralize(rows.length, 'task')}`;
  const ends = new Map<TaskId, number>();
  let [last, longest] = ['', 0];
  for (const row of rows) {
    if (row.state === 'over') continue;
    if (row.expectedMs === undefined) return start;
    const own =
      row.state === 'running' ? Math.max(0, row.expectedMs - (now - row.startedAt)) : row.expectedMs;
    const end = own + Math.max(0, ...row.needs.map((id) => ends.get(id) ?? 0));
    ends.set(row.id, end);
    if (end >= longest) [last, longest] = [row.id, end];
  }
  if (last === '') return start;
  const long = `${start} · longest path ends with ${last}, ~${formatDuration(longest)} left`;
  return long.length <= columns ? long : `${start} · ~${formatDuration(longest)} left`;
}
