import { keyLabel, taskLabel } from '../model/labels.ts';
import type { RemoteContents, RemoteImage } from '../model/registry.ts';
import { type Naming, registryTag } from '../plan/refs.ts';

const day = 86_400_000;

/** Tags younger than this are kept, in milliseconds. */
const minAge = { dev: 14 * day, content: 30 * day };

/** A tag in a registry. */
export interface ListedTag {
  readonly repository: string;
  readonly tag: string;
  /** The manifest that the tag points to; undefined if it cannot be read. */
  readonly digest?: string;
}

/** Which projects have images in a shared cache repository, by the names of their definitions. */
export interface CacheOwners {
  /** Names that this project defines, or defined when it pushed. */
  readonly ownNames: ReadonlySet<string>;
  /** Names that other projects define. */
  readonly otherNames: ReadonlySet<string>;
  /** True if another project publishes there without announcing its names. */
  readonly hasUnknownOwner: boolean;
}

/** What a registry holds and what the project uses of it; everything that `chooseRemovals` decides by. */
export interface Inventory {
  readonly tags: readonly ListedTag[];
  /** What each digest that a tag points to contains. Tags whose digest is missing here are kept. */
  readonly contents: ReadonlyMap<string, RemoteContents>;
  readonly naming: Naming;
  /** The names of the project's definitions. */
  readonly names: ReadonlySet<string>;
  /** The tags that the definitions use now, `repo/name:tag`: content tags, release tags, aliases. */
  readonly named: ReadonlySet<string>;
  /** Digests that are always kept, because a release file lists them. */
  readonly pinned: ReadonlySet<string>;
  readonly now: Date;
  /** Who has images in the cache repository; undefined if the project has none. */
  readonly owners?: CacheOwners;
}

/** A tag to delete. */
export interface OldTag {
  readonly tag: string;
  /** `pass`: a tag that records a passed test; it is deleted together with its image's content tag. */
  readonly kind: 'dev' | 'content' | 'pass';
  /** In milliseconds; undefined for passes. */
  readonly age?: number;
}

/** Returns the repositories that a project pushes to. */
export function repositoriesOf({ repo, cacheRepo }: Naming, names: Iterable<string>): string[] {
  const own = [...names].map((name) => `${repo}/${name}`);
  return [...new Set([...(cacheRepo !== undefined ? [cacheRepo] : []), ...own])];
}

/** A tag whose name says that it may be deleted. */
export interface Candidate extends OldTag {
  readonly listed: ListedTag;
  /** The full name of the content tag: this tag itself, or the one that a pass belongs to. */
  readonly contentTag?: string;
}

/**
 * Returns the tags that may be deleted, judged by name alone: old dev tags, content tags that no task has now, and passes of
 * those. If there are none, no manifest needs to be read.
 */
export function findCandidates({
  tags,
  naming,
  names,
  named,
  now,
}: Omit<Inventory, 'contents'>): Candidate[] {
  const devRepositories = new Set(repositoriesOf({ ...bare(naming) }, names));
  return tags.flatMap((listed): Candidate[] => {
    const { repository, tag } = listed;
    if (named.has(`${repository}:${tag}`)) return [];
    const content = /^(.+-k[0-9a-f]{12})(-t[0-9a-f]{12})?$/.exec(tag);
    if (content !== null) {
      const name = `${repository}:${content[1]}`;
      const kind = content[2] === undefined ? 'content' : 'pass';
      return named.has(name) ? [] : [{ listed: listed, tag, kind, contentTag: name }];
    }
    const time = devRepositories.has(repository) ? devTime(tag) : undefined;
    const age = time === undefined ? 0 : now.getTime() - time;
    return age > minAge.dev ? [{ listed: listed, tag, kind: 'dev', age }] : [];
  });
}

/** Returns the candidate if its image confirms the name: `tasks` built it, for this tag, long enough ago. Otherwise none. */
export function confirmCandidate(candidate: Candidate, inventory: Inventory): Candidate[] {
  const { contents, naming, now } = inventory;
  const { kind, listed, contentTag } = candidate;
  const found = listed.digest === undefined ? undefined : contents.get(listed.digest);
  const images = found?.images ?? [];
  if (kind === 'dev') {
    const isOurs = images.some(
      ({ labels }) => `${naming.repo}/${labels[taskLabel]?.split(':')[0]}` === listed.repository,
    );
    return isOurs ? [candidate] : [];
  }
  const named = images.filter((image) => contentTagsOf(image, naming).includes(contentTag!));
  if (named.length === 0 || !named.every((image) => isOwn(image, listed, inventory))) return [];
  if (kind === 'pass') return [candidate];
  const times = images.map(({ created }) => created ?? Number.POSITIVE_INFINITY);
  const age = now.getTime() - Math.max(...times);
  return age > minAge.content ? [{ ...candidate, age }] : [];
}

/** Returns false if an image in a shared cache repository may belong to another project. */
function isOwn(
  { labels }: RemoteImage,
  { repository }: ListedTag,
  { naming, names, owners }: Inventory,
): boolean {
  if (repository !== naming.cacheRepo) return true;
  const [name = ''] = labels[taskLabel]?.split(':') ?? [];
  if (owners?.hasUnknownOwner || owners?.otherNames.has(name)) return false;
  return names.has(name) || owners?.ownNames.has(name) === true;
}

/** Returns the content tags that an image may have by its labels, with and without a cache repository. */
function contentTagsOf({ labels }: RemoteImage, naming: Naming): string[] {
  const { [keyLabel]: key, [taskLabel]: id } = labels;
  if (key === undefined || id === undefined) return [];
  const [name, version] = [id.slice(0, id.indexOf(':')), id.slice(id.indexOf(':') + 1)];
  return [naming, bare(naming)].map((each) => registryTag({ name, version }, key, each));
}

function bare({ repo, suffix, timed }: Naming): Naming {
  return { repo, suffix, timed };
}

/** Parses the time in `-devYYYYmmddHHMM` (UTC) to milliseconds since 1970; undefined for anything else. */
function devTime(tag: string): number | undefined {
  const [, year, month, date, hour, minute] = /.-dev(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(tag) ?? [];
  const text = `${year}-${month}-${date}T${hour}:${minute}:00.000Z`;
  const time = Date.parse(text);
  // Date.parse accepts February 31.
  return !Number.isNaN(time) && new Date(time).toISOString() === text ? time : undefined;
}
