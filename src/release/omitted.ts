import type { Step } from '../model/plan.ts';
import { needIds, type TaskId } from '../model/task.ts';
import type { PushTags } from '../plan/input.ts';
import type { Results } from '../run/needs.ts';

/**
 * The tasks that a push leaves out, each with why: what failed, or failed its test, where its definition allows that, and
 * whatever stands on it. `steps`: each after what it needs. `passed`: the tests that have passed.
 */
export function omittedTasks(
  steps: readonly Step[],
  published: ReadonlyMap<TaskId, PushTags>,
  results: Results,
  passed: ReadonlyMap<TaskId, string>,
): Map<TaskId, string> {
  const omitted = new Map<TaskId, string>();
  for (const { task, action } of steps) {
    if (action === 'skip') continue;
    const need = needIds(task).find((id) => omitted.has(id));
    const isTested = published.has(task.id) && task.kind === 'image' && task.test !== undefined;
    if (need !== undefined) omitted.set(task.id, `it stands on ${need}`);
    else if (!results.has(task.id)) omitted.set(task.id, 'it failed, which its definition allows');
    else if (isTested && !passed.has(task.id))
      omitted.set(task.id, 'it failed its test, which its definition allows');
  }
  return omitted;
}
