import { diffManifests } from '../key/diff-manifests.ts';
import { formatDifference, withProjectPath } from '../key/difference.ts';
import type { Reason } from '../model/plan.ts';
import { makesFiles, type Task } from '../model/task.ts';
import type { PlanInput } from './input.ts';

/** Why a task that is not there has to be made: what differs from the last time, at best. */
export function buildReason(task: Task, input: PlanInput): Reason {
  const keyed = input.keyed.get(task.id)!;
  const latest = input.latest.get(task.id);
  const record = input.existing.records.get(keyed.key);
  if (record !== undefined && !record.shared) {
    const what = makesFiles(task)
      ? 'its kept files are gone or differ from what was made'
      : 'its image is no longer in the engine';
    return { code: 'missing', detail: what };
  }
  if (latest === undefined) return { code: 'not-built', detail: 'never made here' };
  const isOwn = latest.record.task === task.id;
  const start = isOwn ? '' : `never made here; unlike ${latest.record.task}: `;
  const code = isOwn ? 'changed' : 'not-built';
  // Without its own manifest it is read in full next, and planned again.
  if (latest.manifest === undefined || keyed.manifest === undefined)
    return { code, detail: `${start}its inputs are not those of the last time` };
  const differences = diffManifests(latest.manifest, keyed.manifest)
    .filter((difference) => isOwn || difference.name !== 'id')
    .map((difference) => formatDifference(withProjectPath(difference, task)));
  const more = differences.length > 3 ? ` and ${differences.length - 3} more` : '';
  return { code, detail: `${start}${differences.slice(0, 3).join(', ')}${more}` };
}

/** What makes a key less than exact, or its files doubtful. It is never why something is made. */
export function inputNotes(task: Task, input: PlanInput): Reason[] {
  const observed = input.observations.get(task.id);
  if (observed?.kind !== 'image' && observed?.kind !== 'before') return [];
  if (observed.impure.length + observed.vague.length + observed.suspect.length === 0) return [];
  return [
    ...observed.impure.map((detail): Reason => ({ code: 'impure', detail })),
    ...observed.vague.map((detail): Reason => ({ code: 'vague', detail: `everything counts: ${detail}` })),
    ...observed.suspect.map((detail): Reason => ({ code: 'suspect', detail })),
  ];
}
