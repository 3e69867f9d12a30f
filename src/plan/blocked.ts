import { describeBlock } from '../model/observed.ts';
import type { Reason } from '../model/plan.ts';
import { needIds, type TaskId } from '../model/task.ts';
import type { PlanInput } from './input.ts';
import { type BlockedTasks, needBlocked } from './reasons.ts';
import type { TaskStatuses } from './status.ts';

/** Returns the tasks among those to be built whose build would fail, and their dependents among them. Needs come first. */
export function findBlocked(statuses: TaskStatuses, { observations }: PlanInput): BlockedTasks {
  const blocked = new Map<TaskId, readonly Reason[]>();
  for (const { task, buildReasons } of statuses.values()) {
    if (buildReasons.length === 0) continue;
    const observed = observations.get(task.id);
    const own = observed?.kind === 'image' || observed?.kind === 'command' ? observed.blocks : undefined;
    const need = needIds(task).find((id) => blocked.has(id));
    if (own !== undefined)
      blocked.set(
        task.id,
        own.map((block) => ({ code: block.code, detail: describeBlock(block) })),
      );
    else if (need !== undefined) blocked.set(task.id, [needBlocked(need)]);
  }
  return blocked;
}
