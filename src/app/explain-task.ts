import { resolveSelectors } from '../graph/select.ts';
import { diffManifests } from '../key/diff-manifests.ts';
import { type Difference, withProjectPath } from '../key/difference.ts';
import { TasksError } from '../model/errors.ts';
import type { Step } from '../model/plan.ts';
import type { Manifest } from '../model/record.ts';
import { versionIdOf } from '../model/task.ts';
import type { PlannedProject } from './plan-project.ts';

/** Why a task is what it is, and how its manifest differs from another one. */
export interface Explanation {
  readonly task: string;
  readonly action: string;
  readonly reasons: Step['reasons'];
  /** What the task was compared with: a task, and the time of its record unless it is the task as it is now. */
  readonly against?: { readonly task: string; readonly time?: string };
  readonly differences: readonly Difference[];
}

/**
 * Compares a task with its nearest record, or with another task. Selectors must name one task each.
 * @throws TasksError with exit code 2
 */
export function explainTask(
  planned: PlannedProject,
  selector: string,
  otherSelector: string | undefined,
): { readonly explanation: Explanation; readonly manifest: Manifest | undefined } {
  const step = stepOf(selector, planned);
  const explanation =
    otherSelector === undefined
      ? compareWithRecord(step, planned)
      : compareWithTask(step, stepOf(otherSelector, planned));
  return { explanation, manifest: step.manifest };
}

function stepOf(selector: string, { graph, plan }: PlannedProject): Step {
  const [id, ...more] = resolveSelectors(graph, [selector]);
  if (more.length === 0) return plan.steps.get(id!)!;
  throw new TasksError(2, `"${selector}" selects ${more.length + 1} tasks`, {
    hint: `select one: ${[id, ...more].slice(0, 8).join(', ')}`,
  });
}

function compareWithRecord(
  { task, action, reasons, manifest }: Step,
  { previous }: PlannedProject,
): Explanation {
  const common = { task: task.id, action, reasons };
  const nearest = previous.get(task.id);
  if (nearest === undefined) return { ...common, differences: [] };
  const { record } = nearest;
  const isSameTask = versionIdOf(record.task) === versionIdOf(task.id);
  return {
    ...common,
    against: { task: record.task, time: record.time },
    differences: diff(nearest.manifest, manifest, isSameTask).map((each) => withProjectPath(each, task)),
  };
}

function compareWithTask({ task, action, reasons, manifest }: Step, other: Step): Explanation {
  const differences = diff(other.manifest, manifest, false);
  return { task: task.id, action, reasons, against: { task: other.task.id }, differences };
}

function diff(before: Manifest | undefined, after: Manifest | undefined, isSameTask: boolean): Difference[] {
  if (before === undefined || after === undefined) return [];
  // Two tasks always have two names.
  return diffManifests(before, after).filter(
    ({ kind, name }) => isSameTask || kind !== 'task' || name !== 'id',
  );
}
