import type { Plan } from '../model/plan.ts';
import { isSameResult, resultIds, type TaskRecord } from '../model/record.ts';
import { needIds, needNameOf, type TaskId } from '../model/task.ts';

/**
 * Returns the builder nodes that have the image of a task, or its last build: those that built it, and those that built another task
 * from the image that the plan uses. `previous` holds the last record of each task.
 */
export function imageNodes(
  { steps }: Plan,
  previous: ReadonlyMap<TaskId, { readonly record: TaskRecord }>,
): ReadonlyMap<TaskId, readonly string[]> {
  const nodes = new Map<TaskId, Set<string>>();
  const add = (id: TaskId, node: string): void => {
    nodes.set(id, (nodes.get(id) ?? new Set()).add(node));
  };
  for (const { task, record: current } of steps.values()) {
    const record = current?.node === undefined ? previous.get(task.id)?.record : current;
    if (record?.node === undefined) continue;
    add(task.id, record.node);
    for (const id of needIds(task)) {
      const need = steps.get(id)?.record;
      if (need !== undefined && isSameResult(record.needs[needNameOf(task, id)], resultIds(need)))
        add(id, record.node);
    }
  }
  return new Map([...nodes].map(([id, names]) => [id, [...names]]));
}
