import { DefinitionError } from '../model/errors.ts';
import { type Graph, needIds, type Task, type TaskId } from '../model/task.ts';

/** Returns the graph of tasks with resolved needs. @throws DefinitionError with the path of a cycle */
export function orderTasks(tasks: readonly Task[]): Graph {
  const byId = new Map(tasks.map((task) => [task.id, task]));
  return { tasks: sortByNeeds(byId), dependents: dependentsOf(tasks) };
}

/** Sorts tasks topologically; otherwise keeps their order. @throws DefinitionError with the path of a cycle */
function sortByNeeds(tasks: ReadonlyMap<TaskId, Task>): ReadonlyMap<TaskId, Task> {
  const sorted = new Map<TaskId, Task>();
  const open = new Set<TaskId>();
  for (const start of tasks.keys()) {
    // An explicit stack, because a graph can be deeper than JavaScript's call stack.
    const stack: { id: TaskId; rest: TaskId[] }[] = [];
    const enter = (id: TaskId): void => {
      if (sorted.has(id)) return;
      if (open.has(id)) throw cycleError([...open], id, tasks);
      open.add(id);
      const task = tasks.get(id)!;
      stack.push({ id, rest: [...needIds(task), ...task.after] });
    };
    enter(start);
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const next = top.rest.shift();
      if (next !== undefined) enter(next);
      else {
        stack.pop();
        open.delete(top.id);
        sorted.set(top.id, tasks.get(top.id)!);
      }
    }
  }
  return sorted;
}

function cycleError(open: readonly TaskId[], id: TaskId, tasks: ReadonlyMap<TaskId, Task>): DefinitionError {
  const path = [...open.slice(open.indexOf(id)), id];
  const task = tasks.get(id)!;
  return new DefinitionError([
    {
      file: task.where.file,
      definition: task.name,
      field: 'needs',
      message: `dependency cycle: ${path.join(' -> ')}`,
      ...describeReferences(path, tasks),
      expected: 'needs and after without a cycle',
    },
  ]);
}

/** Says which needs on a path come from Dockerfiles, since no definition shows them. */
function describeReferences(path: readonly TaskId[], tasks: ReadonlyMap<TaskId, Task>): { found?: string } {
  const found = path.flatMap((id, at) => {
    const task = tasks.get(id)!;
    const implied = task.needs.find(
      (need) => need.isReference && path[at + 1] !== undefined && need.tasks.includes(path[at + 1]!),
    );
    return implied === undefined || task.kind !== 'image' ? [] : [`${task.dockerfile} names ${implied.name}`];
  });
  return found.length === 0 ? {} : { found: found.join(', ') };
}

function dependentsOf(tasks: readonly Task[]): ReadonlyMap<TaskId, readonly TaskId[]> {
  const dependents = new Map<TaskId, TaskId[]>();
  for (const task of tasks) {
    for (const id of needIds(task)) {
      const list = dependents.get(id);
      if (list) list.push(task.id);
      else dependents.set(id, [task.id]);
    }
  }
  return dependents;
}
