import { keyLabel, taskLabel } from '../model/labels.ts';
import type { EngineImage } from '../model/ports.ts';
import { familiarName, type Naming } from './refs.ts';
import type { StaleTag } from './stale-tags.ts';

/** A dev tag that is the newest of its name and version may be in use, by another checkout on this machine for one. */
const keptMs = 7 * 86_400_000;

interface DevTag {
  readonly tag: string;
  /** The tag without its suffix: dev tags of one name and version share it. */
  readonly start: string;
  /** When the run started that set it: `YYYYmmddHHMM` in UTC. */
  readonly stamp: string;
  readonly image: EngineImage;
}

/**
 * Dev tags in the engine (`<repo>/<name>:<tag>-devYYYYmmddHHMM`) that earlier runs left: no record names them, and a newer one of
 * the same name and version exists or a week has passed. `names`: of the project's definitions. `recorded`: the tags that records
 * name.
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
  const today = stampOf(now);
  // A clock that was ahead made tags that would be the newest for a long time.
  for (const { start, stamp } of all)
    if (stamp <= today && stamp > (newest.get(start) ?? '')) newest.set(start, stamp);
  const limit = stampOf(new Date(now.getTime() - keptMs));
  const isRecorded = new Set([...recorded].map(familiarName));
  const old = all.filter(
    ({ tag, start, stamp }) =>
      !isRecorded.has(familiarName(tag)) && (stamp < (newest.get(start) ?? '') || stamp < limit),
  );
  const going = new Set(old.map(({ tag }) => tag));
  return old.map(({ tag, image }) => {
    const isLast = tag === image.tags.at(-1) && image.tags.every((each) => going.has(each));
    return { tag, imageId: image.id, bytes: isLast ? image.bytes : 0 };
  });
}

/** Only of images that carry our labels, with the name and repository that their label and this run say. */
function devTagsOf(image: EngineImage, naming: Naming, names: ReadonlySet<string>): DevTag[] {
  const { [keyLabel]: key, [taskLabel]: id = '' } = image.labels;
  const name = id.slice(0, id.indexOf(':'));
  if (key === undefined || !names.has(name)) return [];
  const prefix = familiarName(`${naming.repo}/${name}:`);
  return image.tags.flatMap((tag) => {
    const [, start, stamp] = /^(.*)-dev(\d{12})$/.exec(familiarName(tag)) ?? [];
    return start?.startsWith(prefix) ? [{ tag, start, stamp: stamp!, image }] : [];
  });
}

function stampOf(time: Date): string {
  return time.toISOString().replace(/\D/g, '').slice(0, 12);
}
