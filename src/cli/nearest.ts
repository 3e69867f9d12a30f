import type { Keyed } from '../key/keys.ts';
import type { Records } from '../model/ports.ts';
import type { Graph, TaskId } from '../model/task.ts';
import type { Nearest } from '../plan/input.ts';
import { siblingsOf } from '../plan/siblings.ts';

/**
 * The last record of each task, or, of one that was never made, of its closest version. The manifest comes with it only
 * where the key is another one, since only then it explains something.
 */
export async function nearestOf(
  graph: Graph,
  scope: ReadonlySet<TaskId>,
  keyed: ReadonlyMap<TaskId, Keyed>,
  records: Records,
): Promise<Map<TaskId, Nearest>> {
  const own = await records.latest([...scope]);
  const siblings = new Map([...scope].filter((id) => !own.has(id)).map((id) => [id, siblingsOf(graph, id)]));
  const others = await records.latest([...new Set([...siblings.values()].flat())]);
  const nearest = new Map<TaskId, Nearest>();
  for (const id of scope) {
    const closest = siblings.get(id)?.find((other) => others.has(other));
    const record = own.get(id) ?? (closest === undefined ? undefined : others.get(closest));
    if (record === undefined) continue;
    const manifest = record.key === keyed.get(id)?.key ? undefined : await records.manifest(record.key);
    nearest.set(id, { record, ...(manifest ? { manifest } : {}) });
  }
  return nearest;
}
