import type { RunEvent } from '../model/events.ts';
import type { TaskId } from '../model/task.ts';
import { clip, clipPainted, clock, count, duration } from './format.ts';
import type { Paint } from './reporter.ts';
import { failureBlock, makeStory } from './words.ts';

interface Row {
  readonly id: TaskId;
  readonly needs: readonly TaskId[];
  readonly expectedMs: number | undefined;
  state: 'waiting' | 'running' | 'over';
  startedAt: number;
  progress: string;
}

/** What the live view shows, followed from events. Rows are the tasks that are to be made; all others are a count. */
export interface View {
  apply(event: RunEvent): void;
  /** The screen while the run goes on: at most `rows` lines, none longer than `columns`. `now`: milliseconds. */
  lines(now: number, screen: { rows: number; columns: number; spinner: string }): string[];
  /** What stays on the screen after the run. */
  finalLines(): string[];
}

const waitingRows = 3;

export function makeView(paint: Paint): View {
  const rows = new Map<TaskId, Row>();
  const done: string[] = [];
  const blocks: string[] = [];
  const story = makeStory(paint);
  let head = '';
  let tail: string[] = [];

  const apply = (event: RunEvent): void => {
    switch (event.type) {
      case 'run-started':
        head = story.begin(event);
        for (const task of event.tasks) {
          if (task.action === 'reuse' || task.action === 'skip' || task.action === 'blocked') continue;
          rows.set(task.id, {
            ...task,
            expectedMs: task.expectedMs,
            state: 'waiting',
            startedAt: 0,
            progress: '',
          });
        }
        break;
      case 'task-started':
        begin(rows.get(event.id), event.time, event.action);
        break;
      case 'task-progress': {
        const row = rows.get(event.id);
        const at = event.step !== undefined ? `${event.step}/${event.steps}  ` : '';
        if (row !== undefined && event.ended === undefined) row.progress = `${at}${event.text}`;
        break;
      }
      case 'task-finished': {
        const row = rows.get(event.id);
        if (row !== undefined) row.state = 'over';
        const line = story.outcome(event);
        if (line !== undefined) done.push(line);
        if (event.outcome === 'failed' && event.error !== undefined)
          blocks.push(
            ...failureBlock({ ...event.error, message: `${event.id}: ${event.error.message}` }, paint),
          );
        break;
      }
      case 'run-finished':
        tail = story.end(event);
        break;
    }
  };

  const lines: View['lines'] = (now, screen) => {
    const all = [...rows.values()];
    const running = all
      .filter((row) => row.state === 'running')
      .map((row) => runningLine(row, story.name(row.id), now, screen));
    const waiting = all.filter((row) => row.state === 'waiting');
    const shown = waiting
      .slice(0, waitingRows)
      .map((row) => `${paint.dim('◌')} ${story.name(row.id)}  ${paint.dim(waitsFor(row, rows))}`);
    if (waiting.length > waitingRows) shown.push(paint.dim(`  ${waiting.length - waitingRows} more waiting`));
    const room = Math.max(0, screen.rows - running.length - shown.length - 5);
    const finished = room === 0 ? [] : done.slice(-room);
    const screenful = [head, '', ...finished, ...running, ...shown, '', footer(all, now, paint)];
    return screenful.map((line) => clipPainted(line, screen.columns));
  };

  return {
    apply,
    lines,
    finalLines: () => [head, ...(done.length > 0 ? ['', ...done] : []), ...blocks, '', ...tail],
  };
}

function begin(row: Row | undefined, time: string, action: string): void {
  if (row === undefined) return;
  row.state = 'running';
  row.startedAt = Date.parse(time);
  row.progress = action;
}

function runningLine(
  row: Row,
  name: string,
  now: number,
  screen: { columns: number; spinner: string },
): string {
  const elapsed = clock(now - row.startedAt);
  const time = row.expectedMs !== undefined ? `${elapsed} of ~${clock(row.expectedMs)}` : elapsed;
  const room = Math.max(10, screen.columns - name.length - time.length - 7);
  return `${screen.spinner} ${name}  ${clip(row.progress, room).padEnd(room)}  ${time}`;
}

function waitsFor(row: Row, rows: ReadonlyMap<TaskId, Row>): string {
  const open = row.needs.filter((id) => (rows.get(id)?.state ?? 'over') !== 'over');
  if (open.length === 0) return 'waits for a free slot';
  return `waits for ${open[0]}${open.length > 1 ? ` and ${open.length - 1} more` : ''}`;
}

/** `14/19 · longest path ends with exttester:17.9, ~3:05 left`. */
function footer(rows: readonly Row[], now: number, paint: Paint): string {
  const over = rows.filter((row) => row.state === 'over').length;
  const start = `${over}/${count(rows.length, 'task')}`;
  const ends = new Map<TaskId, number>();
  let [last, longest] = ['', 0];
  for (const row of rows) {
    if (row.state === 'over') continue;
    if (row.expectedMs === undefined) return paint.dim(start);
    const own =
      row.state === 'running' ? Math.max(0, row.expectedMs - (now - row.startedAt)) : row.expectedMs;
    const end = own + Math.max(0, ...row.needs.map((id) => ends.get(id) ?? 0));
    ends.set(row.id, end);
    if (end >= longest) [last, longest] = [row.id, end];
  }
  return paint.dim(
    last === '' ? start : `${start} · longest path ends with ${last}, ~${duration(longest)} left`,
  );
}
