import type { Counts, Phase, PlannedTask, RunEvent, TaskFailure } from '../model/events.ts';
import type { TaskId } from '../model/task.ts';
import { failureTitle } from './failures.ts';
import { formatBytes, formatDuration, pluralize } from './format.ts';
import { makeNodeNames } from './node-names.ts';
import type { Paint } from './reporter.ts';
import { expectedMsOf } from './run-progress.ts';

type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>;

const activeActions = new Set(['build', 'run', 'pull', 'retag', 'upload', 'test']);
const goodOutcomes = new Set(['built', 'pulled', 'retagged', 'reused']);

/** Formats the lines that all text reporters share. It remembers the events of a phase and must get all of them, in order. */
export interface RunText {
  phaseStarted(event: EventOf<'phase-started'>): string;
  /** Returns what a task begins to do: `build`, `build on ci0`. */
  taskStarted(event: EventOf<'task-started'>): string;
  /** Returns the name of the task's builder node, padded to the widest; an empty text if there are not several. */
  padNode(node: string | undefined): string;
  /** Returns undefined for reused, skipped and never started tasks, which are only counted. */
  taskFinished(event: EventOf<'task-finished'>): string | undefined;
  /** Returns a summary of the phase and, if many tasks were built, a line with the slowest. */
  phaseFinished(event: EventOf<'phase-finished'>): string[];
  /** Pads a task ID to the widest ID of the tasks that have something to do. */
  padId(id: TaskId): string;
}

/** Returns an empty `RunText`, for any number of phases. */
export function makeRunText(paint: Paint): RunText {
  const planned = new Map<TaskId, PlannedTask>();
  const built: { id: TaskId; ms: number }[] = [];
  const nodes = makeNodeNames();
  /** `saved`: milliseconds that reused tasks took when they were built. */
  let [saved, width, uploaded] = [0, 0, 0];
  const padId = (id: TaskId): string => id.padEnd(width);
  return {
    padId,
    padNode: nodes.pad,
    phaseStarted(event) {
      nodes.start(event.nodes);
      [saved, built.length, uploaded] = [0, 0, 0];
      for (const task of event.tasks) planned.set(task.id, task);
      width = Math.max(0, ...activeTasks(event).map(({ id }) => id.length));
      return headline(event, paint);
    },
    taskStarted: (event) => `${event.action}${nodes.started(event)}`,
    taskFinished(event) {
      const task = planned.get(event.id);
      if (task?.action === 'upload' && goodOutcomes.has(event.outcome)) {
        uploaded++;
        return builtLine(event, padId(event.id), 'uploaded', '', paint);
      }
      if (event.outcome === 'reused') saved += task?.expectedMs ?? 0;
      if (event.outcome === 'built') built.push(event);
      const node = nodes.finished(event);
      return outcomeLine(event, padId(event.id), builtLabel(task?.action ?? 'build'), node, paint);
    },
    phaseFinished: (event) => [
      event.phase === 'upload'
        ? pushSummary(event, uploaded, paint)
        : summary(event, event.phase === 'test' ? 'passed' : 'built', saved, paint),
      ...slowestLine(built, paint),
    ],
  };
}

function activeTasks(event: EventOf<'phase-started'>): PlannedTask[] {
  return event.tasks.filter(({ action }) => activeActions.has(action));
}

/** Returns how to call the outcome `built` of an action. */
function builtLabel(action: string): string {
  return { run: 'ran', test: 'passed' }[action] ?? 'built';
}

/** The command that a phase belongs to. */
const phaseCommands: Record<Phase, string> = {
  build: 'build',
  test: 'test',
  upload: 'push',
  publish: 'push',
};

/** Formats the first line of a phase: `tasks build   19 tasks: 13 up to date, 6 to build · 2 jobs · about 4 m 10 s`. */
function headline(event: EventOf<'phase-started'>, paint: Paint): string {
  const labels: [string, string][] = [
    ['reuse', 'up to date'],
    ['build', 'to build'],
    ['run', 'to run'],
    ['pull', 'to pull'],
    ['upload', 'to upload'],
    ['retag', 'to retag'],
    ['test', 'to test'],
    ['skip', 'skipped'],
    ['blocked', 'blocked'],
  ];
  const parts = labels
    .map(([action, label]) => [event.tasks.filter((task) => task.action === action).length, label] as const)
    .filter(([number]) => number > 0)
    .map(([number, label]) => `${number} ${label}`);
  const expected = expectedTotal(event);
  const jobs = activeTasks(event).length > 0 ? ` · ${pluralize(event.jobs, 'job')}` : '';
  const { nodes = [] } = event;
  const places = jobs !== '' && nodes.length > 1 ? ` on ${nodes.length} nodes` : '';
  const about = expected !== undefined ? ` · about ${formatDuration(expected)}` : '';
  return `${paint.bold(`tasks ${phaseCommands[event.phase]}`)}   ${pluralize(event.tasks.length, 'task')}: ${parts.join(', ')}${jobs}${places}${about}`;
}

/**
 * Returns a lower bound of the phase's duration in milliseconds: the longest path, or all work divided by the jobs. Undefined if
 * there is nothing to do, or a task has no recorded duration.
 */
function expectedTotal(event: EventOf<'phase-started'>): number | undefined {
  const active = activeTasks(event);
  const durations = active.flatMap((task) => expectedMsOf(task) ?? []);
  if (active.length === 0 || durations.length < active.length) return undefined;
  const ends = new Map<string, number>();
  for (const task of active)
    ends.set(task.id, expectedMsOf(task)! + Math.max(0, ...task.needs.map((id) => ends.get(id) ?? 0)));
  const work = durations.reduce((sum, ms) => sum + ms, 0);
  return Math.max(work / event.jobs, ...ends.values());
}

function outcomeLine(
  event: EventOf<'task-finished'>,
  id: string,
  label: string,
  node: string,
  paint: Paint,
): string | undefined {
  switch (event.outcome) {
    case 'built':
      return builtLine(event, id, label, node, paint);
    case 'failed':
      return `${paint.bad('✖')} ${id}  failed after ${formatDuration(event.ms)}${node}${reason(event.error)}`;
    case 'blocked':
      return `${paint.warn('■')} ${id}  blocked${reason(event.error)}`;
    case 'cancelled':
      // Tasks that had not started are only counted.
      return event.ms === 0 ? undefined : `${paint.warn('■')} ${id}  canceled`;
    case 'retagged':
    case 'pulled':
      return `${paint.good('✔')} ${id}  ${event.outcome} in ${formatDuration(event.ms)}`;
    default:
      return undefined;
  }
}

function builtLine(
  { ms, bytes }: EventOf<'task-finished'>,
  id: string,
  label: string,
  node: string,
  paint: Paint,
): string {
  const size = bytes === undefined ? '' : `, ${formatBytes(bytes)}`;
  return `${paint.good('✔')} ${id}  ${label} in ${formatDuration(ms)}${node}${size}`;
}

/** Formats the last line of an upload. How the images were built is not repeated: the build phase has its own summary. */
function pushSummary({ counts, ms, ok }: EventOf<'phase-finished'>, uploaded: number, paint: Paint): string {
  const present = counts.built + counts.pulled + counts.retagged + counts.reused - uploaded;
  const parts = [
    [uploaded, 'uploaded'],
    [present, 'already in the registry'],
    [counts.failed, 'failed'],
    [counts.blocked, 'blocked'],
    [counts.cancelled, 'canceled'],
  ].filter(([number]) => Number(number) > 0);
  const text = parts.map(([number, label]) => `${number} ${label}`).join(', ') || 'nothing to do';
  return `${ok ? paint.good('✔') : paint.bad('✖')} ${text} in ${formatDuration(ms)}`;
}

/** Formats the last line of a phase. `saved`: milliseconds. */
function summary(
  { counts, ms, ok }: EventOf<'phase-finished'>,
  builtText: string,
  saved: number,
  paint: Paint,
): string {
  const labels: [keyof Counts, string][] = [
    ['built', builtText],
    ['retagged', 'retagged'],
    ['pulled', 'pulled'],
    ['reused', 'up to date'],
    ['skipped', 'skipped'],
    ['failed', 'failed'],
    ['blocked', 'blocked'],
    ['cancelled', 'canceled'],
  ];
  const parts = labels
    .filter(([outcome]) => counts[outcome] > 0)
    .map(([outcome, label]) => `${counts[outcome]} ${label}`);
  const savings = saved >= 1000 ? ` · saved about ${formatDuration(saved)}` : '';
  return `${ok ? paint.good('✔') : paint.bad('✖')} ${parts.join(', ') || 'nothing to do'} in ${formatDuration(ms)}${savings}`;
}

/** How many of the slowest tasks are listed, if more were built and the slowest took at least a second. */
const slowestCount = 3;

function slowestLine(built: readonly { id: TaskId; ms: number }[], paint: Paint): string[] {
  const [first, ...others] = [...built].sort((a, b) => b.ms - a.ms).slice(0, slowestCount);
  if (first === undefined || built.length <= slowestCount || first.ms < 1000) return [];
  const shown = [first, ...others].map(({ id, ms }) => `${id} ${formatDuration(ms)}`);
  return [paint.dim(`  slowest: ${shown.join(', ')}`)];
}

function reason(error: TaskFailure | undefined): string {
  return error === undefined ? '' : `: ${failureTitle(error)}`;
}
