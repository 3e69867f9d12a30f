import type { Observations, Observed, ObservedCommand, ObservedImage } from '../model/observed.ts';
import type { Observer } from '../model/ports.ts';
import type { Key, Manifest } from '../model/record.ts';
import { type Graph, needIds, type Task, type TaskId } from '../model/task.ts';
import { hashManifest } from './hash-manifest.ts';
import { makeManifest } from './manifest.ts';

export interface TaskKey {
  readonly key: Key;
  /** Undefined if the key was known without reading the task's inputs. */
  readonly manifest?: Manifest;
}

export interface KeyedTasks {
  readonly keyed: ReadonlyMap<TaskId, TaskKey>;
  readonly observations: Observations;
}

/**
 * Returns the key and manifest of each task in `ids`, which must include all needs of its tasks. A task with a problem has no
 * key, and neither have its dependents. The inputs of the tasks in `readInFull` are read even if nothing changed since the last
 * run.
 * @throws DefinitionError (exit 2) with all problems of the definitions that only the files show
 */
export async function computeKeys(
  graph: Graph,
  ids: ReadonlySet<TaskId>,
  observer: Observer,
  readInFull: ReadonlySet<TaskId> = new Set(),
): Promise<KeyedTasks> {
  const keyed = new Map<TaskId, TaskKey>();
  const observations = new Map<TaskId, Observed>();
  for (const task of graph.tasks.values()) {
    if (!ids.has(task.id)) continue;
    const needs = needIds(task);
    const hasKeys = needs.every((id) => keyed.has(id));
    const needKeys = hasKeys ? needs.map((id) => keyed.get(id)!.key) : [];
    const unchanged = hasKeys && !readInFull.has(task.id) ? observer.recall(task, needKeys) : undefined;
    if (unchanged !== undefined) {
      observations.set(task.id, unchanged);
      keyed.set(task.id, { key: unchanged.key });
      continue;
    }
    const observed = await observer.observe(task);
    if (observed === undefined) continue;
    observations.set(task.id, observed);
    if (observed.kind === 'problem' || !hasKeys) continue;
    const taskKey = computeKey(task, observed, keyed);
    keyed.set(task.id, taskKey);
    observer.remember(task, needKeys, taskKey.key);
  }
  observer.finish();
  return { keyed, observations };
}

function computeKey(
  task: Task,
  observed: ObservedImage | ObservedCommand,
  keyed: ReadonlyMap<TaskId, TaskKey>,
): TaskKey {
  const manifest = makeManifest(task, observed, new Map(needIds(task).map((id) => [id, keyed.get(id)!.key])));
  return { key: hashManifest(manifest), manifest };
}
