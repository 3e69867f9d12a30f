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

/** What goes of one manifest. */
export interface Removal {
  readonly repository: string;
  readonly digest: string;
  readonly tags: readonly OldTag[];
  /** True: nothing that stays names the manifest, which is the registry's to collect then. */
  readonly whole: boolean;
  /** Digests and ids of all that it holds or was made with. */
  readonly uses: readonly string[];
  /** By which others use it. */
  readonly ids: readonly string[];
}

/**
 * What goes of a project's tags. Everything else stays, and keeps what it names: the manifest that a tag points at, what an
 * index holds, what a signature is of, and what any of them was made with.
 */
export function chooseRemovals(facts: Inventory): Removal[] {
  const going = new Map(
    findCandidates(facts)
      .flatMap((each) => confirmCandidate(each, facts))
      .map((each) => [each.listed, each]),
  );
  /** An id may be of several: the same image in manifests of two kinds. */
  const known = new Map<string, string[]>();
  for (const [digest, each] of facts.contents)
    for (const id of idsOf(each)) known.set(id, [...(known.get(id) ?? []), digest]);
  for (;;) {
    const staying = facts.tags.filter((seen) => !going.has(seen));
    const kept = closure([...facts.pinned, ...staying.flatMap(namedBy)], (digest) => {
      const found = facts.contents.get(digest);
      return found === undefined ? [] : usedBy(found).flatMap((id) => known.get(id) ?? [id]);
    });
    const names = new Set(staying.map(({ repository, tag }) => `${repository}:${tag}`));
    const saved = [...going.values()].filter(
      ({ kind, contentTag, listed }) =>
        (kind === 'content' && kept.has(listed.digest!)) || (kind === 'pass' && names.has(contentTag!)),
    );
    if (saved.length === 0) return removalsOf([...going.values()], staying, kept, facts);
    for (const { listed } of saved) going.delete(listed);
  }
}

/** What a tag that stays keeps: signatures are kept under names made of the digest that they are of. */
function namedBy({ tag, digest }: ListedTag): string[] {
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

/** Digests and ids of all that it holds or was made with. */
function usedBy({ names, images }: RemoteContents): string[] {
  return [
    ...names,
    ...images.flatMap(({ labels }) => Object.values(parseNeedsLabel(labels[needsLabel]) ?? {})),
  ];
}

function removalsOf(
  going: readonly Candidate[],
  staying: readonly ListedTag[],
  kept: ReadonlySet<string>,
  { contents, naming, pinned }: Inventory,
): Removal[] {
  const groups = new Map<string, Candidate[]>();
  for (const each of going) {
    const at = `${each.listed.repository}@${each.listed.digest}`;
    groups.set(at, [...(groups.get(at) ?? []), each]);
  }
  const keptIn = new Map<string, ReadonlySet<string>>();
  /** Where a repository of its own holds the content tags, images elsewhere are copies: nothing is built on those. */
  const keptAt = (repository: string): ReadonlySet<string> => {
    if (naming.cacheRepo === undefined || naming.cacheRepo === repository) return kept;
    const own = staying.filter((each) => each.repository === repository);
    const found =
      keptIn.get(repository) ??
      closure([...pinned, ...own.flatMap(namedBy)], (digest) => contents.get(digest)?.names ?? []);
    keptIn.set(repository, found);
    return found;
  };
  /** What cannot be read may name anything. */
  const unread = new Set(
    staying.filter(({ digest }) => !contents.has(digest ?? '')).map((each) => each.repository),
  );
  return [...groups.values()].map((group) => {
    const { repository, digest } = group[0]!.listed as Required<ListedTag>;
    const found = contents.get(digest)!;
    return {
      repository,
      digest,
      tags: group.map(({ tag, kind, age }) => ({ tag, kind, ...(age !== undefined ? { age } : {}) })),
      whole: !keptAt(repository).has(digest) && !unread.has(repository),
      uses: usedBy(found),
      ids: idsOf(found),
    };
  });
}
