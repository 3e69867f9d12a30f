import type { Graph, Task, TaskId } from '../model/task.ts';

/**
 * Returns a function that lists the other versions of a task's definition for its platform, closest first. The distance is that of their
 * positions in the definition's list of versions; at equal distance the earlier one is first.
 */
export function siblingVersions(graph: Graph): (id: TaskId) => TaskId[] {
  const byName = new Map<string, TaskId[]>();
  for (const task of graph.tasks.values()) {
    const family = familyOf(task);
    const versions = byName.get(family);
    if (versions === undefined) byName.set(family, [task.id]);
    else versions.push(task.id);
  }
  return (id) => {
    const versions = byName.get(familyOf(graph.tasks.get(id)!))!;
    const position = versions.indexOf(id);
    return versions
      .map((other, index) => ({ other, distance: Math.abs(index - position) }))
      .filter(({ other }) => other !== id)
      .sort((a, b) => a.distance - b.distance)
      .map(({ other }) => other);
  };
}

/** Versions for other platforms are no siblings. */
function familyOf({ name, platform }: Task): string {
  return `${name} ${platform}`;
}
