import path from 'node:path';
import Keyv from 'keyv';
import { fromSystemError } from '../model/errors.ts';
import type { Records } from '../model/ports.ts';
import type { Key, Manifest, TaskRecord } from '../model/record.ts';
import type { TaskId } from '../model/task.ts';
import { fileStore, type Warn } from './file-store.ts';
import { openRecordPack } from './record-pack.ts';
import { noSharedStore, type SharedStore } from './shared-store.ts';
import { dayMs, markUsed } from './trim.ts';

/** Part of every stored key: records of another layout are not found rather than misread. */
const layout = 'v1';

/** Tells the key of a manifest: only one that has its key explains anything. */
export type ComputeKey = (manifest: Manifest) => Key;

/**
 * What is remembered of finished tasks, in a project's cache folder and, of images, in what is shared with other machines.
 * The last records of tasks are of this machine alone: they say what its own engine has in its cache.
 */
export function openRecords(
  cacheFolder: string,
  warn: Warn,
  shared: SharedStore = noSharedStore,
  keyOf: ComputeKey = () => '',
): Records {
  const records = open<TaskRecord>(cacheFolder, 'records', warn);
  const latest = open<TaskRecord>(cacheFolder, 'latest', warn);
  const manifests = open<Manifest>(cacheFolder, 'manifests', warn);
  const pack = openRecordPack(path.join(cacheFolder, 'records.pack'), path.join(cacheFolder, 'records'));
  return {
    async get(keys: readonly Key[]) {
      pack.refresh();
      const known = new Map<Key, TaskRecord>();
      for (const key of keys) {
        const text = pack.get(key);
        if (text !== undefined) known.set(key, JSON.parse(text) as TaskRecord);
      }
      const rest = keys.filter((key) => !known.has(key));
      if (rest.length > 0) {
        pack.beforeRead();
        const found = zip(rest, await records().getMany<TaskRecord>(rest), isRecord);
        for (const [key, record] of found) {
          known.set(key, record);
          pack.add(key, JSON.stringify(record), 0);
        }
        // One alone is asked for while a run goes on.
        if (keys.length > 1) pack.save();
      }
      const unknown = keys.filter((key) => !known.has(key));
      for (const [key, found] of await shared.get('record', unknown, isImageRecord)) {
        const record = heard(found);
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
      // Its manifest digest says nothing to others: they ask the registry.
      const { manifestDigest: _, ...told } = record;
      await shared.set('record', record.key, told);
    },
    async noteExternalResult(record, manifest) {
      await keep(manifests(), record.key, manifest);
      await keep(latest(), record.task, record);
    },
    markUsed(keys, now) {
      const unmarked = keys.filter((key) => now.getTime() - pack.usedAt(key) >= dayMs);
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
      const isOf = (value: unknown): value is Manifest => isManifest(value) && keyOf(value) === key;
      return (await shared.get('manifest', [key], isOf)).get(key);
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
    if (fromSystemError(error) === undefined) throw error;
  }
}

function isRecord(value: TaskRecord): boolean {
  return typeof value.key === 'string' && typeof value.task === 'string' && typeof value.needs === 'object';
}

/** Sizes beyond which nothing is a record of ours. */
const most = { needs: 10_000, tags: 1_000, text: 1_024, lines: 1_000_000 };

/** Anybody may have written it: everything that is read of it later is looked at. */
function isImageRecord(value: unknown, key: string): value is TaskRecord {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Record<keyof TaskRecord, unknown>;
  const { needs, tags } = record;
  return (
    record.key === key &&
    isText(record.task) &&
    isText(record.imageId) &&
    record.filesDigest === undefined &&
    typeof needs === 'object' &&
    needs !== null &&
    isListOf(Object.values(needs), most.needs) &&
    isAmount(record.bytes) &&
    isAmount(record.durationMs) &&
    Array.isArray(tags) &&
    isListOf(tags, most.tags) &&
    isText(record.time)
  );
}

/** Of what others wrote only what we know. */
function heard({ key, task, imageId, needs, bytes, durationMs, tags, time }: TaskRecord): TaskRecord {
  return { key, task, imageId: imageId!, needs, bytes, durationMs, tags, time, shared: true };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= most.text;
}

function isListOf(values: readonly unknown[], count: number): boolean {
  return values.length <= count && values.every(isText);
}

function isAmount(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

function isManifest(value: unknown): value is Manifest {
  if (typeof value !== 'object' || value === null) return false;
  const { schema, lines } = value as Partial<Manifest>;
  return (
    typeof schema === 'number' && Array.isArray(lines) && lines.length <= most.lines && lines.every(isLine)
  );
}

function isLine(line: unknown): boolean {
  return (
    Array.isArray(line) &&
    (line.length === 3 || (line.length === 4 && typeof line[3] === 'number')) &&
    line.slice(0, 3).every((each) => typeof each === 'string')
  );
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
