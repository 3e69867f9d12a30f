import type { TaskKey } from '../key/compute-keys.ts';
import type { Records } from '../model/ports.ts';
import type { Key, TaskRecord } from '../model/record.ts';
import { type Graph, type TaskId, versionIdOf } from '../model/task.ts';
import type { PreviousRecord } from '../plan/input.ts';
import { siblingVersions } from '../plan/sibling-versions.ts';

/** Returns the last record of tasks. Before a version had several platforms, its records had no platform in their names. */
async function latestOf(
  ids: readonly TaskId[],
  graph: Graph,
  records: Records,
): Promise<ReadonlyMap<TaskId, TaskRecord>> {
  const last = new Map(await records.latest(ids));
  const former = ids.filter((id) => id.includes('@') && !last.has(id) && !graph.tasks.get(id)!.isSecondary);
  const found = await records.latest(former.map(versionIdOf));
  for (const id of former) {
    const record = found.get(versionIdOf(id));
    if (record !== undefined) last.set(id, record);
  }
  return last;
}

/**
 * Returns the record that explains each task: the record of its key if it is `known`, otherwise the task's last record, or
 * for a task that was never built that of its closest version. The manifest is included only if the key differs: only then
 * does it explain anything.
 */
export async function previousRecords(
  graph: Graph,
  scope: ReadonlySet<TaskId>,
  keyed: ReadonlyMap<TaskId, TaskKey>,
  records: Records,
  known: ReadonlyMap<Key, TaskRecord>,
): Promise<Map<TaskId, PreviousRecord>> {
  // With maxAge the last record counts: another machine's record of the same key says nothing about the engine here.
  const recordOfKey = (id: TaskId): TaskRecord | undefined =>
    graph.tasks.get(id)!.maxAgeMs === undefined ? known.get(keyed.get(id)?.key ?? '') : undefined;
  const previous = new Map<TaskId, PreviousRecord>();
  const rest: TaskId[] = [];
  for (const id of scope) {
    const record = recordOfKey(id);
    if (record === undefined) rest.push(id);
    else previous.set(id, { record });
  }
  if (rest.length === 0) return previous;
  const last = await latestOf(rest, graph, records);
  const siblingsOf = siblingVersions(graph);
  const siblings = new Map(rest.filter((id) => !last.has(id)).map((id) => [id, siblingsOf(id)]));
  const others = await records.latest([...new Set([...siblings.values()].flat())]);
  for (const id of rest) {
    const closest = siblings.get(id)?.find((other) => others.has(other));
    const record = last.get(id) ?? (closest === undefined ? undefined : others.get(closest));
    if (record === undefined) continue;
    const manifest = record.key === keyed.get(id)?.key ? undefined : await records.manifest(record.key);
    previous.set(id, { record, ...(manifest ? { manifest } : {}) });
  }
  return previous;
}
