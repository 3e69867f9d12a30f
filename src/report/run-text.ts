import type { Counts, Phase, PlannedTask, RunEvent, TaskFailure } from '../model/events.ts';
import type { TaskId } from '../model/task.ts';
import { formatBytes, formatDuration, pluralize } from './format.ts';
import type { Paint } from './reporter.ts';

type Of<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>;

const making = new Set(['build', 'run', 'pull', 'retag', 'upload', 'test']);
const good = new Set(['built', 'pulled', 'retagged', 'reused']);

/** The lines that every text reporter has, with what they need to remember of earlier events. */
export interface RunText {
  phaseStarted(event: Of<'phase-started'>): string;
  /** Undefined where the end of a task is not worth a line: reused, skipped and never begun ones are a count. */
  taskFinished(event: Of<'task-finished'>): string | undefined;
  /** The whole phase in a line, and the slowest tasks that it built in a second, where there is a choice. */
  phaseFinished(event: Of<'phase-finished'>): string[];
  /** A task's id, padded to the widest of those that are to be made. */
  padId(id: TaskId): string;
}

/** The text of one phase; give it every event of the three kinds, in order. */
export function makeRunText(paint: Paint): RunText {
  const planned = new Map<TaskId, PlannedTask>();
  const made: { id: TaskId; ms: number }[] = [];
  let [saved, width, uploaded] = [0, 0, 0];
  const name = (id: TaskId): string => id.padEnd(width);
  return {
    padId: name,
    phaseStarted(event) {
      [saved, made.length, uploaded] = [0, 0, 0];
      for (const task of event.tasks) planned.set(task.id, task);
      width = Math.max(
        0,
        ...event.tasks.filter(({ action }) => making.has(action)).map(({ id }) => id.length),
      );
      return headline(event, paint);
    },
    taskFinished(event) {
      const task = planned.get(event.id);
      if (task?.action === 'upload' && good.has(event.outcome)) {
        uploaded++;
        return madeLine(event, name(event.id), 'uploaded', paint);
      }
      if (event.outcome === 'reused') saved += task?.expectedMs ?? 0;
      if (event.outcome === 'built') made.push(event);
      return outcomeLine(event, name(event.id), madeWord(task?.action ?? 'build'), paint);
    },
    phaseFinished: (event) => [
      event.phase === 'upload'
        ? pushSummary(event, uploaded, paint)
        : summary(event, event.phase === 'test' ? 'passed' : 'built', saved, paint),
      ...slowest(made, paint),
    ],
  };
}

/** The outcome `built` in the word that fits what was done. */
function madeWord(action: string): string {
  return { run: 'ran', test: 'passed' }[action] ?? 'built';
}

/** The command whose work a phase is, as its headline says. */
export const phaseCommands: Record<Phase, string> = {
  build: 'build',
  test: 'test',
  upload: 'push',
  publish: 'push',
};

/** What a phase starts with: `tasks build   19 tasks: 13 up to date, 6 to build · 2 slots · about 4 m 10 s`. */
function headline(event: Of<'phase-started'>, paint: Paint): string {
  const words: [string, string][] = [
    ['reuse', 'up to date'],
    ['build', 'to build'],
    ['run', 'to run'],
    ['pull', 'to pull'],
    ['upload', 'to upload'],
    ['retag', 'to tag'],
    ['test', 'to test'],
    ['skip', 'not needed'],
    ['blocked', 'blocked'],
  ];
  const parts = words
    .map(([action, text]) => [event.tasks.filter((task) => task.action === action).length, text] as const)
    .filter(([number]) => number > 0)
    .map(([number, text]) => `${number} ${text}`);
  const todo = event.tasks.filter((task) => making.has(task.action));
  const expected = expectedTotal(event);
  const slots = todo.length > 0 ? ` · ${pluralize(event.jobs, 'slot')}` : '';
  const about = expected !== undefined && todo.length > 0 ? ` · about ${formatDuration(expected)}` : '';
  return `${paint.bold(`tasks ${phaseCommands[event.phase]}`)}   ${pluralize(event.tasks.length, 'task')}: ${parts.join(', ')}${slots}${about}`;
}

/** A lower bound of the run's length from recorded durations: the work over the slots, or the longest path. */
function expectedTotal(event: Of<'phase-started'>): number | undefined {
  const todo = event.tasks.filter((task) => making.has(task.action));
  if (todo.length === 0 || todo.some((task) => task.expectedMs === undefined)) return undefined;
  const ends = new Map<string, number>();
  for (const task of todo)
    ends.set(task.id, (task.expectedMs ?? 0) + Math.max(0, ...task.needs.map((id) => ends.get(id) ?? 0)));
  const work = todo.reduce((sum, task) => sum + (task.expectedMs ?? 0), 0);
  return Math.max(work / event.jobs, ...ends.values());
}

function outcomeLine(event: Of<'task-finished'>, id: string, made: string, paint: Paint): string | undefined {
  switch (event.outcome) {
    case 'built':
      return madeLine(event, id, made, paint);
    case 'failed':
      return `${paint.bad('✖')} ${id}  failed after ${formatDuration(event.ms)}: ${event.error?.step ?? firstLine(event.error)}`;
    case 'blocked':
      return `${paint.warn('■')} ${id}  blocked: ${firstLine(event.error)}`;
    case 'cancelled':
      // What had not begun is only a count.
      return event.ms === 0 ? undefined : `${paint.warn('■')} ${id}  cancelled`;
    case 'retagged':
    case 'pulled':
      return `${paint.good('✔')} ${id}  ${event.outcome} in ${formatDuration(event.ms)}`;
    default:
      return undefined;
  }
}

function madeLine({ ms, bytes }: Of<'task-finished'>, id: string, made: string, paint: Paint): string {
  return `${paint.good('✔')} ${id}  ${made} in ${formatDuration(ms)}${bytes !== undefined ? `, ${formatBytes(bytes)}` : ''}`;
}

/** What a failure left to read: the message, the last lines, the log. */
export function failureLines(error: TaskFailure, paint: Paint): string[] {
  const lines = (error.lines ?? []).map((line) => `  ${paint.dim('│')} ${line}`);
  const message = error.message.split('\n').map((line) => `  ${line}`);
  return [...lines, ...message, ...(error.log !== undefined ? [`  log: ${error.log}`] : [])];
}

/** What an upload and its tags end with; how the images came to be was said by the runs before. */
function pushSummary({ counts, ms, ok }: Of<'phase-finished'>, uploaded: number, paint: Paint): string {
  const there = counts.built + counts.pulled + counts.retagged + counts.reused - uploaded;
  const parts = [
    [uploaded, 'uploaded'],
    [there, 'already there'],
    [counts.failed, 'failed'],
    [counts.blocked, 'blocked'],
    [counts.cancelled, 'cancelled'],
  ].filter(([number]) => Number(number) > 0);
  const text = parts.map(([number, word]) => `${number} ${word}`).join(', ') || 'nothing to do';
  return `${ok ? paint.good('✔') : paint.bad('✖')} ${text} in ${formatDuration(ms)}`;
}

/** What a run ends with. `saved`: milliseconds that reused tasks took when they were made. */
function summary(
  { counts, ms, ok }: Of<'phase-finished'>,
  made: string,
  saved: number,
  paint: Paint,
): string {
  const words: [keyof Counts, string][] = [
    ['built', made],
    ['retagged', 'retagged'],
    ['pulled', 'pulled'],
    ['reused', 'up to date'],
    ['skipped', 'not needed'],
    ['failed', 'failed'],
    ['blocked', 'blocked'],
    ['cancelled', 'cancelled'],
  ];
  const parts = words
    .filter(([outcome]) => counts[outcome] > 0)
    .map(([outcome, text]) => `${counts[outcome]} ${text}`);
  const gain = saved >= 1000 ? ` · saved about ${formatDuration(saved)}` : '';
  return `${ok ? paint.good('✔') : paint.bad('✖')} ${parts.join(', ') || 'nothing to do'} in ${formatDuration(ms)}${gain}`;
}

/** More than so many tasks are a reason to say which were the slowest. */
const few = 3;

function slowest(made: readonly { id: TaskId; ms: number }[], paint: Paint): string[] {
  const [first, ...others] = [...made].sort((a, b) => b.ms - a.ms).slice(0, few);
  if (first === undefined || made.length <= few || first.ms < 1000) return [];
  const shown = [first, ...others].map(({ id, ms }) => `${id} ${formatDuration(ms)}`);
  return [paint.dim(`  slowest: ${shown.join(', ')}`)];
}

function firstLine(error: TaskFailure | undefined): string {
  return error?.message.split('\n')[0] ?? '';
}
