import type { Graph, TaskId } from '../model/task.ts';

/**
 * Returns a function that lists the other versions of a task's definition, closest first. The distance is that of their
 * positions in the definition's list of versions; at equal distance the earlier one is first.
 */
export function siblingVersions(graph: Graph): (id: TaskId) => TaskId[] {
  const byName = new Map<string, TaskId[]>();
  for (const { id, name } of graph.tasks.values()) {
    const versions = byName.get(name);
    if (versions === undefined) byName.set(name, [id]);
    else versions.push(id);
  }
  return (id) => {
    const versions = byName.get(graph.tasks.get(id)!.name)!;
    const position = versions.indexOf(id);
    return versions
      .map((other, index) => ({ other, distance: Math.abs(index - position) }))
      .filter(({ other }) => other !== id)
      .sort((a, b) => a.distance - b.distance)
      .map(({ other }) => other);
  };
}
