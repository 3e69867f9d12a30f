import type { Observations } from '../model/observed.ts';
import type { Plan } from '../model/plan.ts';
import type { Task, TaskId } from '../model/task.ts';

/** Returns the tasks whose tests are to run. A push does not test images that it does not publish. */
export function testedTasks(
  tasks: readonly Task[],
  selected: ReadonlySet<TaskId>,
  { tests, push }: { readonly tests?: boolean; readonly push?: unknown },
): Set<TaskId> {
  if (!tests) return new Set();
  const tested = tasks.filter(
    (task) =>
      selected.has(task.id) &&
      task.kind === 'image' &&
      task.test !== undefined &&
      (push === undefined || task.publish),
  );
  return new Set(tested.map(({ id }) => id));
}

/** Returns those of the tasks whose tests can be read. */
export function testable(tested: ReadonlySet<TaskId>, observations: Observations): ReadonlySet<TaskId> {
  const broken = unreadableTests(observations);
  return broken.size === 0 ? tested : new Set([...tested].filter((id) => !broken.has(id)));
}

/** Returns why tests cannot run, by task: broken tests, and those of images to be built for a platform that the engine does not run. */
export function brokenTests({
  observations,
  plan,
  untestable,
}: {
  readonly observations: Observations;
  readonly plan: Plan;
  readonly untestable: ReadonlyMap<TaskId, string>;
}): ReadonlyMap<TaskId, string> {
  const isNew = ([id]: readonly [TaskId, string]): boolean => plan.steps.get(id)?.action === 'build';
  return new Map([...[...untestable].filter(isNew), ...unreadableTests(observations)]);
}

function unreadableTests(observations: Observations): ReadonlyMap<TaskId, string> {
  const broken = new Map<TaskId, string>();
  for (const [id, observed] of observations)
    if (observed.kind === 'image' && observed.brokenTest !== undefined) broken.set(id, observed.brokenTest);
  return broken;
}
