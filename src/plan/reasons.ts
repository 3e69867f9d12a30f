import { diffManifests } from '../key/diff-manifests.ts';
import { formatDifference, withProjectPath } from '../key/difference.ts';
import type { Reason } from '../model/plan.ts';
import { makesFiles, type Task, type TaskId, versionIdOf } from '../model/task.ts';
import type { PlanInput } from './input.ts';
import { findVolatileValues } from './volatile-values.ts';

/** Returns why a task without a result must be built: if possible, the inputs that changed since the previous record. */
export function buildReason(task: Task, input: PlanInput): Reason {
  const keyed = input.keyed.get(task.id)!;
  const latest = input.latest.get(task.id);
  const record = input.existing.records.get(keyed.key);
  if (record !== undefined && !record.shared) {
    const what = makesFiles(task)
      ? 'its output files are missing or were modified'
      : 'its image is no longer in the engine';
    return { code: 'missing', detail: what };
  }
  if (latest === undefined) return { code: 'not-built', detail: 'not built before' };
  const isOwn = versionIdOf(latest.record.task) === versionIdOf(task.id);
  const prefix = isOwn ? '' : `not built before; compared with ${latest.record.task}: `;
  const code = isOwn ? 'changed' : 'not-built';
  // Without a manifest the caller reads the task in full and plans again.
  if (latest.manifest === undefined || keyed.manifest === undefined)
    return { code, detail: `${prefix}its inputs changed` };
  const differences = diffManifests(latest.manifest, keyed.manifest)
    .filter((difference) => isOwn || difference.name !== 'id')
    .map((difference) => formatDifference(withProjectPath(difference, task)));
  const more = differences.length > 3 ? ` and ${differences.length - 3} more` : '';
  return { code, detail: `${prefix}${differences.slice(0, 3).join(', ')}${more}` };
}

/** The tasks that cannot be built or run, and why. */
export type BlockedTasks = ReadonlyMap<TaskId, readonly Reason[]>;

/** Returns the reason of a task that needs a blocked task. */
export function needBlocked(need: TaskId): Reason {
  return { code: 'need-blocked', detail: `${need} is blocked` };
}

/** Returns a note on what the definition wants of an image that only builders make. It never causes a build. */
export function notApplied(task: Task, { registryOnly }: PlanInput): Reason[] {
  if (registryOnly || task.kind !== 'image') return [];
  const fields = (['attest', 'annotations'] as const).filter((field) => task[field] !== undefined);
  if (fields.length === 0) return [];
  const detail = `${fields.join(' and ')} of ${task.name}: a docker engine does not apply them; build with --builder`;
  return [{ code: 'not-applied', detail }];
}

/** Returns notes on inexact keys, suspect files, and values that change by themselves. They never cause a build. */
export function inputNotes(task: Task, input: PlanInput): Reason[] {
  const observed = input.observations.get(task.id);
  if (observed?.kind !== 'image' && observed?.kind !== 'before') return [];
  const changing =
    task.kind === 'image' && input.moment ? findVolatileValues(task, observed, input.moment) : [];
  const brokenTest =
    (observed.kind === 'image' ? observed.brokenTest : undefined) ?? input.untestable?.get(task.id);
  const count = observed.impure.length + observed.vague.length + observed.suspect.length + changing.length;
  if (count === 0 && brokenTest === undefined) return [];
  return [
    ...(brokenTest === undefined ? [] : [{ code: 'broken-test', detail: brokenTest } as const]),
    ...observed.impure.map(({ detail }): Reason => ({ code: 'impure', detail })),
    ...observed.vague.map((detail): Reason => ({ code: 'vague', detail: `all inputs are keyed: ${detail}` })),
    ...[...observed.suspect, ...changing].map((detail): Reason => ({ code: 'suspect', detail })),
  ];
}
