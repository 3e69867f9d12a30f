import { type CacheEntry, linkedFolders, listCacheEntries } from '../cache/entries.ts';
import { isAlive } from '../cache/owner.ts';
import { removeEntries, selectExpired } from '../cache/trim.ts';
import { TasksError } from '../model/errors.ts';
import type { Graph } from '../model/task.ts';
import { oldDevTags } from '../plan/old-dev-tags.ts';
import { type StaleTag, staleTags } from '../plan/stale-tags.ts';
import type { Host } from './host.ts';
import { warnWith } from './notices.ts';
import { keysInUse, type PlannedProject } from './plan-project.ts';

/** What a clean removes, or would remove. */
export interface CleanResult {
  /** Entries of `.cache`. */
  readonly entries: readonly CacheEntry[];
  /** Content tags of this project in the engine that nothing uses. */
  readonly contentTags: readonly StaleTag[];
  /** Run tags of earlier development builds. */
  readonly devTags: readonly StaleTag[];
}

/**
 * Removes old entries of `.cache` and old tags of this project from the engine, never what the plan uses. `planned`: the whole
 * project. `dryRun`: removes nothing.
 */
export async function cleanProject(
  planned: PlannedProject,
  { dryRun }: { readonly dryRun: boolean },
  host: Host,
): Promise<CleanResult> {
  const { cacheFolder } = planned;
  const warn = warnWith(host.notify);
  const now = host.clock.now();
  const all = listCacheEntries(cacheFolder);
  const entries = selectExpired(all, keysInUse(planned), now);
  const contentTags = unusedContentTags(planned, all, entries, now);
  const devTags = unusedDevTags(planned, now);
  for (const folder of linkedFolders(cacheFolder)) warn(`${folder} is a link: nothing in it is removed`);
  if (!dryRun) {
    await removeTestContainers(planned, warn);
    for (const { tag } of [...contentTags, ...devTags])
      if (!(await planned.engine!.untag(tag))) warn(`${tag} is kept: a container uses it`);
    removeEntries(entries);
  }
  return { entries, contentTags, devTags };
}

function unusedContentTags(
  planned: PlannedProject,
  all: readonly CacheEntry[],
  expired: readonly CacheEntry[],
  now: Date,
): StaleTag[] {
  const { images, naming, graph, plan } = planned;
  const removed = new Set(expired);
  const recorded = all.filter((entry) => !removed.has(entry)).flatMap(({ key }) => key ?? []);
  return staleTags(images, {
    naming,
    names: imageNames(graph),
    keys: new Set([...recorded, ...keysInUse(planned)]),
    used: new Set([...plan.steps.values()].flatMap(({ record }) => record?.imageId ?? [])),
    now,
  });
}

function unusedDevTags({ images, naming, graph, plan, previous }: PlannedProject, now: Date): StaleTag[] {
  const records = [
    ...[...previous.values()].map(({ record }) => record),
    ...[...plan.steps.values()].flatMap(({ record }) => record ?? []),
  ];
  const recorded = new Set(records.flatMap(({ tags }) => tags));
  return oldDevTags(images, { naming, names: imageNames(graph), recorded, now });
}

function imageNames({ tasks }: Graph): Set<string> {
  return new Set([...tasks.values()].map(({ name }) => name));
}

/** Removes containers that killed tests left behind. The plan has already reported an engine that does not answer. */
async function removeTestContainers(
  { engine, images }: PlannedProject,
  warn: (message: string) => void,
): Promise<void> {
  if (images.length === 0) return;
  try {
    await engine?.removeLeftoverTests((owner) => isAlive(owner) === false);
  } catch (error) {
    if (!(error instanceof TasksError)) throw error;
    warn(`containers of killed tests may remain: ${error.message}`);
  }
}
