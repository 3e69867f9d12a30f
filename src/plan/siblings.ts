import type { Graph, TaskId } from '../model/task.ts';

/**
 * The other versions of a task's definition, the closest first: by how far apart they stand where the definition lists
 * them, of two as far the earlier one, which is likely the older.
 */
export function siblingsOf(graph: Graph, id: TaskId): TaskId[] {
  const { name } = graph.tasks.get(id)!;
  const versions = [...graph.tasks.values()].filter((task) => task.name === name).map((task) => task.id);
  const place = versions.indexOf(id);
  return versions
    .map((other, at) => ({ other, distance: Math.abs(at - place) }))
    .filter(({ other }) => other !== id)
    .sort((a, b) => a.distance - b.distance)
    .map(({ other }) => other);
}
