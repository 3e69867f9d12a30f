import { type CacheEntry, linkedFolders, listCacheEntries } from '../../cache/entries.ts';
import { isAlive } from '../../cache/owner.ts';
import { removeEntries, selectExpired } from '../../cache/trim.ts';
import { type ExitCode, TasksError } from '../../model/errors.ts';
import type { Engine } from '../../model/ports.ts';
import type { Graph } from '../../model/task.ts';
import { oldDevTags } from '../../plan/old-dev-tags.ts';
import { type StaleTag, staleTags } from '../../plan/stale-tags.ts';
import { type CleanedGroup, cleanText } from '../../report/clean.ts';
import { makePaint } from '../../report/paint.ts';
import { hasColor } from '../flags.ts';
import { type Io, warner } from '../io.ts';
import { keysInUse, type Prospect, planProject } from '../project.ts';
import type { RemoteFlags } from './clean-remote.ts';

export interface CleanFlags extends RemoteFlags {
  readonly remote?: boolean;
}

const words: Record<CacheEntry['kind'], string> = {
  result: 'results of tasks',
  latest: 'last records of tasks',
  manifest: 'manifests',
  log: 'logs',
  pass: 'passed tests',
  leftover: 'leftovers of killed runs',
};

/** `tasks clean`: trims `.cache` and the engine's content tags of this project; never what a plan reuses now. */
export async function clean(flags: CleanFlags, io: Io): Promise<ExitCode> {
  if (flags.remote) return await (await import('./clean-remote.ts')).cleanRemote(flags, io);
  const prospect = await planProject([], flags, io, { withoutEngine: true });
  const kept = listCacheEntries(prospect.cacheFolder);
  const chosen = selectExpired(kept, keysInUse(prospect), io.now());
  const stale = staleOf(prospect, kept, chosen, io);
  const dev = oldDevTagsOf(prospect, io);
  for (const folder of linkedFolders(prospect.cacheFolder))
    warner(io)(`${folder} is a link: nothing that stands behind it is removed`);
  const isDry = flags.dryRun === true;
  if (!isDry) {
    await removeContainers(prospect, io);
    await untagAll([...stale, ...dev], prospect.engine, io);
    removeEntries(chosen);
  }
  const trimmed = summed(chosen, stale, dev);
  if (flags.json) io.json({ dryRun: isDry, trimmed });
  else {
    const paint = makePaint(hasColor(flags, io, io.outIsTerminal));
    const options = { isDone: !isDry, verbose: flags.verbose === true };
    for (const line of cleanText(trimmed, paint, options)) io.out(`${line}\n`);
  }
  return 0;
}

function staleOf(
  prospect: Prospect,
  kept: readonly CacheEntry[],
  chosen: readonly CacheEntry[],
  io: Io,
): StaleTag[] {
  const gone = new Set(chosen);
  const recorded = kept.filter((each) => !gone.has(each)).flatMap(({ key }) => key ?? []);
  return staleTags(prospect.images, {
    naming: prospect.naming,
    names: namesOf(prospect.graph),
    keys: new Set([...recorded, ...keysInUse(prospect)]),
    used: new Set([...prospect.plan.steps.values()].flatMap(({ record }) => record?.imageId ?? [])),
    now: io.now(),
  });
}

function oldDevTagsOf({ images, naming, graph, plan, latest }: Prospect, io: Io): StaleTag[] {
  const records = [
    ...[...latest.values()].map(({ record }) => record),
    ...[...plan.steps.values()].flatMap(({ record }) => record ?? []),
  ];
  return oldDevTags(images, {
    naming,
    names: namesOf(graph),
    recorded: new Set(records.flatMap(({ tags }) => tags)),
    now: io.now(),
  });
}

function namesOf({ tasks }: Graph): Set<string> {
  return new Set([...tasks.values()].map(({ name }) => name));
}

/** What killed tests left in the engine. One that does not answer was told of when the plan was made. */
async function removeContainers({ engine, images }: Prospect, io: Io): Promise<void> {
  if (images.length === 0) return;
  try {
    await engine?.removeLeftoverTests((owner) => isAlive(owner) === false);
  } catch (error) {
    if (!(error instanceof TasksError)) throw error;
    warner(io)(`containers of tests that were killed may be left: ${error.message}`);
  }
}

async function untagAll(stale: readonly StaleTag[], engine: Engine | undefined, io: Io): Promise<void> {
  for (const { tag } of stale) {
    if (!(await engine!.untag(tag))) warner(io)(`${tag} stays: a container stands on it`);
  }
}

function summed(
  chosen: readonly CacheEntry[],
  stale: readonly StaleTag[],
  dev: readonly StaleTag[],
): CleanedGroup[] {
  const kinds = (Object.keys(words) as CacheEntry['kind'][]).map((kind): CleanedGroup => {
    const own = chosen.filter((each) => each.kind === kind);
    return { what: words[kind], names: own.map(({ paths }) => paths[0]!), bytes: bytesOf(own) };
  });
  return [
    ...kinds,
    { what: 'content tags in the engine', names: stale.map(({ tag }) => tag), bytes: bytesOf(stale) },
    { what: 'dev tags of earlier runs', names: dev.map(({ tag }) => tag), bytes: bytesOf(dev) },
  ];
}

function bytesOf(things: readonly { readonly bytes: number }[]): number {
  return things.reduce((sum, { bytes }) => sum + bytes, 0);
}
