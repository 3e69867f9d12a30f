import { type Registry, RegistryError } from '../model/registry.ts';
import type { Naming } from '../plan/refs.ts';
import type { CacheOwners, ListedTag } from './ownership.ts';
import { projectHash, shortHash } from './project-hash.ts';
import { forEachLimit } from './tags.ts';

/** What a project writes into a shared cache repository, so that no other project deletes its images. */
interface Announcement {
  readonly schema: 1;
  readonly repo: string;
  readonly names: readonly string[];
}

/**
 * Announces in a shared cache repository which names this project defines. Called before anything is uploaded. Each set of
 * names gets its own tag: that works with immutable tags, and names that are no longer defined stay known.
 * @throws RegistryError
 */
export async function announceNames(
  registry: Registry,
  naming: Naming,
  names: Iterable<string>,
): Promise<void> {
  if (naming.cacheRepo === undefined) return;
  const sorted = [...new Set(names)].sort();
  const tag = `${naming.cacheRepo}:project-${projectHash(naming)}-${shortHash(JSON.stringify(sorted))}`;
  if ((await registry.head(tag)) !== undefined) return;
  const text: Announcement = { schema: 1, repo: naming.repo, names: sorted };
  await registry.write(tag, JSON.stringify(text));
}

const journalTag = /^release-journal-([0-9a-f]{8})(?:-|$)/;
const projectTag = /^project-([0-9a-f]{8})-[0-9a-f]{8}$/;

/**
 * Finds out which projects have images in a shared cache repository. `tags`: all tags there. `names`: the names of this
 * project's definitions.
 * @throws RegistryError
 */
export async function queryCacheOwners(
  registry: Registry,
  naming: Naming,
  tags: readonly ListedTag[],
  names: ReadonlySet<string>,
): Promise<CacheOwners> {
  const ownHash = projectHash(naming);
  const cacheTags = tags.filter(({ repository }) => repository === naming.cacheRepo).map(({ tag }) => tag);
  const [otherNames, announcedProjects] = [new Set<string>(), new Set<string>([ownHash])];
  const sameRepo: (readonly string[])[] = [];
  let hasUnknownOwner = false;
  await forEachLimit(cacheTags, async (tag) => {
    const [, project] = projectTag.exec(tag) ?? [];
    if (project === undefined) return;
    const announced = await namesAt(registry, `${naming.cacheRepo}:${tag}`, project);
    if (announced === undefined) hasUnknownOwner = true;
    else announcedProjects.add(project);
    if (project === ownHash) sameRepo.push(announced ?? []);
    else for (const name of announced ?? []) otherNames.add(name);
  });
  const ownNames = connectedTo(names, sameRepo);
  for (const name of sameRepo.flat()) if (!ownNames.has(name)) otherNames.add(name);
  for (const tag of cacheTags) {
    const [, project] = journalTag.exec(tag) ?? [];
    if (project !== undefined && !announcedProjects.has(project)) hasUnknownOwner = true;
  }
  return { ownNames: ownNames, otherNames: otherNames, hasUnknownOwner: hasUnknownOwner };
}

/**
 * Returns these names and all names that are connected to them by announcements with a name in common. A project's names
 * change a few at a time; another project that publishes to the same repository shares none of them.
 */
function connectedTo(start: ReadonlySet<string>, announced: readonly (readonly string[])[]): Set<string> {
  const own = new Set(start);
  for (let before = -1; before < own.size; ) {
    before = own.size;
    for (const names of announced)
      if (names.some((name) => own.has(name))) for (const name of names) own.add(name);
  }
  return own;
}

/** Returns the names in an announcement; undefined for anything that is not an announcement of that project. */
async function namesAt(
  registry: Registry,
  tag: string,
  project: string,
): Promise<readonly string[] | undefined> {
  try {
    const { schema, repo, names } = JSON.parse((await registry.read(tag)) ?? '') as Partial<Announcement>;
    const isValid =
      schema === 1 &&
      typeof repo === 'string' &&
      projectHash({ repo }) === project &&
      Array.isArray(names) &&
      names.every((name) => typeof name === 'string');
    return isValid ? names : undefined;
  } catch (error) {
    if (error instanceof RegistryError && error.problem !== 'broken') throw error;
    // Something else has this tag, so the owner of these images is unknown.
    return undefined;
  }
}
