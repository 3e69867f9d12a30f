import type { Plan, Step } from '../model/plan.ts';
import type { Records } from '../model/ports.ts';
import type { TaskRecord } from '../model/record.ts';
import type { TaskId } from '../model/task.ts';
import type { PreviousRecord } from '../plan/input.ts';

/**
 * Notes what the results were made from that a plan found in the engine or the registry, where this folder has no record of
 * their keys: `why` then explains the next change. Tasks with `maxAge` are left out, since a last record of theirs says that
 * this machine has built the period.
 */
export async function noteFound(
  { steps }: Plan,
  latest: ReadonlyMap<TaskId, PreviousRecord>,
  records: Records,
  now: Date,
): Promise<void> {
  for (const step of steps.values()) {
    const { task, key, manifest, reasons } = step;
    const isFound = reasons[0]?.code === 'up-to-date' || reasons[0]?.code === 'in-registry';
    if (!isFound || manifest === undefined || task.maxAgeMs !== undefined) continue;
    const nearest = latest.get(task.id)?.record;
    if (nearest?.task === task.id && nearest.key === key) continue;
    await records.noteExternalResult({ ...recordOf(step), time: now.toISOString() }, manifest);
  }
}

/** A result in the registry that nothing here needs has no record. */
function recordOf({ task, key, record }: Step): TaskRecord {
  return record ?? { key, task: task.id, needs: {}, bytes: 0, durationMs: 0, tags: [], time: '' };
}
