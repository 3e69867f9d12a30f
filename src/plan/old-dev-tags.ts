import { keyLabel, taskLabel } from '../model/labels.ts';
import type { EngineImage } from '../model/ports.ts';
import { familiarName, type Naming } from './refs.ts';
import type { StaleTag } from './stale-tags.ts';

/** The newest dev tag of a name and version may be in use, for example by another checkout on this machine. */
const maxAgeMs = 7 * 86_400_000;

interface DevTag {
  readonly tag: string;
  /** The tag without its suffix, which all dev tags of a name and version share. */
  readonly base: string;
  /** The start time of the run that set it: `YYYYmmddHHMM` in UTC. */
  readonly timestamp: string;
  readonly image: EngineImage;
}

/**
 * Returns old dev tags (`<repo>/<name>:<tag>-devYYYYmmddHHMM`) in the engine: those that no record names and that are a week old
 * or replaced by a newer one. `names` are the names of the project's definitions, `recorded` the tags in records.
 */
export function oldDevTags(
  images: readonly EngineImage[],
  {
    naming,
    names,
    recorded,
    now,
  }: { naming: Naming; names: ReadonlySet<string>; recorded: ReadonlySet<string>; now: Date },
): StaleTag[] {
  const all = images.flatMap((image) => devTagsOf(image, naming, names));
  const newest = new Map<string, string>();
  const today = formatTimestamp(now);
  // Ignore tags from the future: a wrong clock would make them the newest for a long time.
  for (const { base, timestamp } of all)
    if (timestamp <= today && timestamp > (newest.get(base) ?? '')) newest.set(base, timestamp);
  const limit = formatTimestamp(new Date(now.getTime() - maxAgeMs));
  const isRecorded = new Set([...recorded].map(familiarName));
  const old = all.filter(
    ({ tag, base, timestamp }) =>
      !isRecorded.has(familiarName(tag)) && (timestamp < (newest.get(base) ?? '') || timestamp < limit),
  );
  const removed = new Set(old.map(({ tag }) => tag));
  return old.map(({ tag, image }) => {
    const isLast = tag === image.tags.at(-1) && image.tags.every((each) => removed.has(each));
    return { tag, imageId: image.id, bytes: isLast ? image.bytes : 0 };
  });
}

/** Returns the dev tags of an image if its label names a task of this project. */
function devTagsOf(image: EngineImage, naming: Naming, names: ReadonlySet<string>): DevTag[] {
  const { [keyLabel]: key, [taskLabel]: id = '' } = image.labels;
  const name = id.slice(0, id.indexOf(':'));
  if (key === undefined || !names.has(name)) return [];
  const prefix = familiarName(`${naming.repo}/${name}:`);
  return image.tags.flatMap((tag) => {
    const [, base, timestamp] = /^(.*)-dev(\d{12})$/.exec(familiarName(tag)) ?? [];
    return base?.startsWith(prefix) ? [{ tag, base, timestamp: timestamp!, image }] : [];
  });
}

function formatTimestamp(time: Date): string {
  return time.toISOString().replace(/\D/g, '').slice(0, 12);
}
