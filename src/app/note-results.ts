import type { Plan, Step } from '../model/plan.ts';
import type { Records } from '../model/ports.ts';
import type { TaskRecord } from '../model/record.ts';
import type { TaskId } from '../model/task.ts';
import type { PreviousRecord } from '../plan/input.ts';

/**
 * Records the manifests of results that a plan found in the engine or the registry and that this project has no record of, so
 * that `why` can explain the next change. Tasks with `maxAge` are excluded: their last record means that this machine has
 * built the current period.
 */
export async function noteExternalResults(
  { steps }: Plan,
  previous: ReadonlyMap<TaskId, PreviousRecord>,
  records: Records,
  now: Date,
): Promise<void> {
  for (const step of steps.values()) {
    const { task, key, manifest, reasons } = step;
    const exists = reasons[0]?.code === 'up-to-date' || reasons[0]?.code === 'in-registry';
    if (!exists || manifest === undefined || task.maxAgeMs !== undefined) continue;
    const last = previous.get(task.id)?.record;
    if (last?.task === task.id && last.key === key) continue;
    // No run made it at this time.
    const { run: _, ...record } = recordOf(step);
    await records.noteExternalResult({ ...record, time: now.toISOString() }, manifest);
  }
}

/** A result in the registry that nothing here needs has no record. */
function recordOf({ task, key, record }: Step): TaskRecord {
  return record ?? { key, task: task.id, needs: {}, bytes: 0, durationMs: 0, tags: [], time: '' };
}
