import type { Graph, TaskId } from '../model/task.ts';

/**
 * Tells the other versions of a task's definition, the closest first: by how far apart they stand where the definition lists
 * them, of two as far the earlier one, which is likely the older.
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
    const place = versions.indexOf(id);
    return versions
      .map((other, at) => ({ other, distance: Math.abs(at - place) }))
      .filter(({ other }) => other !== id)
      .sort((a, b) => a.distance - b.distance)
      .map(({ other }) => other);
  };
}
