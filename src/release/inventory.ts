import { type Registry, RegistryError, type RemoteContents } from '../model/registry.ts';
import { queryCacheOwners } from './cache-owners.ts';
import { findCandidates, type Inventory, type ListedTag } from './ownership.ts';
import { forEachLimit } from './tags.ts';

/**
 * Reads from the registry what `chooseRemovals` needs: the tags of each repository (one request), the digest of each tag (one
 * small request), and the contents of each manifest (two requests), unless no tag can be deleted. `project`: what the project
 * defines. `known`: manifests that were read before; newly read ones are added.
 * @throws RegistryError
 */
export async function queryInventory(
  registry: Registry,
  repositories: readonly string[],
  project: Omit<Inventory, 'tags' | 'contents' | 'owners'>,
  known: Map<string, RemoteContents>,
): Promise<Inventory> {
  const names: { repository: string; tag: string }[] = [];
  const list = async (repository: string): Promise<void> => {
    for (const tag of await registry.tags(repository)) names.push({ repository, tag });
  };
  const [first, ...others] = repositories;
  // The first request goes alone, so that an unreachable registry or a missing login is reported once.
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
  const { naming } = project;
  const owners =
    naming.cacheRepo === undefined
      ? undefined
      : await queryCacheOwners(registry, naming, tags, project.names);
  const inventory = { ...project, tags, contents: known, ...(owners ? { owners } : {}) };
  if (findCandidates(inventory).length === 0) return inventory;
  const unread = new Map(
    tags.flatMap((tag) => (tag.digest === undefined ? [] : [[tag.digest, tag] as const])),
  );
  for (const digest of known.keys()) unread.delete(digest);
  await forEachLimit([...unread], async ([digest, tag]) => {
    const found = await contentsOf(registry, tag, digest);
    if (found !== undefined) known.set(digest, found);
  });
  return inventory;
}

/** Returns undefined if the manifest no longer exists, or has a format of another tool that cannot be read. */
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
