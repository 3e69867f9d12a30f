import pLimit from 'p-limit';
import { TasksError } from '../model/errors.ts';
import { type Lock, type LockEntry, lockEntryId } from '../model/lock.ts';
import type { Observations } from '../model/observed.ts';

/** An image on a platform that the definitions use from outside. */
export type WantedPin = Pick<LockEntry, 'image' | 'platform'>;

/** What pinning changes. */
export interface Pinning {
  readonly lock: Lock;
  readonly added: readonly LockEntry[];
  readonly moved: readonly { readonly before: LockEntry; readonly after: LockEntry }[];
  readonly dropped: readonly LockEntry[];
  readonly failed: readonly { readonly wanted: WantedPin; readonly error: TasksError }[];
}

/** Asks a registry; throws a TasksError where it has no answer. */
export type AskPin = (wanted: WantedPin) => Promise<Pick<LockEntry, 'digest' | 'onbuild'>>;

/** How many images are asked for at once. */
const atOnce = 4;

/** All images from outside that observed tasks use, each once. */
export function wantedPins(observations: Observations): WantedPin[] {
  const wanted = new Map<string, WantedPin>();
  for (const observed of observations.values()) {
    if (observed.kind !== 'image') continue;
    for (const { reference: image, platform } of observed.bases)
      wanted.set(lockEntryId({ image, platform }), { image, platform });
  }
  return [...wanted.values()].sort((a, b) => (lockEntryId(a) < lockEntryId(b) ? -1 : 1));
}

/**
 * The lock for what a profile wants. Entries that are there are kept; with `update` all of this profile's images are asked
 * for again, on each platform that they are pinned for, and entries that no profile uses any more are dropped.
 */
export async function pinAll(
  lock: Lock,
  wanted: readonly WantedPin[],
  { profile, update, ask }: { profile: string; update: boolean; ask: AskPin },
): Promise<Pinning> {
  const images = new Set(wanted.map(({ image }) => image));
  const next = new Map<string, LockEntry>();
  const dropped: LockEntry[] = [];
  for (const [name, entry] of lock) {
    const isUsed = images.has(entry.image);
    const others = entry.profiles.filter((each) => each !== profile);
    const profiles = isUsed ? [...others, profile].sort() : update ? others : entry.profiles;
    if (profiles.length > 0 || !update) next.set(name, { ...entry, profiles });
    else dropped.push(entry);
  }
  const missing = wanted.filter((each) => !next.has(lockEntryId(each)));
  const known = update ? [...next.values()].filter(({ image }) => images.has(image)) : [];
  const [added, moved, failed]: [LockEntry[], Pinning['moved'][number][], Pinning['failed'][number][]] = [
    [],
    [],
    [],
  ];
  const limit = pLimit(atOnce);
  const asked = [...known, ...missing].map(({ image, platform }) =>
    limit(async () => {
      const pin = await ask({ image, platform }).catch((error: unknown) => {
        if (error instanceof TasksError) return error;
        throw error;
      });
      return { image, platform, pin };
    }),
  );
  for (const { image, platform, pin } of await Promise.all(asked)) {
    const name = lockEntryId({ image, platform });
    const before = next.get(name);
    if (pin instanceof TasksError) {
      failed.push({ wanted: { image, platform }, error: pin });
      continue;
    }
    const after = { image, platform, ...pin, profiles: before?.profiles ?? [profile] };
    next.set(name, after);
    if (before === undefined) added.push(after);
    else if (before.digest !== after.digest) moved.push({ before, after });
  }
  return { lock: next, added, moved, dropped, failed };
}
