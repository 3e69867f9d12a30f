import { normalizePlatform } from '../model/platform.ts';
import { type Task, type TaskId, versionIdOf } from '../model/task.ts';

/** Tells whether two names mean the same platform: `linux/arm64` and `linux/arm64/v8`. */
export function isSamePlatform(one: string, other: string): boolean {
  return one === other || normalizePlatform(one) === normalizePlatform(other);
}

/** Returns the platform to take of several if none is asked for: that of this machine, or else the first in their order. */
export function choosePlatform(platforms: readonly string[], machinePlatform: string): string {
  const own = platforms.find((platform) => isSamePlatform(platform, machinePlatform));
  return own ?? [...platforms].sort()[0]!;
}

/**
 * Returns, of tasks that differ in their platforms, those that serve `platform`; others are kept. Of a version without that
 * platform it returns the one that `choosePlatform` takes: whether it serves depends on how it is used.
 */
export function matchPlatforms<T extends { readonly task: Task }>(
  candidates: readonly T[],
  platform: string | undefined,
): T[] {
  if (!candidates.some(({ task }) => task.id.includes('@'))) return [...candidates];
  const versions = new Map<string, T[]>();
  for (const each of candidates) {
    const id = versionIdOf(each.task.id);
    versions.set(id, [...(versions.get(id) ?? []), each]);
  }
  return [...versions.values()].map((all) => pickPlatform(all, platform));
}

function pickPlatform<T extends { readonly task: Task }>(all: readonly T[], platform: string | undefined): T {
  const own =
    platform === undefined
      ? undefined
      : all.find(({ task }) => task.platform !== undefined && isSamePlatform(task.platform, platform));
  return own ?? all.find(({ task }) => !task.isSecondary) ?? all[0]!;
}

/** Returns the task of the same version for another platform; undefined if there is none. */
export function taskForPlatform(
  tasks: ReadonlyMap<TaskId, Task>,
  id: TaskId,
  platform: string,
): Task | undefined {
  const task = tasks.get(id)!;
  if (task.platform === undefined || isSamePlatform(task.platform, platform)) return task;
  const version = versionIdOf(id);
  // The id has the platform as it is written in the definition.
  const direct = tasks.get(`${version}@${platform}`);
  if (direct !== undefined) return direct;
  return [...tasks.values()].find(
    (each) =>
      versionIdOf(each.id) === version &&
      each.platform !== undefined &&
      isSamePlatform(each.platform, platform),
  );
}
