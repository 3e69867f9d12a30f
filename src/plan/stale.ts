import { keyLabel, taskLabel } from '../model/labels.ts';
import type { EngineImage } from '../model/ports.ts';
import type { Key } from '../model/record.ts';
import { contentTag, familiar, type Naming } from './refs.ts';

/** Another checkout on this machine may have made an image and know of it what we don't. */
const recentMs = 7 * 86_400_000;

export interface StaleTag {
  readonly tag: string;
  readonly imageId: string;
  /** Bytes of the image where this is its last tag; layers that others share are counted too. */
  readonly bytes: number;
}

/**
 * Content tags of a project's images that are of no use any more: no known key is theirs, and the images are not recent.
 * `names`: of the project's definitions, present and past.
 */
export function staleTags(
  images: readonly EngineImage[],
  {
    naming,
    names,
    keys,
    now,
  }: { naming: Naming; names: ReadonlySet<string>; keys: ReadonlySet<Key>; now: Date },
): StaleTag[] {
  return images.flatMap((image) => {
    const { [keyLabel]: key, [taskLabel]: id } = image.labels;
    if (key === undefined || id === undefined || keys.has(key)) return [];
    if (now.getTime() - image.created < recentMs) return [];
    const [name, version] = [id.slice(0, id.indexOf(':')), id.slice(id.indexOf(':') + 1)];
    if (!names.has(name)) return [];
    const own = familiar(contentTag({ name, version }, key, naming));
    return image.tags
      .filter((tag) => familiar(tag) === own)
      .map((tag) => ({ tag, imageId: image.id, bytes: image.tags.length === 1 ? image.bytes : 0 }));
  });
}
