import type { EngineImage } from '../model/ports.ts';
import type { Key, TaskRecord } from '../model/record.ts';
import { makesFiles, type Task } from '../model/task.ts';
import { contentTag, type Naming } from './refs.ts';

/** Labels that every image carries. They are inherited, so every build sets all of them. */
export const keyLabel = 'image-tasks.key';
export const taskLabel = 'image-tasks.task';
export const needsLabel = 'image-tasks.needs';

/** What exists, as it was seen before the plan was made. */
export interface World {
  readonly records: ReadonlyMap<Key, TaskRecord>;
  /** What the engine has; empty where it could not be asked. */
  readonly images: readonly EngineImage[];
  /** The digest of the kept files of each key, as they stand on disk now. */
  readonly files: ReadonlyMap<Key, string>;
}

/** Finds what is here of tasks. Made once per plan, since it indexes the engine's images. */
export interface Finder {
  /** The record that proves a task's result to be here, and the image; undefined where it is not. */
  find(task: Task, key: Key): { record: TaskRecord; image?: EngineImage } | undefined;
}

export function makeFinder(world: World, naming: Naming): Finder {
  const byId = new Map(world.images.map((image) => [image.id, image]));
  const byTag = new Map(
    world.images.flatMap((image) => image.tags.map((tag) => [familiar(tag), image] as const)),
  );
  return {
    find(task, key) {
      const record = world.records.get(key);
      if (makesFiles(task)) {
        return record?.filesDigest !== undefined && world.files.get(key) === record.filesDigest
          ? { record }
          : undefined;
      }
      const image = record?.imageId === undefined ? undefined : byId.get(record.imageId);
      if (record !== undefined && image?.labels[keyLabel] === key) return { record, image };
      return adopt(task, key, byTag.get(familiar(contentTag(task, key, naming))));
    },
  };
}

/** A record made anew from an image that carries its key and stands under its content tag: `.cache` was deleted. */
function adopt(
  task: Task,
  key: Key,
  image: EngineImage | undefined,
): { record: TaskRecord; image: EngineImage } | undefined {
  if (image === undefined || image.labels[keyLabel] !== key || image.labels[taskLabel] !== task.id)
    return undefined;
  const needs = parseNeeds(image.labels[needsLabel]);
  if (needs === undefined) return undefined;
  const record = {
    key,
    task: task.id,
    imageId: image.id,
    needs,
    bytes: image.bytes,
    durationMs: 0,
    tags: [],
    time: '',
  };
  return { record, image };
}

function parseNeeds(label: string | undefined): Record<string, string> | undefined {
  try {
    const needs: unknown = JSON.parse(label ?? '');
    return typeof needs === 'object' && needs !== null ? (needs as Record<string, string>) : undefined;
  } catch {
    // Not a label of ours: the image is not adopted.
    return undefined;
  }
}

/** A reference as engines list it: without Docker Hub's host name. */
export function familiar(reference: string): string {
  return reference.replace(/^(index\.)?docker\.io\/(library\/)?/, '');
}
