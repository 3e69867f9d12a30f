import { keyLabel, needsLabel, taskLabel } from '../model/labels.ts';
import type { EngineImage } from '../model/ports.ts';
import { type Key, resultIds, type TaskRecord } from '../model/record.ts';
import type { RemoteImage } from '../model/registry.ts';
import { makesFiles, type Task, type TaskId, versionIdOf } from '../model/task.ts';
import { contentTag, familiarName, taggedConfigDigest } from './refs.ts';

/** The image that a registry has under a task's content tag. Its labels are not verified yet. */
export interface RemoteResult {
  readonly image: RemoteImage;
  /** True if the registry has a test pass tag for the same manifest. */
  readonly passed: boolean;
}

/** The results that exist before planning. */
export interface ExistingState {
  readonly records: ReadonlyMap<Key, TaskRecord>;
  /** All images in the engine; empty if it could not be reached. */
  readonly images: readonly EngineImage[];
  /** The current digest of each key's output files on disk. */
  readonly files: ReadonlyMap<Key, string>;
  /** The images in the registry; empty if it was not queried or could not be reached. */
  readonly remote: ReadonlyMap<TaskId, RemoteResult>;
}

/** An existing result of a task. */
export interface ExistingResult {
  readonly record: TaskRecord;
  /** All digests under which the records of dependents may name it. */
  readonly ids: readonly string[];
  /** The image in the engine. */
  readonly image?: EngineImage;
  /** The image in the registry. */
  readonly remote?: RemoteResult;
}

/** Finds existing results. Create it once per plan, because it indexes the engine's images. */
export interface ResultFinder {
  /** Returns the task's result on this machine, or undefined. */
  local(task: Task, key: Key): ExistingResult | undefined;
  /** Returns the task's result in the registry if its labels match, or undefined. `image` is set if the engine has it too. */
  remote(task: Task, key: Key): ExistingResult | undefined;
}

/** Creates a finder for the given state. */
export function makeResultFinder(existing: ExistingState): ResultFinder {
  const byId = new Map(existing.images.map((image) => [image.id, image]));
  let byTag: ReadonlyMap<string, EngineImage> | undefined;
  /** Indexes tags on first use: if all records are here, no tag is looked up. */
  const findByTag = (tag: string): EngineImage | undefined => {
    byTag ??= new Map(
      existing.images.flatMap((image) => image.tags.map((each) => [familiarName(each), image] as const)),
    );
    return byTag.get(familiarName(tag));
  };
  const findByIds = (ids: readonly string[], key: Key): EngineImage | undefined =>
    ids.map((id) => byId.get(id)).find((each) => each?.labels[keyLabel] === key);
  return {
    local(task, key) {
      const record = existing.records.get(key);
      if (makesFiles(task)) {
        return record?.filesDigest !== undefined && existing.files.get(key) === record.filesDigest
          ? { record, ids: [record.filesDigest] }
          : undefined;
      }
      const adopted = (): ExistingResult | undefined => adopt(task, key, findByTag(contentTag(task, key)));
      // A shared record does not decide between images: the image with the content tag takes precedence.
      const tagged = record?.shared ? adopted() : undefined;
      if (tagged !== undefined && tagged.image?.id !== record?.imageId) return tagged;
      // After a change of the image store, the engine may name the same image by another of its digests.
      const image = record && findByIds(record.shared ? [record.imageId!] : resultIds(record), key);
      if (record !== undefined && image !== undefined) {
        const labeled = withLabeledNeeds(task, withImageId(record, image.id), image);
        return labeled && { record: labeled, image, ids: resultIds(labeled) };
      }
      return adopted();
    },
    remote(task, key) {
      const remote = existing.remote.get(task.id);
      if (remote === undefined || makesFiles(task)) return undefined;
      const { ids, labels, bytes, manifest } = remote.image;
      const labeled = recordFromLabels(task, key, { id: ids[0]!, labels, bytes });
      if (labeled === undefined) return undefined;
      const localRecord = existing.records.get(key);
      const isSame = localRecord?.imageId !== undefined && ids.includes(localRecord.imageId);
      const known = isSame ? { ...localRecord, task: task.id, needs: labeled.needs } : labeled;
      const image = findByIds(ids, key);
      const { shared: _, ...record } = known;
      return {
        record: {
          ...withImageId(record, image?.id ?? record.imageId!, ids[0]),
          manifestDigest: manifest.digest,
        },
        ids,
        remote,
        ...(image ? { image } : {}),
      };
    },
  };
}

/** Returns a record with the ID that the engine uses; the config digest is kept apart if it is another. */
function withImageId(
  { configDigest, ...record }: TaskRecord,
  imageId: string,
  known = configDigest ?? record.imageId,
): TaskRecord {
  return { ...record, imageId, ...(known === undefined || known === imageId ? {} : { configDigest: known }) };
}

/** Takes a record's needs from the image's label, because the record may come from a shared store. */
function withLabeledNeeds(task: Task, record: TaskRecord, { labels }: EngineImage): TaskRecord | undefined {
  if (record.shared) {
    if (labels[taskLabel] !== versionIdOf(task.id)) return undefined;
    const { shared: _, configDigest: __, manifestDigest: ___, ...rest } = record;
    const needs = parseNeedsLabel(labels[needsLabel]);
    return needs && { ...rest, task: task.id, needs };
  }
  if (labels[needsLabel] === JSON.stringify(record.needs)) return record;
  const needs = parseNeedsLabel(labels[needsLabel]);
  return needs && { ...record, needs };
}

/** Returns the result for an image without a local record, for example after `.cache` was deleted. */
function adopt(task: Task, key: Key, image: EngineImage | undefined): ExistingResult | undefined {
  const labeled = image && recordFromLabels(task, key, image);
  if (labeled === undefined) return undefined;
  const record = withImageId(labeled, image!.id, taggedConfigDigest(task, image!.tags));
  return { record, image: image!, ids: resultIds(record) };
}

/** Recreates a record from an image's labels. Returns undefined if they belong to another task or key. */
export function recordFromLabels(
  task: Task,
  key: Key,
  { id, labels, bytes }: Pick<EngineImage, 'id' | 'labels' | 'bytes'>,
): TaskRecord | undefined {
  if (labels[keyLabel] !== key || labels[taskLabel] !== versionIdOf(task.id)) return undefined;
  const needs = parseNeedsLabel(labels[needsLabel]);
  if (needs === undefined) return undefined;
  return { key, task: task.id, imageId: id, needs, bytes, durationMs: 0, tags: [], time: '' };
}

/** Parses the needs label of an image: identities of results by task. Returns undefined if it is not valid. */
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
    // Not set by this program.
    return undefined;
  }
}
