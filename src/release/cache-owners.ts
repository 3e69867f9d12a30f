import { type Registry, RegistryError } from '../model/registry.ts';
import type { Naming } from '../plan/refs.ts';
import type { CacheOwners, ListedTag } from './ownership.ts';
import { projectHash, shortHash } from './project-hash.ts';
import { forEachLimit } from './tags.ts';

/** What a project leaves in a repository of content tags, so that no other project removes its images. */
interface Announcement {
  readonly schema: 1;
  readonly repo: string;
  readonly names: readonly string[];
}

/**
 * Says in a shared repository of content tags which names this project has, before anything is uploaded. Other names get
 * another tag: registries with immutable tags take it, and names that are gone stay known.
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

const journalForm = /^release-journal-([0-9a-f]{8})(?:-|$)/;
const projectForm = /^project-([0-9a-f]{8})-[0-9a-f]{8}$/;

/**
 * Reads whose images a repository of content tags holds. `tags`: all that are there. `names`: of the project's definitions.
 * @throws RegistryError
 */
export async function queryCacheOwners(
  registry: Registry,
  naming: Naming,
  tags: readonly ListedTag[],
  names: ReadonlySet<string>,
): Promise<CacheOwners> {
  const mark = projectHash(naming);
  const there = tags.filter(({ repository }) => repository === naming.cacheRepo).map(({ tag }) => tag);
  const [otherNames, told] = [new Set<string>(), new Set<string>([mark])];
  const sameRepo: (readonly string[])[] = [];
  let hasUnknownOwner = false;
  await forEachLimit(there, async (tag) => {
    const [, project] = projectForm.exec(tag) ?? [];
    if (project === undefined) return;
    const announced = await namesAt(registry, `${naming.cacheRepo}:${tag}`, project);
    if (announced === undefined) hasUnknownOwner = true;
    else told.add(project);
    if (project === mark) sameRepo.push(announced ?? []);
    else for (const name of announced ?? []) otherNames.add(name);
  });
  const ownNames = connectedTo(names, sameRepo);
  for (const name of sameRepo.flat()) if (!ownNames.has(name)) otherNames.add(name);
  for (const tag of there) {
    const [, project] = journalForm.exec(tag) ?? [];
    if (project !== undefined && !told.has(project)) hasUnknownOwner = true;
  }
  return { ownNames: ownNames, otherNames: otherNames, hasUnknownOwner: hasUnknownOwner };
}

/**
 * The names that lead to these by announcements with a name in common: a project's names change bit by bit. Another project
 * that publishes to the same repository has no name in common.
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

/** Undefined for what is no announcement of that project. */
async function namesAt(
  registry: Registry,
  tag: string,
  project: string,
): Promise<readonly string[] | undefined> {
  try {
    const { schema, repo, names } = JSON.parse((await registry.read(tag)) ?? '') as Partial<Announcement>;
    const isGood =
      schema === 1 &&
      typeof repo === 'string' &&
      projectHash({ repo }) === project &&
      Array.isArray(names) &&
      names.every((name) => typeof name === 'string');
    return isGood ? names : undefined;
  } catch (error) {
    if (error instanceof RegistryError && error.problem !== 'broken') throw error;
    // Something else stands there: then it is not known whose images these are.
    return undefined;
  }
}
