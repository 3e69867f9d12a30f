import type { PlanDocument, PlanDocumentTask } from '../model/documents.ts';
import { ACTIONS, type Action, type Plan, type Step } from '../model/plan.ts';
import { type ImageTask, needIds, type TaskId } from '../model/task.ts';
import { alignColumns, clip, formatDuration, pluralize } from './format.ts';
import type { Paint } from './reporter.ts';

const words: Record<Action, string> = {
  build: 'to build',
  run: 'to run',
  pull: 'to pull',
  retag: 'to retag',
  reuse: 'up to date',
  skip: 'not needed',
  blocked: 'blocked',
};

/** How many steps have each action. */
function countActions(plan: Plan): Record<Action, number> {
  const counts = Object.fromEntries(ACTIONS.map((action) => [action, 0])) as Record<Action, number>;
  for (const step of plan.steps.values()) counts[step.action]++;
  return counts;
}

/** How long what is to be done will take, from the times that it took before; milliseconds. */
export interface PlanEstimate {
  readonly expectedMs: number;
  /** What no order of tasks could do better. */
  readonly boundMs: number;
  readonly jobCount: number;
  /** Tasks whose time is not known, and what stands in for it. */
  readonly untimed: number;
  readonly assumedMs: number;
}

export interface PlanTextOptions {
  readonly verbose: boolean;
  readonly columns: number | undefined;
  /** Undefined where nothing is known of what is to be done, or nothing is to be done. */
  readonly outlook: PlanEstimate | undefined;
  /** What is worth knowing of the whole project, a line each. */
  readonly notes?: readonly string[];
}

/**
 * A plan for people: what will be done and why, cut to a terminal's width; what is up to date as a count. `verbose`: all
 * of both, a line for each reason.
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
    (action) => `${counts[action]} ${words[action]}`,
  );
  const lines = alignColumns(rows).flatMap((line, index) => [
    paintRow(verbose ? line : clip(line, width), shown[index]!.action, paint),
    ...(verbose ? reasons[index]!.slice(1).map((detail) => `         ${detail}`) : []),
  ]);
  const sum = `${pluralize(steps.length, 'task')}: ${total.join(', ')}`;
  const noted = notes.map((note) => `${paint.warn('note')} ${note}`);
  const head = [...lines, ...(lines.length > 0 ? [''] : []), sum];
  return [...head, ...foreseen(outlook), ...noted, ...suspects(steps, paint)];
}

/** Tasks of one context share what is doubtful about it: each is said once, whole, and whatever is done. */
function suspects(steps: readonly Step[], paint: Paint): string[] {
  const reasons = steps.flatMap((step) => step.reasons.filter(({ code }) => code === 'suspect'));
  return [...new Set(reasons.map(({ detail }) => detail))].map((detail) => `${paint.warn('note')} ${detail}`);
}

function foreseen(outlook: PlanEstimate | undefined): string[] {
  if (outlook === undefined) return [];
  const { expectedMs, boundMs, jobCount, untimed, assumedMs } = outlook;
  const guess =
    untimed === 0
      ? ''
      : `; ${pluralize(untimed, 'task')} never timed, taken as ${formatDuration(assumedMs)} each`;
  return [
    `about ${formatDuration(expectedMs)} with ${pluralize(jobCount, 'slot')}, at best ${formatDuration(boundMs)}${guess}`,
  ];
}

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

/** What a plan's document says of images beside their tasks. */
export interface PlanFacts {
  /** The references of the aliases that a release sets for a task. */
  readonly aliases: ReadonlyMap<TaskId, readonly string[]>;
  /** The external images that a task is built on or copies from. */
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

/** The fields of images, for a command. */
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
