import { keyLabel, needsLabel, taskLabel } from '../model/labels.ts';
import type { EngineImage } from '../model/ports.ts';
import { type Key, resultIds, type TaskRecord } from '../model/record.ts';
import type { RemoteImage } from '../model/registry.ts';
import { makesFiles, type Task, type TaskId } from '../model/task.ts';
import { contentTag, familiarName } from './refs.ts';

/** What a registry has under a task's content tag; nothing is believed of it yet. */
export interface RemoteResult {
  readonly image: RemoteImage;
  /** True: its test's pass stands beside it, on the same manifest. */
  readonly passed: boolean;
}

/** What exists, as it was seen before the plan was made. */
export interface ExistingState {
  readonly records: ReadonlyMap<Key, TaskRecord>;
  /** What the engine has; empty where it could not be asked. */
  readonly images: readonly EngineImage[];
  /** The digest of the kept files of each key, as they stand on disk now. */
  readonly files: ReadonlyMap<Key, string>;
  /** What the registry has; empty where it was not asked, or could not be. */
  readonly remote: ReadonlyMap<TaskId, RemoteResult>;
}

/** A task's result that was found. */
export interface ExistingResult {
  readonly record: TaskRecord;
  /** Every digest by which it may be called in the records of what is made with it. */
  readonly ids: readonly string[];
  /** In the engine. */
  readonly image?: EngineImage;
  /** In the registry. */
  readonly remote?: RemoteResult;
}

/** Finds what there is of tasks. Made once per plan, since it indexes the engine's images. */
export interface ResultFinder {
  /** What proves a task's result to be on this machine; undefined where it is not. */
  local(task: Task, key: Key): ExistingResult | undefined;
  /** What the registry has of it, if that carries the task's key; `image` where it is in the engine as well. */
  remote(task: Task, key: Key): ExistingResult | undefined;
}

export function makeResultFinder(world: ExistingState): ResultFinder {
  const byId = new Map(world.images.map((image) => [image.id, image]));
  let tagged: ReadonlyMap<string, EngineImage> | undefined;
  /** Indexed when it is first asked for: where all records are here nobody asks. */
  const byTag = (tag: string): EngineImage | undefined => {
    tagged ??= new Map(
      world.images.flatMap((image) => image.tags.map((each) => [familiarName(each), image] as const)),
    );
    return tagged.get(familiarName(tag));
  };
  return {
    local(task, key) {
      const record = world.records.get(key);
      if (makesFiles(task)) {
        return record?.filesDigest !== undefined && world.files.get(key) === record.filesDigest
          ? { record, ids: [record.filesDigest] }
          : undefined;
      }
      const adopted = (): ExistingResult | undefined => adopt(task, key, byTag(contentTag(task, key)));
      const tagged = record?.shared ? adopted() : undefined;
      if (tagged !== undefined && tagged.image?.id !== record?.imageId) return tagged;
      const image = record?.imageId === undefined ? undefined : byId.get(record.imageId);
      if (record !== undefined && image?.labels[keyLabel] === key) {
        const made = asMade(task, record, image);
        return made && { record: made, image, ids: resultIds(made) };
      }
      return adopted();
    },
    remote(task, key) {
      const remote = world.remote.get(task.id);
      if (remote === undefined || makesFiles(task)) return undefined;
      const { ids, labels, bytes, digest } = remote.image;
      const made = recordFromLabels(task, key, { id: ids[0]!, labels, bytes });
      if (made === undefined) return undefined;
      const own = world.records.get(key);
      const isSame = own?.imageId !== undefined && ids.includes(own.imageId);
      const known = isSame ? { ...own, task: task.id, needs: made.needs } : made;
      const image = ids.map((id) => byId.get(id)).find((each) => each?.labels[keyLabel] === key);
      const { shared: _, ...record } = image ? { ...known, imageId: image.id } : known;
      return {
        record: { ...record, manifestDigest: digest },
        ids,
        remote,
        ...(image ? { image } : {}),
      };
    },
  };
}

/** The image itself says what it was made with: a record may come from a store that anybody writes to. */
function asMade(task: Task, record: TaskRecord, { labels }: EngineImage): TaskRecord | undefined {
  if (record.shared) {
    if (labels[taskLabel] !== task.id) return undefined;
    const { shared: _, manifestDigest: __, ...rest } = record;
    const needs = parseNeedsLabel(labels[needsLabel]);
    return needs && { ...rest, task: task.id, needs };
  }
  if (labels[needsLabel] === JSON.stringify(record.needs)) return record;
  const needs = parseNeedsLabel(labels[needsLabel]);
  return needs && { ...record, needs };
}

/** What was found under a content tag without a record that speaks of it: `.cache` was deleted. */
function adopt(task: Task, key: Key, image: EngineImage | undefined): ExistingResult | undefined {
  const record = image === undefined ? undefined : recordFromLabels(task, key, image);
  return record === undefined ? undefined : { record, image: image!, ids: resultIds(record) };
}

/** A record made anew from the labels of an image; undefined where they say that it is another one. */
export function recordFromLabels(
  task: Task,
  key: Key,
  { id, labels, bytes }: Pick<EngineImage, 'id' | 'labels' | 'bytes'>,
): TaskRecord | undefined {
  if (labels[keyLabel] !== key || labels[taskLabel] !== task.id) return undefined;
  const needs = parseNeedsLabel(labels[needsLabel]);
  if (needs === undefined) return undefined;
  return { key, task: task.id, imageId: id, needs, bytes, durationMs: 0, tags: [], time: '' };
}

/** What an image was made with, by its label; undefined for what is no label of ours. */
export function parseNeedsLabel(label: string | undefined): Record<string, string> | undefined {
  try {
    const needs: unknown = JSON.parse(label ?? '');
    const isNeeds =
      typeof needs === 'object' &&
      needs !== null &&
      !Array.isArray(needs) &&
      Object.values(needs).every((each) => typeof each === 'string');
    return isNeeds ? (needs as Record<string, string>) : undefined;
  } catch {
    // Not a label of ours: the image is not adopted.
    return undefined;
  }
}
