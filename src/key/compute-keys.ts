import type { Observations, Observed, ObservedCommand, ObservedImage } from '../model/observed.ts';
import type { Observer } from '../model/ports.ts';
import type { Key, Manifest } from '../model/record.ts';
import { type Graph, needIds, type Task, type TaskId } from '../model/task.ts';
import { hashManifest } from './hash-manifest.ts';
import { makeManifest } from './manifest.ts';

export interface TaskKey {
  readonly key: Key;
  /** Undefined where the key was known without reading what the task is made from. */
  readonly manifest?: Manifest;
}

export interface KeyedTasks {
  readonly keyed: ReadonlyMap<TaskId, TaskKey>;
  readonly observations: Observations;
}

/**
 * The key and manifest of each task. One with a problem, or with a need that has none, has no key and is left out. `ids` must
 * hold all that its members need; those of `inFull` are read even where nothing has moved.
 * @throws DefinitionError (exit 2) with all faults that only the disk shows
 */
export async function computeKeys(
  graph: Graph,
  ids: ReadonlySet<TaskId>,
  observer: Observer,
  inFull: ReadonlySet<TaskId> = new Set(),
): Promise<KeyedTasks> {
  const keyed = new Map<TaskId, TaskKey>();
  const observations = new Map<TaskId, Observed>();
  for (const task of graph.tasks.values()) {
    if (!ids.has(task.id)) continue;
    const needs = needIds(task);
    const hasKeys = needs.every((id) => keyed.has(id));
    const needKeys = hasKeys ? needs.map((id) => keyed.get(id)!.key) : [];
    const before = hasKeys && !inFull.has(task.id) ? observer.recall(task, needKeys) : undefined;
    if (before !== undefined) {
      observations.set(task.id, before);
      keyed.set(task.id, { key: before.key });
      continue;
    }
    const observed = await observer.observe(task);
    if (observed === undefined) continue;
    observations.set(task.id, observed);
    if (observed.kind === 'problem' || !hasKeys) continue;
    const one = keyOf(task, observed, keyed);
    keyed.set(task.id, one);
    observer.remember(task, needKeys, one.key);
  }
  observer.finish();
  return { keyed, observations };
}

function keyOf(
  task: Task,
  observed: ObservedImage | ObservedCommand,
  keyed: ReadonlyMap<TaskId, TaskKey>,
): TaskKey {
  const manifest = makeManifest(task, observed, new Map(needIds(task).map((id) => [id, keyed.get(id)!.key])));
  return { key: hashManifest(manifest), manifest };
}
