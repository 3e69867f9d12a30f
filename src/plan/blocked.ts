import { describeBlock } from '../model/observed.ts';
import type { Reason } from '../model/plan.ts';
import { needIds, type TaskId } from '../model/task.ts';
import type { PlanInput } from './input.ts';
import { type BlockedTasks, needBlocked } from './reasons.ts';
import type { TaskStatuses } from './status.ts';

/** Returns the tasks among those to be built whose build would fail, and their dependents among them. Needs come first. */
export function findBlocked(statuses: TaskStatuses, input: PlanInput): BlockedTasks {
  const blocked = new Map<TaskId, readonly Reason[]>();
  for (const { task, buildReasons } of statuses.values()) {
    if (buildReasons.length === 0) continue;
    const own = ownReasons(task.id, input);
    const need = needIds(task).find((id) => blocked.has(id));
    if (own.length > 0) blocked.set(task.id, own);
    else if (need !== undefined) blocked.set(task.id, [needBlocked(need)]);
  }
  return blocked;
}

/** Returns why the build of a task would fail, whatever becomes of its needs. */
function ownReasons(id: TaskId, { observations, unbuildable }: PlanInput): Reason[] {
  const observed = observations.get(id);
  const { blocks = [] } = observed?.kind === 'image' || observed?.kind === 'command' ? observed : {};
  const foreign = unbuildable?.get(id);
  return [
    ...blocks.map((block): Reason => ({ code: block.code, detail: describeBlock(block) })),
    ...(foreign === undefined ? [] : [{ code: 'no-emulator', detail: foreign } as const]),
  ];
}
