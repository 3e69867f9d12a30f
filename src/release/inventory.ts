import { type Registry, RegistryError, type RemoteContents } from '../model/registry.ts';
import { queryCacheOwners } from './cache-owners.ts';
import { findCandidates, type Inventory, type ListedTag } from './ownership.ts';
import { forEachLimit } from './tags.ts';

/**
 * Reads what is decided by: a list of each repository, a small request for each tag, and, where anything may go, two for
 * each manifest. `known`: manifests that were read before, which never change; those read now are added.
 * @throws RegistryError
 */
export async function queryInventory(
  registry: Registry,
  repositories: readonly string[],
  about: Omit<Inventory, 'tags' | 'contents' | 'owners'>,
  known: Map<string, RemoteContents>,
): Promise<Inventory> {
  const names: { repository: string; tag: string }[] = [];
  const list = async (repository: string): Promise<void> => {
    for (const tag of await registry.tags(repository)) names.push({ repository, tag });
  };
  const [first, ...others] = repositories;
  // One registry that is out of reach, or does not know us, says it once.
  if (first !== undefined) await list(first);
  await forEachLimit(others, list);
  const tags: ListedTag[] = [];
  await forEachLimit(names, async (name) => {
    const digest = await registry.head(`${name.repository}:${name.tag}`);
    tags.push({ ...name, ...(digest !== undefined ? { digest } : {}) });
  });
  tags.sort((a, b) =>
    a.repository === b.repository ? compare(a.tag, b.tag) : compare(a.repository, b.repository),
  );
  const { naming } = about;
  const owners =
    naming.cacheRepo === undefined ? undefined : await queryCacheOwners(registry, naming, tags, about.names);
  const facts = { ...about, tags, contents: known, ...(owners ? { owners } : {}) };
  if (findCandidates(facts).length === 0) return facts;
  const unread = new Map(
    tags.flatMap((seen) => (seen.digest === undefined ? [] : [[seen.digest, seen] as const])),
  );
  for (const digest of known.keys()) unread.delete(digest);
  await forEachLimit([...unread], async ([digest, seen]) => {
    const found = await contentsOf(registry, seen, digest);
    if (found !== undefined) known.set(digest, found);
  });
  return facts;
}

/** Undefined where it is gone meanwhile, or is of a kind that we cannot read. */
async function contentsOf(
  registry: Registry,
  { repository, tag }: ListedTag,
  digest: string,
): Promise<RemoteContents | undefined> {
  try {
    return await registry.contents(`${repository}@${digest}`);
  } catch (error) {
    const isForeign = !/-k[0-9a-f]{12}(-t[0-9a-f]{12})?$/.test(tag);
    if (isForeign && error instanceof RegistryError && error.problem === 'broken') return undefined;
    throw error;
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
