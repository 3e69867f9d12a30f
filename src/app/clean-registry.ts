import { computeKeys } from '../key/compute-keys.ts';
import type { RemoteContents } from '../model/registry.ts';
import { makesFiles } from '../model/task.ts';
import { type Naming, publishedTags, registryTag } from '../plan/refs.ts';
import { chooseRemovals, type Removal } from '../release/choose-removals.ts';
import { queryInventory } from '../release/inventory.ts';
import { type Inventory, repositoriesOf } from '../release/ownership.ts';
import { type ReleaseFile, releasedDigests } from '../release/release-file.ts';
import { checkDeletePermission, checkIdle, type RemovalResult, removeTags } from '../release/remove-tags.ts';
import type { Host } from './host.ts';
import { type LinkedProject, linkProject } from './link-project.ts';
import type { OpenProject } from './open-project.ts';
import type { NameOptions } from './options.ts';
import { publishContext } from './push-context.ts';
import { readOwnReleases } from './release-files.ts';
import { requireRepository } from './require-repository.ts';
import { withPlaces } from './with-places.ts';

export interface CleanRegistryOptions {
  readonly names: NameOptions;
  readonly dryRun: boolean;
  /** Releases whose images are kept, besides those whose files are below `.cache`. */
  readonly keep: readonly ReleaseFile[];
  readonly signal: AbortSignal;
}

export interface CleanRegistryResult {
  readonly naming: Naming;
  readonly inventory: Inventory;
  /** What was removed, or would be. */
  readonly removed: readonly Removal[];
  /** What another process changed meanwhile. */
  readonly changed: readonly Removal[];
  /** How many removals are left because of `error` or an interrupt. */
  readonly left: number;
  readonly error?: unknown;
}

/**
 * Removes this project's old tags from the registry, never what a tag or release that stays refers to.
 * @throws TasksError
 */
export async function cleanRegistry(
  open: OpenProject,
  { names, dryRun, keep, signal }: CleanRegistryOptions,
  host: Host,
): Promise<CleanRegistryResult> {
  const now = host.clock.now();
  const linked = await linkProject(open, names, host, signal);
  const naming = requireRepository(open.project, names, now, 'clean');
  const registry = await host.connections.registry(signal);
  const imageNames = [...linked.graph.tasks.values()].map(({ name }) => name);
  const context = await publishContext(naming, imageNames, host);
  const pinned = pinnedDigests(linked, keep);
  const facts = { ...(await namedTags(linked, naming)), naming, pinned, now };
  const known = new Map<string, RemoteContents>();
  const query = (): Promise<Inventory> =>
    queryInventory(registry, repositoriesOf(naming, facts.names), facts, known);
  await checkIdle({ ...context, registry });
  const inventory = await query();
  const removals = chooseRemovals(inventory);
  let result: RemovalResult = { removed: removals, changed: [] };
  if (!dryRun && removals.length > 0) {
    await checkDeletePermission(registry, removals, context.journalName);
    result = await removeTags(context, removals, async () => chooseRemovals(await query()), signal);
  }
  const { removed, changed, error } = result;
  const left = removals.length - removed.length - changed.length;
  return { naming, inventory, removed, changed, left, ...(error !== undefined ? { error } : {}) };
}

/** Returns all tags that the definitions name now, under this profile: content tags, release tags, aliases. */
async function namedTags(
  { graph, observer, locate }: LinkedProject,
  naming: Naming,
): Promise<Pick<Inventory, 'names' | 'named'>> {
  const { keyed } = await withPlaces({ locate }, () =>
    computeKeys(graph, new Set(graph.tasks.keys()), observer),
  );
  const names = new Set<string>();
  const named = new Set<string>();
  for (const task of graph.tasks.values()) {
    if (task.kind !== 'image' || makesFiles(task)) continue;
    names.add(task.name);
    named.add(registryTag(task, keyed.get(task.id)!.key, naming));
    for (const tag of publishedTags(task, { ...naming, suffix: '' })) named.add(tag);
    for (const alias of task.aliases) named.add(`${naming.repo}/${task.name}:${alias}`);
  }
  return { names, named };
}

/** Returns the digests that release files name. */
function pinnedDigests({ cacheFolder }: LinkedProject, keep: readonly ReleaseFile[]): ReadonlySet<string> {
  // Development pushes write release files too.
  const own = readOwnReleases(cacheFolder).filter(({ suffix }) => suffix === '');
  return new Set([...own, ...keep].flatMap(releasedDigests));
}
