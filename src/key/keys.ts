import type { Observations } from '../model/observed.ts';
import type { Key, Manifest } from '../model/record.ts';
import { type Graph, needIds, type TaskId } from '../model/task.ts';
import { hashManifest } from './key.ts';
import { makeManifest } from './manifest.ts';

export interface Keyed {
  readonly key: Key;
  readonly manifest: Manifest;
}

/**
 * The key and manifest of each observed task. A task with a problem, or with a need that has none, has no key and is
 * left out. `ids` must hold all that its members need.
 */
export function makeKeys(
  graph: Graph,
  ids: ReadonlySet<TaskId>,
  observations: Observations,
): ReadonlyMap<TaskId, Keyed> {
  const keyed = new Map<TaskId, Keyed>();
  const keys = new Map<TaskId, Key>();
  for (const task of graph.tasks.values()) {
    const observed = observations.get(task.id);
    if (!ids.has(task.id) || observed === undefined || observed.kind === 'problem') continue;
    if (!needIds(task).every((id) => keys.has(id))) continue;
    const manifest = makeManifest(task, observed, keys);
    const key = hashManifest(manifest);
    keys.set(task.id, key);
    keyed.set(task.id, { key, manifest });
  }
  return keyed;
}
