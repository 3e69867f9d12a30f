import type { ExternalImage } from '../dockerfile/external-image.ts';
import type { Memo } from '../incremental/memo.ts';
import type { Lock } from '../model/lock.ts';
import { lockEntryId } from '../model/lock.ts';
import { machinePlatform } from '../model/machine.ts';
import type { ObservedBase, UnpinnedInput } from '../model/observed.ts';
import type { HasOnbuild } from '../model/ports.ts';
import { eachOnce } from './unpinned-inputs.ts';

/** Where facts about external images come from. */
export interface BaseImageSources {
  readonly lock: Lock;
  readonly memo: Memo;
  readonly hasOnbuild: HasOnbuild;
}

/**
 * Returns the external images of a Dockerfile with the digests that the lock file pins them to, and why the build depends on
 * more than them: `vague` if ONBUILD may read anything in the context, `impure` if an image is not pinned. `isUnresolved`:
 * for some base image it is not known whether it has ONBUILD.
 * @throws Unreadable if a base image does not have the platform
 */
export async function resolveBaseImages(
  images: readonly ExternalImage[],
  taskPlatform: string,
  { lock, memo, hasOnbuild }: BaseImageSources,
): Promise<{ bases: ObservedBase[]; vague: string[]; impure: UnpinnedInput[]; isUnresolved: boolean }> {
  const [bases, vague, impure]: [ObservedBase[], string[], UnpinnedInput[]] = [[], [], []];
  let isUnresolved = false;
  for (const { reference, line, isPinned, isBase, platform: scope, context } of images) {
    const platform = scope === 'target' ? taskPlatform : scope;
    // Before it was known, the platform was written as `any`.
    const entry =
      lock.get(lockEntryId({ image: reference, platform })) ??
      (scope === 'target' ? undefined : lock.get(lockEntryId({ image: reference, platform: 'any' })));
    const isReplaced = entry !== undefined && !isPinned;
    bases.push({
      reference,
      platform,
      line,
      ...(isReplaced ? { digest: entry.digest } : {}),
      ...(context === undefined ? {} : { context }),
    });
    const place = context === undefined ? `line ${line}` : `contexts.${context}`;
    if (!isPinned && entry === undefined) {
      const detail = `${place}: ${reference} is not pinned by digest`;
      impure.push({ kind: 'image', source: reference, detail });
    }
    if (!isBase) continue;
    // A name may point to a single image, which BuildKit uses whatever its platform is. Those of this machine show it at once.
    if (!isPinned && entry === undefined && platform !== 'any' && platform !== machinePlatform())
      await hasOnbuild(reference, platform);
    // The digest pins the ONBUILD instructions, but not the files that they copy from this context.
    const hasTriggers =
      entry?.onbuild ?? (isPinned ? await pinnedHasOnbuild(reference, platform, memo, hasOnbuild) : false);
    if (hasTriggers === true)
      vague.push(`${place}: ${short(reference)} has ONBUILD instructions, which run in this build`);
    if (hasTriggers !== undefined) continue;
    isUnresolved = true;
    vague.push(`${place}: cannot check yet whether ${short(reference)} has ONBUILD instructions`);
  }
  return { bases, vague, impure: eachOnce(impure), isUnresolved };
}

/**
 * Returns whether an image that is named by digest has ONBUILD. Memoized by digest alone: its content is the same in every
 * repository.
 */
async function pinnedHasOnbuild(
  reference: string,
  platform: string,
  memo: Memo,
  query: HasOnbuild,
): Promise<boolean | undefined> {
  const digest = reference.slice(reference.indexOf('@') + 1);
  try {
    return await memo.memoize(JSON.stringify(['triggers', digest, platform]), async () => {
      const answer = await query(reference, platform);
      if (answer === undefined) throw new UnknownOnbuild();
      return answer;
    });
  } catch (error) {
    if (error instanceof UnknownOnbuild) return undefined;
    throw error;
  }
}

class UnknownOnbuild extends Error {}

/** Shortens the digest in a reference: `debian@sha256:0123456789ab…`. */
function short(reference: string): string {
  return reference.replace(/(@sha256:.{12}).*/, '$1…');
}
