import pLimit from 'p-limit';
import { TasksError } from '../model/errors.ts';
import { type Lock, type LockEntry, lockEntryId } from '../model/lock.ts';
import type { Observations } from '../model/observed.ts';

/** An external image that the definitions use, on a platform. */
export type UsedImage = Pick<LockEntry, 'image' | 'platform'>;

export interface PinFailure {
  readonly used: UsedImage;
  readonly error: TasksError;
}

/** The new lock, and how it differs from the old one. */
export interface PinResult {
  readonly lock: Lock;
  readonly added: readonly LockEntry[];
  readonly moved: readonly { readonly before: LockEntry; readonly after: LockEntry }[];
  readonly dropped: readonly LockEntry[];
  readonly failed: readonly PinFailure[];
}

/** Asks a registry what an image is now. @throws TasksError */
export type ResolveImage = (used: UsedImage) => Promise<Pick<LockEntry, 'digest' | 'onbuild'>>;

const parallelRequests = 4;

/** Returns all external images that observed tasks use, each once, sorted. */
export function usedImages(observations: Observations): UsedImage[] {
  const used = new Map<string, UsedImage>();
  for (const observed of observations.values()) {
    if (observed.kind !== 'image') continue;
    for (const { reference: image, platform } of observed.bases)
      used.set(lockEntryId({ image, platform }), { image, platform });
  }
  return [...used.values()].sort((a, b) => (lockEntryId(a) < lockEntryId(b) ? -1 : 1));
}

/**
 * Pins what a profile uses. Existing entries are kept. With `update` all images of this profile are resolved again, on each
 * platform that they are pinned for, and entries that no profile uses any more are dropped.
 */
export async function pinImages(
  lock: Lock,
  used: readonly UsedImage[],
  { profile, update, resolve }: { profile: string; update: boolean; resolve: ResolveImage },
): Promise<PinResult> {
  const images = new Set(used.map(({ image }) => image));
  const next = new Map<string, LockEntry>();
  const dropped: LockEntry[] = [];
  for (const [id, entry] of lock) {
    const isUsed = images.has(entry.image);
    const others = entry.profiles.filter((each) => each !== profile);
    const profiles = isUsed ? [...others, profile].sort() : update ? others : entry.profiles;
    if (profiles.length > 0 || !update) next.set(id, { ...entry, profiles });
    else dropped.push(entry);
  }
  const missing = used.filter((each) => !next.has(lockEntryId(each)));
  const known = update ? [...next.values()].filter(({ image }) => images.has(image)) : [];
  const added: LockEntry[] = [];
  const moved: PinResult['moved'][number][] = [];
  const failed: PinFailure[] = [];
  const limit = pLimit(parallelRequests);
  const resolved = [...known, ...missing].map(({ image, platform }) =>
    limit(async () => {
      const pin = await resolve({ image, platform }).catch((error: unknown) => {
        if (error instanceof TasksError) return error;
        throw error;
      });
      return { image, platform, pin };
    }),
  );
  for (const { image, platform, pin } of await Promise.all(resolved)) {
    const id = lockEntryId({ image, platform });
    const before = next.get(id);
    if (pin instanceof TasksError) {
      failed.push({ used: { image, platform }, error: pin });
      continue;
    }
    const after = { image, platform, ...pin, profiles: before?.profiles ?? [profile] };
    next.set(id, after);
    if (before === undefined) added.push(after);
    else if (before.digest !== after.digest) moved.push({ before, after });
  }
  return { lock: next, added, moved, dropped, failed };
}
