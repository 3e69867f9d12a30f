import { ACTIONS, type Action, countActions, type Plan, type ReasonCode, type Step } from '../model/plan.ts';
import { alignColumns, clip, formatDuration, pluralize } from './format.ts';
import type { Paint } from './reporter.ts';

const labels: Record<Action, string> = {
  build: 'to build',
  run: 'to run',
  pull: 'to pull',
  retag: 'to retag',
  reuse: 'up to date',
  skip: 'skipped',
  blocked: 'blocked',
};

/** How long a plan will take, estimated from earlier durations; in milliseconds. */
export interface PlanEstimate {
  readonly expectedMs: number;
  /** A lower bound, whatever the order of the tasks. */
  readonly boundMs: number;
  readonly jobCount: number;
  /** The number of tasks that have no recorded duration. */
  readonly untimed: number;
  /** The duration that is assumed for each of them. */
  readonly assumedMs: number;
}

export interface PlanTextOptions {
  readonly verbose: boolean;
  readonly columns: number | undefined;
  /** Undefined if there is nothing to do, or no task to do has a recorded duration. */
  readonly outlook: PlanEstimate | undefined;
  /** Notes about the whole project, one line each. */
  readonly notes?: readonly string[];
}

/**
 * Formats a plan as text: the tasks to build with their reasons, cut to the terminal's width, and a count of all others.
 * `verbose`: list all tasks, and give each reason its own line.
 */
export function planText(
  plan: Plan,
  paint: Paint,
  { verbose, columns: width = Number.POSITIVE_INFINITY, outlook, notes = [] }: PlanTextOptions,
): string[] {
  const steps = [...plan.steps.values()];
  const shown = steps.filter((step) => verbose || !isQuiet(step));
  const reasons = shown.map((step) =>
    step.reasons
      .filter(({ code }) => !isSharedNote(code) && (verbose || code !== 'vague'))
      .map(({ detail }) => detail),
  );
  // Why a task cannot be built is the answer of a plan: it is not cut.
  const isFull = shown.map(({ action }) => verbose || action === 'blocked');
  const rows = shown.map(({ action, task }, index) => [
    action,
    task.id,
    isFull[index] ? (reasons[index]![0] ?? '') : reasons[index]!.join('; '),
  ]);
  const counts = countActions(plan);
  const total = ACTIONS.filter((action) => counts[action] > 0).map(
    (action) => `${counts[action]} ${labels[action]}`,
  );
  const lines = alignColumns(rows).flatMap((line, index) => [
    paintRow(isFull[index] ? line : clip(line, width), shown[index]!.action, paint),
    ...(isFull[index] ? reasons[index]!.slice(1).map((detail) => `         ${detail}`) : []),
  ]);
  const summary = `${pluralize(steps.length, 'task')}: ${total.join(', ')}`;
  const noteLines = notes.map((note) => `${paint.warn('note')} ${note}`);
  const head = [...lines, ...(lines.length > 0 ? [''] : []), summary];
  return [...head, ...estimateLines(outlook), ...noteLines, ...sharedNotes(steps, paint)];
}

/** Returns whether a note is the same for several tasks: for those that share a context, or the versions of an image. */
function isSharedNote(code: ReasonCode): boolean {
  return code === 'suspect' || code === 'not-applied';
}

/** Formats the notes that tasks share, each once. */
function sharedNotes(steps: readonly Step[], paint: Paint): string[] {
  const reasons = steps.flatMap((step) => step.reasons.filter(({ code }) => isSharedNote(code)));
  return [...new Set(reasons.map(({ detail }) => detail))].map((detail) => `${paint.warn('note')} ${detail}`);
}

function estimateLines(estimate: PlanEstimate | undefined): string[] {
  if (estimate === undefined) return [];
  const { expectedMs, boundMs, jobCount, untimed, assumedMs } = estimate;
  const assumption =
    untimed === 0
      ? ''
      : `; no timing history for ${pluralize(untimed, 'task')}, assuming ${formatDuration(assumedMs)} each`;
  return [
    `about ${formatDuration(expectedMs)} with ${pluralize(jobCount, 'job')}, at least ${formatDuration(boundMs)}${assumption}`,
  ];
}

/** Returns true if a step is only counted unless `verbose` is set. */
function isQuiet(step: Step): boolean {
  return (
    (step.action === 'reuse' || step.action === 'skip') &&
    !step.reasons.some(({ code }) => code === 'impure' || code === 'broken-test')
  );
}

function paintRow(line: string, action: Action, paint: Paint): string {
  const end = line.indexOf(' ');
  const [word, rest] = [line.slice(0, end), line.slice(end)];
  if (action === 'blocked') return paint.bad(word) + rest;
  return (action === 'build' || action === 'run' ? paint.warn(word) : paint.good(word)) + rest;
}
