import type { TaskKey } from '../key/compute-keys.ts';
import type { Records } from '../model/ports.ts';
import type { Key, TaskRecord } from '../model/record.ts';
import type { Graph, TaskId } from '../model/task.ts';
import type { PreviousRecord } from '../plan/input.ts';
import { siblingVersions } from '../plan/sibling-versions.ts';

/**
 * The record of each task's key among those `known`, or else its last record, or, of one that was never made, of its closest
 * version. The manifest comes with it only where the key is another one, since only then it explains something.
 */
export async function nearestOf(
  graph: Graph,
  scope: ReadonlySet<TaskId>,
  keyed: ReadonlyMap<TaskId, TaskKey>,
  records: Records,
  known: ReadonlyMap<Key, TaskRecord>,
): Promise<Map<TaskId, PreviousRecord>> {
  // Where age counts the last record is asked for: another machine's, of the same key, says nothing of this one's engine.
  const made = (id: TaskId): TaskRecord | undefined =>
    graph.tasks.get(id)!.maxAgeMs === undefined ? known.get(keyed.get(id)?.key ?? '') : undefined;
  const nearest = new Map<TaskId, PreviousRecord>();
  const rest: TaskId[] = [];
  for (const id of scope) {
    const record = made(id);
    if (record === undefined) rest.push(id);
    else nearest.set(id, { record });
  }
  if (rest.length === 0) return nearest;
  const last = await records.latest(rest);
  const siblingsOf = siblingVersions(graph);
  const siblings = new Map(rest.filter((id) => !last.has(id)).map((id) => [id, siblingsOf(id)]));
  const others = await records.latest([...new Set([...siblings.values()].flat())]);
  for (const id of rest) {
    const closest = siblings.get(id)?.find((other) => others.has(other));
    const record = last.get(id) ?? (closest === undefined ? undefined : others.get(closest));
    if (record === undefined) continue;
    const manifest = record.key === keyed.get(id)?.key ? undefined : await records.manifest(record.key);
    nearest.set(id, { record, ...(manifest ? { manifest } : {}) });
  }
  return nearest;
}
