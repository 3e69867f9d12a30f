import path from 'node:path';
import Keyv from 'keyv';
import { asMachineError } from '../model/errors.ts';
import type { Records } from '../model/ports.ts';
import type { Key, Manifest, TaskRecord } from '../model/record.ts';
import type { TaskId } from '../model/task.ts';
import { openPack } from './pack.ts';
import { notShared, type SharedStore } from './shared.ts';
import { fileStore, type Warn } from './store.ts';
import { day, markUsed } from './trim.ts';

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
  const pack = openPack(path.join(cacheFolder, 'records.pack'), path.join(cacheFolder, 'records'));
  return {
    async get(keys: readonly Key[]) {
      pack.look();
      const known = new Map<Key, TaskRecord>();
      for (const key of keys) {
        const text = pack.get(key);
        if (text !== undefined) known.set(key, JSON.parse(text) as TaskRecord);
      }
      const rest = keys.filter((key) => !known.has(key));
      if (rest.length > 0) {
        pack.reading();
        const found = zip(rest, await records().getMany<TaskRecord>(rest), isRecord);
        for (const [key, record] of found) {
          known.set(key, record);
          pack.add(key, JSON.stringify(record), 0);
        }
        // One alone is asked for while a run goes on.
        if (keys.length > 1) pack.save();
      }
      const unknown = keys.filter((key) => !known.has(key));
      for (const [key, record] of await shared.get('record', unknown, isImageRecord)) {
        known.set(key, record);
        await keep(records(), key, record);
      }
      return known;
    },
    async put(record, manifest) {
      // The record last: it is what makes a result reusable, and everything it speaks of must be there before.
      await manifests().set(record.key, manifest);
      await latest().set(record.task, record);
      await records().set(record.key, record);
      if (record.imageId === undefined) return;
      await shared.set('manifest', record.key, manifest);
      await shared.set('record', record.key, record);
    },
    async noteFound(record, manifest) {
      await keep(manifests(), record.key, manifest);
      await keep(latest(), record.task, record);
    },
    used(keys, now) {
      const unmarked = keys.filter((key) => now.getTime() - pack.usedAt(key) >= day);
      markUsed(cacheFolder, unmarked, now);
      for (const key of unmarked) {
        const text = pack.get(key);
        if (text !== undefined) pack.add(key, text, now.getTime());
      }
      pack.save();
    },
    async latest(tasks: readonly TaskId[]) {
      return tasks.length === 0
        ? new Map()
        : zip(tasks, await latest().getMany<TaskRecord>([...tasks]), isRecord);
    },
    async manifest(key) {
      const manifest = await manifests().get<Manifest>(key);
      if (isManifest(manifest)) return manifest;
      return (await shared.get('manifest', [key], isManifest)).get(key);
    },
  };
}

/** A store, opened when it is first asked. */
function open<T>(cacheFolder: string, name: string, warn: Warn): () => Keyv<T> {
  let opened: Keyv<T> | undefined;
  return () => {
    opened ??= new Keyv<T>({
      store: fileStore(path.join(cacheFolder, name), warn),
      namespace: layout,
      // Keyv answers a store's errors with undefined and false unless it is told to throw.
      throwOnErrors: true,
    });
    return opened;
  };
}

/** Stores what makes a later run faster or more helpful, but is not needed. */
async function keep<T>(store: Keyv<T>, key: string, value: T): Promise<void> {
  try {
    await store.set(key, value);
  } catch (error) {
    // A folder that may only be read, or a full disk: the next run does without it.
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
