import type { Step } from '../model/plan.ts';
import { needIds, type TaskId, versionIdOf } from '../model/task.ts';
import type { PushTags } from '../plan/input.ts';
import type { Results } from '../run/needs.ts';

/**
 * Returns the tasks that a push leaves out, each with the reason: tasks with `allowFailure` that failed or whose test failed,
 * their dependents, and the other platforms of their versions. `steps`: each step after its needs. `passed`: the tasks whose test passed, with the test's digest.
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
    if (need !== undefined) omitted.set(task.id, `it depends on ${need}`);
    else if (!results.has(task.id)) omitted.set(task.id, 'it failed (allowFailure is set)');
    else if (isTested && !passed.has(task.id)) omitted.set(task.id, 'its test failed (allowFailure is set)');
  }
  // An index has all platforms of its version.
  for (const id of published.keys()) {
    const other = [...omitted.keys()].find((each) => versionIdOf(each) === versionIdOf(id));
    if (other !== undefined && !omitted.has(id)) omitted.set(id, `${other} is left out`);
  }
  return omitted;
}
