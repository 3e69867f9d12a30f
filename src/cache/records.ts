import path from 'node:path';
import Keyv from 'keyv';
import type { Records } from '../model/ports.ts';
import type { Key, Manifest, TaskRecord } from '../model/record.ts';
import type { TaskId } from '../model/task.ts';
import { fileStore, type Warn } from './store.ts';

/** Part of every stored key: records of another layout are not found rather than misread. */
const layout = 'v1';

/** What is remembered of finished tasks, in a project's cache folder. */
export function openRecords(cacheFolder: string, warn: Warn): Records {
  const records = open<TaskRecord>(cacheFolder, 'records', warn);
  const latest = open<TaskRecord>(cacheFolder, 'latest', warn);
  const manifests = open<Manifest>(cacheFolder, 'manifests', warn);
  return {
    async get(keys: readonly Key[]) {
      return zip(keys, await records.getMany<TaskRecord>([...keys]), isRecord);
    },
    async put(record, manifest) {
      // The record last: it is what makes a result reusable, and everything it speaks of must be there before.
      await manifests.set(record.key, manifest);
      await latest.set(record.task, record);
      await records.set(record.key, record);
    },
    async latest(tasks: readonly TaskId[]) {
      return zip(tasks, await latest.getMany<TaskRecord>([...tasks]), isRecord);
    },
    async manifest(key) {
      const manifest = await manifests.get<Manifest>(key);
      return Array.isArray(manifest?.lines) ? manifest : undefined;
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

function isRecord(value: TaskRecord): boolean {
  return typeof value.key === 'string' && typeof value.task === 'string' && typeof value.needs === 'object';
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
