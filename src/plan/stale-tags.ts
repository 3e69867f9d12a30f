import { keyLabel, taskLabel } from '../model/labels.ts';
import type { EngineImage } from '../model/ports.ts';
import type { Key } from '../model/record.ts';
import { configTag, contentTag, familiarName, type Naming, registryTag, taggedConfigDigest } from './refs.ts';

/** Newer images are kept, because another checkout on this machine may use them. */
const recentMs = 7 * 86_400_000;

export interface StaleTag {
  readonly tag: string;
  readonly imageId: string;
  /** The size of the image if this is its last tag, including shared layers; otherwise 0. */
  readonly bytes: number;
}

export interface StaleTagsInput {
  readonly naming: Naming;
  /** The names of the project's current and former definitions. */
  readonly names: ReadonlySet<string>;
  /** The keys of the plan and of records. */
  readonly keys: ReadonlySet<Key>;
  /** The IDs of the images that the plan uses. */
  readonly used: ReadonlySet<string>;
  readonly now: Date;
}

/**
 * Returns the tags of a project's images that are no longer used, except on recent images: all tags of images with an unknown
 * key, and exact tags of images that another image with the same key has replaced.
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
    const config = taggedConfigDigest({ name }, image.tags);
    const isExact = (tag: string): boolean =>
      tag.startsWith(`${content}-i`) || (config !== undefined && tag === configTag({ name }, config));
    const isReplaced = tagged.has(content) && !image.tags.includes(content) && !used.has(image.id);
    // A push sets the registry tag, and so did older versions instead of the content tag.
    const named = [content, familiarName(registryTag({ name, version }, key, naming))];
    const isStale = (tag: string): boolean =>
      keys.has(key) ? isReplaced && isExact(tag) : isExact(tag) || named.includes(tag);
    const removed = image.tags.filter((tag) => isStale(familiarName(tag)));
    return removed.map((tag, index) => ({
      tag,
      imageId: image.id,
      bytes: removed.length === image.tags.length && index === 0 ? image.bytes : 0,
    }));
  });
}
