import type { ExternalImage } from '../dockerfile/reachable-stages.ts';
import type { Memo } from '../incremental/memo.ts';
import type { Lock } from '../model/lock.ts';
import { lockEntryId } from '../model/lock.ts';
import type { ObservedBase } from '../model/observed.ts';
import { type HasOnbuild, StepFailed } from '../model/ports.ts';

/** What is known of images from outside. */
export interface BaseImageSources {
  readonly lock: Lock;
  readonly memo: Memo;
  readonly askTriggers: HasOnbuild;
}

/** The images from outside as they are pinned, for a task's platform; and what of them is said in words. */
export async function resolveBaseImages(
  images: readonly ExternalImage[],
  taskPlatform: string,
  { lock, memo, askTriggers }: BaseImageSources,
): Promise<{ bases: ObservedBase[]; vague: string[]; impure: string[]; isOpen: boolean }> {
  const [bases, vague, impure]: [ObservedBase[], string[], string[]] = [[], [], []];
  let isOpen = false;
  for (const { reference, line, isPinned, isBase, platform: asked } of images) {
    const platform = asked === 'any' ? 'any' : taskPlatform;
    const entry = lock.get(lockEntryId({ image: reference, platform }));
    const isReplaced = entry !== undefined && !isPinned;
    bases.push({ reference, platform, line, ...(isReplaced ? { digest: entry.digest } : {}) });
    if (!isPinned && entry === undefined) impure.push(`line ${line}: ${reference} is not pinned by digest`);
    if (!isBase) continue;
    // The digest fixes what ONBUILD says, but not the files that it copies from here.
    const triggers =
      entry?.onbuild ?? (isPinned ? await triggersOf(reference, platform, memo, askTriggers) : false);
    if (triggers === true)
      vague.push(`line ${line}: ${short(reference)} has ONBUILD instructions, which run here`);
    if (triggers !== undefined) continue;
    isOpen = true;
    vague.push(`line ${line}: nobody could be asked yet whether ${short(reference)} has ONBUILD`);
  }
  return { bases, vague, impure: [...new Set(impure)], isOpen };
}

/** A digest never changes: what was once answered is remembered, whatever the repository. */
async function triggersOf(
  reference: string,
  platform: string,
  memo: Memo,
  ask: HasOnbuild,
): Promise<boolean | undefined> {
  const digest = reference.slice(reference.indexOf('@') + 1);
  try {
    return await memo.memoize(JSON.stringify(['triggers', digest, platform]), async () => {
      const answer = await ask(reference, platform);
      if (answer === undefined) throw new Unanswered();
      return answer;
    });
  } catch (error) {
    if (error instanceof Unanswered) return undefined;
    throw error;
  }
}

class Unanswered extends Error {}

/** The tag by which a build takes the image of a need, where the Dockerfile names that image. */
export interface TaggedNeed {
  readonly line: number;
  readonly written: string;
  readonly tag: string;
}

/**
 * What is sent to a build instead of a Dockerfile's own text: pinned images by name and digest, needed ones by tags of their own.
 * @throws StepFailed where a name cannot be replaced
 */
export async function rewriteImageReferences(
  text: string,
  bases: readonly ObservedBase[],
  needs: readonly TaggedNeed[],
): Promise<string> {
  const { replaceReferences } = await import('../dockerfile/replace-references.ts');
  const { DockerfileError } = await import('../dockerfile/error.ts');
  try {
    return replaceReferences(text, [
      ...needs.map(({ written, line, tag }) => ({ reference: written, line, by: tag })),
      ...bases.flatMap(({ reference, line, digest }) =>
        digest === undefined ? [] : [{ reference, line, by: `${withoutTag(reference)}@${digest}` }],
      ),
    ]);
  } catch (error) {
    if (error instanceof DockerfileError) throw new StepFailed(`line ${error.line}: ${error.message}`);
    throw error;
  }
}

/** `host:5000/debian:12` → `host:5000/debian`. */
function withoutTag(reference: string): string {
  return reference.replace(/:[^/:]*$/, '');
}

/** `debian@sha256:0123456789ab…`: enough of a digest to know it again. */
function short(reference: string): string {
  return reference.replace(/(@sha256:.{12}).*/, '$1…');
}
