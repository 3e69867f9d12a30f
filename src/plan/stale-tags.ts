import { keyLabel, taskLabel } from '../model/labels.ts';
import type { EngineImage } from '../model/ports.ts';
import type { Key } from '../model/record.ts';
import { contentTag, familiarName, imageIdTag, type Naming, registryTag } from './refs.ts';

/** Another checkout on this machine may have made an image and know of it what we don't. */
const recentMs = 7 * 86_400_000;

export interface StaleTag {
  readonly tag: string;
  readonly imageId: string;
  /** Bytes of the image where this is its last tag; layers that others share are counted too. */
  readonly bytes: number;
}

export interface StaleTagsInput {
  readonly naming: Naming;
  /** Of the project's definitions, present and past. */
  readonly names: ReadonlySet<string>;
  /** Keys that are known: of the plan, and of records. */
  readonly keys: ReadonlySet<Key>;
  /** IDs of the images that the plan uses. */
  readonly used: ReadonlySet<string>;
  readonly now: Date;
}

/**
 * Tags of a project's images that are of no use any more, of images that are not recent: all that keep an image of a key that
 * is not known, and those that kept an image for builds on it where another image of its key has taken its place.
 */
export function staleTags(
  images: readonly EngineImage[],
  { naming, names, keys, used, now }: StaleTagsInput,
): StaleTag[] {
  const tagged = new Set(images.flatMap(({ tags }) => tags));
  return images.flatMap((image) => {
    const { [keyLabel]: key, [taskLabel]: id } = image.labels;
    if (key === undefined || id === undefined) return [];
    if (now.getTime() - image.created < recentMs) return [];
    const [name, version] = [id.slice(0, id.indexOf(':')), id.slice(id.indexOf(':') + 1)];
    if (!names.has(name)) return [];
    const content = contentTag({ name, version }, key);
    const own = imageIdTag(content, image.id);
    const isReplaced = tagged.has(content) && !image.tags.includes(content) && !used.has(image.id);
    // A push leaves the registry's name; before neutral names that was the only one.
    const all = [content, own, familiarName(registryTag({ name, version }, key, naming))];
    const stale = !keys.has(key) ? all : isReplaced ? [own] : [];
    const gone = image.tags.filter((tag) => stale.includes(familiarName(tag)));
    return gone.map((tag, at) => ({
      tag,
      imageId: image.id,
      bytes: gone.length === image.tags.length && at === 0 ? image.bytes : 0,
    }));
  });
}
