import path from 'node:path';
import Keyv from 'keyv';
import { asMachineError } from '../model/errors.ts';
import type { Records } from '../model/ports.ts';
import type { Key, Manifest, TaskRecord } from '../model/record.ts';
import type { TaskId } from '../model/task.ts';
import { notShared, type SharedStore } from './shared.ts';
import { fileStore, type Warn } from './store.ts';

/** Part of every stored key: records of another layout are not found rather than misread. */
const layout = 'v1';

/**
 * What is remembered of finished tasks, in a project's cache folder and, of images, in what is shared with other machines.
 * The last records of tasks are of this machine alone: they say what its own engine has in its cache.
 */
export function openRecords(cacheFolder: string, warn: Warn, shared: SharedStore = notShared): Records {
  const records = open<TaskRecord>(cacheFolder, 'records', warn);
  const latest = open<TaskRecord>(cacheFolder, 'latest', warn);
  const manifests = open<Manifest>(cacheFolder, 'manifests', warn);
  return {
    async get(keys: readonly Key[]) {
      const known = zip(keys, await records.getMany<TaskRecord>([...keys]), isRecord);
      const unknown = keys.filter((key) => !known.has(key));
      for (const [key, record] of await shared.get('record', unknown, isImageRecord)) {
        known.set(key, record);
        await keep(records, key, record);
      }
      return known;
    },
    async put(record, manifest) {
      // The record last: it is what makes a result reusable, and everything it speaks of must be there before.
      await manifests.set(record.key, manifest);
      await latest.set(record.task, record);
      await records.set(record.key, record);
      if (record.imageId === undefined) return;
      await shared.set('manifest', record.key, manifest);
      await shared.set('record', record.key, record);
    },
    async latest(tasks: readonly TaskId[]) {
      return zip(tasks, await latest.getMany<TaskRecord>([...tasks]), isRecord);
    },
    async manifest(key) {
      const manifest = await manifests.get<Manifest>(key);
      if (isManifest(manifest)) return manifest;
      return (await shared.get('manifest', [key], isManifest)).get(key);
    },
  };
}

function open<T>(cacheFolder: string, name: string, warn: Warn): Keyv<T> {
  // Keyv answers a store's errors with undefined and false unless it is told to throw.
  return new Keyv<T>({
    store: fileStore(path.join(cacheFolder, name), warn),
    namespace: layout,
    throwOnErrors: true,
  });
}

/** So that the next run finds it here. */
async function keep(records: Keyv<TaskRecord>, key: Key, record: TaskRecord): Promise<void> {
  try {
    await records.set(key, record);
  } catch (error) {
    // A folder that may only be read, or a full disk: then it is asked for again.
    if (asMachineError(error) === undefined) throw error;
  }
}

function isRecord(value: TaskRecord): boolean {
  return typeof value.key === 'string' && typeof value.task === 'string' && typeof value.needs === 'object';
}

/** Anybody may have written it: everything that is read of it later is looked at. */
function isImageRecord(value: unknown, key: string): value is TaskRecord {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Record<keyof TaskRecord, unknown>;
  const { needs, tags } = record;
  return (
    record.key === key &&
    typeof record.task === 'string' &&
    typeof record.imageId === 'string' &&
    record.filesDigest === undefined &&
    typeof needs === 'object' &&
    needs !== null &&
    Object.values(needs).every((need) => typeof need === 'string') &&
    typeof record.bytes === 'number' &&
    typeof record.durationMs === 'number' &&
    Array.isArray(tags) &&
    tags.every((tag) => typeof tag === 'string') &&
    typeof record.time === 'string'
  );
}

function isManifest(value: unknown): value is Manifest {
  const lines = (value as Partial<Manifest> | null | undefined)?.lines;
  return Array.isArray(lines) && lines.every((line) => Array.isArray(line));
}

function zip<T>(
  names: readonly string[],
  values: readonly (T | undefined)[],
  isValid: (value: T) => boolean,
): Map<string, T> {
  const found = new Map<string, T>();
  names.forEach((name, index) => {
    const value = values[index];
    if (value !== undefined && value !== null && isValid(value)) found.set(name, value);
  });
  return found;
}
