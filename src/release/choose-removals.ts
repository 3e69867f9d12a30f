import { needsLabel } from '../model/labels.ts';
import type { RemoteContents } from '../model/registry.ts';
import { parseNeedsLabel } from '../plan/existing.ts';
import {
  type Candidate,
  confirmCandidate,
  findCandidates,
  type Inventory,
  type ListedTag,
  type OldTag,
} from './ownership.ts';

/** The tags of one manifest that are deleted. */
export interface Removal {
  readonly repository: string;
  readonly digest: string;
  readonly tags: readonly OldTag[];
  /** True if nothing that is kept refers to the manifest, so that the registry can garbage-collect it. */
  readonly whole: boolean;
  /** Digests and ids of everything that it contains or was built with. */
  readonly uses: readonly string[];
  /** The digests and ids by which others refer to it. */
  readonly ids: readonly string[];
}

/**
 * Chooses which of a project's tags to delete. All other tags are kept, along with everything that they refer to: the manifest
 * that a tag points to, the manifests of an index, the subject of a signature, and the images that any of them was built with.
 */
export function chooseRemovals(inventory: Inventory): Removal[] {
  const removed = new Map(
    findCandidates(inventory)
      .flatMap((each) => confirmCandidate(each, inventory))
      .map((each) => [each.listed, each]),
  );
  /** An id can belong to several manifests: the same image in two formats. */
  const digestsById = new Map<string, string[]>();
  for (const [digest, each] of inventory.contents)
    for (const id of idsOf(each)) digestsById.set(id, [...(digestsById.get(id) ?? []), digest]);
  for (;;) {
    const keptTags = inventory.tags.filter((tag) => !removed.has(tag));
    const kept = closure([...inventory.pinned, ...keptTags.flatMap(digestsIn)], (digest) => {
      const found = inventory.contents.get(digest);
      return found === undefined ? [] : usedBy(found).flatMap((id) => digestsById.get(id) ?? [id]);
    });
    const names = new Set(keptTags.map(({ repository, tag }) => `${repository}:${tag}`));
    const rescued = [...removed.values()].filter(
      ({ kind, contentTag, listed }) =>
        (kind === 'content' && kept.has(listed.digest!)) || (kind === 'pass' && names.has(contentTag!)),
    );
    if (rescued.length === 0) return removalsOf([...removed.values()], keptTags, kept, inventory);
    for (const { listed } of rescued) removed.delete(listed);
  }
}

/** Returns the digests that a tag keeps. The tag of a signature contains the digest that it signs. */
function digestsIn({ tag, digest }: ListedTag): string[] {
  const [, hex] = /^sha256-([0-9a-f]{64})(?:\.|$)/.exec(tag) ?? [];
  return [...(digest !== undefined ? [digest] : []), ...(hex !== undefined ? [`sha256:${hex}`] : [])];
}

function closure(start: readonly string[], next: (digest: string) => readonly string[]): Set<string> {
  const reached = new Set(start);
  for (const digest of reached) for (const each of next(digest)) reached.add(each);
  return reached;
}

function idsOf({ digest, images }: RemoteContents): string[] {
  return [...new Set([digest, ...images.flatMap(({ ids }) => ids)])];
}

/** Returns the digests and ids of everything that a manifest contains or was built with. */
function usedBy({ manifestDigests, images }: RemoteContents): string[] {
  return [
    ...manifestDigests,
    ...images
      .flatMap(({ labels }) => Object.values(parseNeedsLabel(labels[needsLabel]) ?? {}))
      .flatMap((identity) => identity.split(' ')),
  ];
}

function removalsOf(
  removed: readonly Candidate[],
  keptTags: readonly ListedTag[],
  kept: ReadonlySet<string>,
  { contents, naming, pinned }: Inventory,
): Removal[] {
  const groups = new Map<string, Candidate[]>();
  for (const each of removed) {
    const at = `${each.listed.repository}@${each.listed.digest}`;
    groups.set(at, [...(groups.get(at) ?? []), each]);
  }
  const cached = new Map<string, ReadonlySet<string>>();
  /** If the project has a cache repository, images elsewhere are copies, and no image is built on a copy. */
  const keptIn = (repository: string): ReadonlySet<string> => {
    if (naming.cacheRepo === undefined || naming.cacheRepo === repository) return kept;
    const own = keptTags.filter((each) => each.repository === repository);
    const found =
      cached.get(repository) ??
      closure(
        [...pinned, ...own.flatMap(digestsIn)],
        (digest) => contents.get(digest)?.manifestDigests ?? [],
      );
    cached.set(repository, found);
    return found;
  };
  /** Repositories with a tag that could not be read: it may refer to anything there. */
  const unread = new Set(
    keptTags.filter(({ digest }) => !contents.has(digest ?? '')).map((each) => each.repository),
  );
  return [...groups.values()].map((group) => {
    const { repository, digest } = group[0]!.listed as Required<ListedTag>;
    const found = contents.get(digest)!;
    return {
      repository,
      digest,
      tags: group.map(({ tag, kind, age }) => ({ tag, kind, ...(age !== undefined ? { age } : {}) })),
      whole: !keptIn(repository).has(digest) && !unread.has(repository),
      uses: usedBy(found),
      ids: idsOf(found),
    };
  });
}
