import type { PlanDocument, PlanDocumentTask } from '../model/documents.ts';
import { ACTIONS, type Action, type Plan, type Step } from '../model/plan.ts';
import { type ImageTask, needIds, type TaskId } from '../model/task.ts';
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

/** Counts the steps per action. */
function countActions(plan: Plan): Record<Action, number> {
  const counts = Object.fromEntries(ACTIONS.map((action) => [action, 0])) as Record<Action, number>;
  for (const step of plan.steps.values()) counts[step.action]++;
  return counts;
}

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
      .filter(({ code }) => code !== 'suspect' && (verbose || code !== 'vague'))
      .map(({ detail }) => detail),
  );
  const rows = shown.map(({ action, task }, index) => [
    action,
    task.id,
    verbose ? (reasons[index]![0] ?? '') : reasons[index]!.join('; '),
  ]);
  const counts = countActions(plan);
  const total = ACTIONS.filter((action) => counts[action] > 0).map(
    (action) => `${counts[action]} ${labels[action]}`,
  );
  const lines = alignColumns(rows).flatMap((line, index) => [
    paintRow(verbose ? line : clip(line, width), shown[index]!.action, paint),
    ...(verbose ? reasons[index]!.slice(1).map((detail) => `         ${detail}`) : []),
  ]);
  const summary = `${pluralize(steps.length, 'task')}: ${total.join(', ')}`;
  const noteLines = notes.map((note) => `${paint.warn('note')} ${note}`);
  const head = [...lines, ...(lines.length > 0 ? [''] : []), summary];
  return [...head, ...estimateLines(outlook), ...noteLines, ...contextWarnings(steps, paint)];
}

/** Formats warnings about build contexts. Tasks that share a context share its warnings, so each is printed once. */
function contextWarnings(steps: readonly Step[], paint: Paint): string[] {
  const reasons = steps.flatMap((step) => step.reasons.filter(({ code }) => code === 'suspect'));
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
    !step.reasons.some((reason) => reason.code === 'impure')
  );
}

function paintRow(line: string, action: Action, paint: Paint): string {
  const end = line.indexOf(' ');
  const [word, rest] = [line.slice(0, end), line.slice(end)];
  if (action === 'blocked') return paint.bad(word) + rest;
  return (action === 'build' || action === 'run' ? paint.warn(word) : paint.good(word)) + rest;
}

/** Facts about images that a plan does not contain but its JSON document does. */
export interface PlanFacts {
  /** References of the aliases that a release sets, by task. */
  readonly aliases: ReadonlyMap<TaskId, readonly string[]>;
  /** External images that the task builds on or copies from, by task. */
  readonly bases: ReadonlyMap<TaskId, readonly { readonly reference: string; readonly digest?: string }[]>;
}

/** Returns the document that `plan --json` prints. */
export function planJson(plan: Plan, facts: PlanFacts): PlanDocument {
  const tasks = [...plan.steps.values()].map(
    ({ task, action, reasons, key, tags }): PlanDocumentTask => ({
      id: task.id,
      name: task.name,
      version: task.version,
      action,
      reasons,
      key,
      needs: needIds(task),
      tags,
      publish: task.publish,
      ...(task.kind === 'image' ? imageJson(task, facts) : commandJson),
    }),
  );
  return { tasks, counts: countActions(plan) };
}

type ImageFields = Pick<
  PlanDocumentTask,
  'args' | 'labels' | 'aliases' | 'platform' | 'context' | 'dockerfile' | 'target' | 'bases'
>;

function imageJson(task: ImageTask, { aliases, bases }: PlanFacts): ImageFields {
  const { args, labels, platform, context, dockerfile, target = null } = task;
  return {
    args,
    labels,
    aliases: aliases.get(task.id) ?? [],
    platform,
    context,
    dockerfile,
    target,
    bases: (bases.get(task.id) ?? []).map(({ reference, digest }) => ({
      reference,
      digest: digest ?? /@(.+)$/.exec(reference)?.[1] ?? null,
    })),
  };
}

/** The image fields of a command. */
const commandJson: ImageFields = {
  args: {},
  labels: {},
  aliases: [],
  platform: null,
  context: null,
  dockerfile: null,
  target: null,
  bases: [],
};
