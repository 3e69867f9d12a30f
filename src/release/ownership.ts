import { keyLabel, taskLabel } from '../model/labels.ts';
import type { RemoteContents, RemoteImage } from '../model/registry.ts';
import { type Naming, registryTag } from '../plan/refs.ts';

const day = 86_400_000;

/** Milliseconds after which tags may go. */
const limits = { dev: 14 * day, content: 30 * day };

/** A tag as it stands in a registry. */
export interface ListedTag {
  readonly repository: string;
  readonly tag: string;
  /** What it points at; undefined where that cannot be read. */
  readonly digest?: string;
}

/** Whose images a repository of content tags holds, by the names of their definitions. */
export interface CacheOwners {
  /** Names that this project has, or had when it pushed. */
  readonly ownNames: ReadonlySet<string>;
  /** Names that other projects have there. */
  readonly otherNames: ReadonlySet<string>;
  /** True: another project publishes there and does not say which names it has. */
  readonly hasUnknownOwner: boolean;
}

/** All that is known when it is decided what goes. */
export interface Inventory {
  readonly tags: readonly ListedTag[];
  /** What lies under each digest that a tag points at; what lacks here stays. */
  readonly contents: ReadonlyMap<string, RemoteContents>;
  readonly naming: Naming;
  /** Of the project's definitions. */
  readonly names: ReadonlySet<string>;
  /** `repo/name:tag` of all that the definitions name as they are now: content tags, release tags, aliases. */
  readonly named: ReadonlySet<string>;
  /** Digests that stay whatever points at them: those of release files. */
  readonly pinned: ReadonlySet<string>;
  readonly now: Date;
  /** Whose images the repository of content tags holds, where the project has one. */
  readonly owners?: CacheOwners;
}

/** A tag of ours that goes. */
export interface OldTag {
  readonly tag: string;
  /** `pass`: that an image's test passed; it goes with its image. */
  readonly kind: 'dev' | 'content' | 'pass';
  /** Milliseconds; undefined for passes. */
  readonly age?: number;
}

/** The repositories in which a project has tags of its own. */
export function repositoriesOf({ repo, cacheRepo }: Naming, names: Iterable<string>): string[] {
  const own = [...names].map((name) => `${repo}/${name}`);
  return [...new Set([...(cacheRepo !== undefined ? [cacheRepo] : []), ...own])];
}

/** A tag with what its form alone says of it. */
export interface Candidate extends OldTag {
  readonly listed: ListedTag;
  /** The full name of the content tag that it is, or is the pass of. */
  readonly contentTag?: string;
}

/**
 * What may go by its name alone: dev tags by the time in them, content tags that no task has now, passes of those. Whoever
 * finds nothing here need not look any further.
 */
export function findCandidates({
  tags,
  naming,
  names,
  named,
  now,
}: Omit<Inventory, 'contents'>): Candidate[] {
  const devPlaces = new Set(repositoriesOf({ ...bare(naming) }, names));
  return tags.flatMap((listed): Candidate[] => {
    const { repository, tag } = listed;
    if (named.has(`${repository}:${tag}`)) return [];
    const content = /^(.+-k[0-9a-f]{12})(-t[0-9a-f]{12})?$/.exec(tag);
    if (content !== null) {
      const name = `${repository}:${content[1]}`;
      const kind = content[2] === undefined ? 'content' : 'pass';
      return named.has(name) ? [] : [{ listed: listed, tag, kind, contentTag: name }];
    }
    const time = devPlaces.has(repository) ? devTime(tag) : undefined;
    const age = time === undefined ? 0 : now.getTime() - time;
    return age > limits.dev ? [{ listed: listed, tag, kind: 'dev', age }] : [];
  });
}

/** A candidate, if what it points at bears out what its form says: made by us, under this name, long ago. */
export function confirmCandidate(candidate: Candidate, facts: Inventory): Candidate[] {
  const { contents, naming, now } = facts;
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
  if (named.length === 0 || !named.every((image) => isOwn(image, listed, facts))) return [];
  if (kind === 'pass') return [candidate];
  const times = images.map(({ created }) => created ?? Number.POSITIVE_INFINITY);
  const age = now.getTime() - Math.max(...times);
  return age > limits.content ? [{ ...candidate, age }] : [];
}

/** False where an image in a repository of content tags may be another project's: then it stays. */
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

/** Under which content tags an image may be kept, by its own labels, with and without a repository for all of them. */
function contentTagsOf({ labels }: RemoteImage, naming: Naming): string[] {
  const { [keyLabel]: key, [taskLabel]: id } = labels;
  if (key === undefined || id === undefined) return [];
  const [name, version] = [id.slice(0, id.indexOf(':')), id.slice(id.indexOf(':') + 1)];
  return [naming, bare(naming)].map((each) => registryTag({ name, version }, key, each));
}

function bare({ repo, suffix, timed }: Naming): Naming {
  return { repo, suffix, timed };
}

/** `-devYYYYmmddHHMM`, in UTC; undefined for what is no time. */
function devTime(tag: string): number | undefined {
  const [, year, month, date, hour, minute] = /.-dev(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(tag) ?? [];
  const text = `${year}-${month}-${date}T${hour}:${minute}:00.000Z`;
  const time = Date.parse(text);
  // The 31st of February is no day.
  return !Number.isNaN(time) && new Date(time).toISOString() === text ? time : undefined;
}
