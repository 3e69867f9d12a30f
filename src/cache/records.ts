import path from 'node:path';
import Keyv from 'keyv';
import { fromSystemError } from '../model/errors.ts';
import type { Records } from '../model/ports.ts';
import type { Key, Manifest, TaskRecord } from '../model/record.ts';
import type { TaskId } from '../model/task.ts';
import { fileStore, type Warn } from './file-store.ts';
import { openRecordPack } from './record-pack.ts';
import { noSharedStore, type SharedStore } from './shared-store.ts';
import { dayMs, touchRecords } from './trim.ts';

/** Part of every stored name, so that records of another layout are not found instead of misread. */
const layout = 'v1';

/** Computes the key of a manifest. A shared manifest is used only if its key is the expected one. */
export type ComputeKey = (manifest: Manifest) => Key;

/**
 * Opens the records of finished tasks in a project's cache folder. Records of images are also read from and written to the
 * shared store. The latest record of each task is not shared: it describes what this machine's engine has in its build cache.
 */
export function openRecords(
  cacheFolder: string,
  warn: Warn,
  shared: SharedStore = noSharedStore,
  computeKey: ComputeKey = () => '',
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
        const found = validEntries(rest, await records().getMany<TaskRecord>(rest), isRecord);
        for (const [key, record] of found) {
          known.set(key, record);
          pack.add(key, JSON.stringify(record), 0);
        }
        pack.save();
      }
      const unknown = keys.filter((key) => !known.has(key));
      for (const [key, found] of await shared.get('record', unknown, isImageRecord)) {
        const record = sharedRecord(found);
        known.set(key, record);
        await tryStore(records(), key, record);
      }
      return known;
    },
    async current(key) {
      return validEntries([key], [await records().get<TaskRecord>(key)], isRecord).get(key);
    },
    async put(record, manifest, isLatest = true) {
      // The record goes last: it makes the result reusable, so everything it refers to must exist before.
      await manifests().set(record.key, manifest);
      if (isLatest) await latest().set(record.task, record);
      await records().set(record.key, record);
      if (record.imageId === undefined) return;
      await shared.set('manifest', record.key, manifest);
      // The manifest digest is left out: other machines query the registry. The run and the node mean nothing to
      // them.
      const { manifestDigest: _digest, run: _run, node: _node, ...toShare } = record;
      await shared.set('record', record.key, toShare);
    },
    async noteExternalResult(record, manifest) {
      await tryStore(manifests(), record.key, manifest);
      await tryStore(latest(), record.task, record);
    },
    markUsed(keys, now) {
      const unmarked = keys.filter((key) => now.getTime() - pack.usedAt(key) >= dayMs);
      touchRecords(cacheFolder, unmarked, now);
      for (const key of unmarked) {
        const text = pack.get(key);
        if (text !== undefined) pack.add(key, text, now.getTime());
      }
      pack.save();
    },
    async latest(tasks: readonly TaskId[]) {
      return tasks.length === 0
        ? new Map()
        : validEntries(tasks, await latest().getMany<TaskRecord>([...tasks]), isRecord);
    },
    async manifest(key) {
      const manifest = await manifests().get<Manifest>(key);
      if (isManifest(manifest)) return manifest;
      const hasKey = (value: unknown): value is Manifest => isManifest(value) && computeKey(value) === key;
      return (await shared.get('manifest', [key], hasKey)).get(key);
    },
  };
}

/** Returns a function that opens a store on its first call. */
function open<T>(cacheFolder: string, name: string, warn: Warn): () => Keyv<T> {
  let opened: Keyv<T> | undefined;
  return () => {
    opened ??= new Keyv<T>({
      store: fileStore(path.join(cacheFolder, name), warn),
      namespace: layout,
      // By default Keyv turns errors of the store into undefined and false.
      throwOnErrors: true,
    });
    return opened;
  };
}

/** Stores a value that later runs can do without; ignores a read-only folder or a full disk. */
async function tryStore<T>(store: Keyv<T>, key: string, value: T): Promise<void> {
  try {
    await store.set(key, value);
  } catch (error) {
    if (fromSystemError(error) === undefined) throw error;
  }
}

function isRecord(value: TaskRecord): boolean {
  return typeof value.key === 'string' && typeof value.task === 'string' && typeof value.needs === 'object';
}

/** The largest sizes that are accepted in a shared record or manifest. */
const maxSizes = { needs: 10_000, tags: 1_000, text: 1_024, lines: 1_000_000 };

/** Checks every field of a shared record that is used later: anyone with access to the store may have written it. */
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
    areTexts(Object.values(needs), maxSizes.needs) &&
    isAmount(record.bytes) &&
    isAmount(record.durationMs) &&
    Array.isArray(tags) &&
    areTexts(tags, maxSizes.tags) &&
    isText(record.time)
  );
}

/** Returns a record from the shared store with only its known fields, marked as shared. */
function sharedRecord({ key, task, imageId, needs, bytes, durationMs, tags, time }: TaskRecord): TaskRecord {
  return { key, task, imageId: imageId!, needs, bytes, durationMs, tags, time, shared: true };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= maxSizes.text;
}

function areTexts(values: readonly unknown[], maxCount: number): boolean {
  return values.length <= maxCount && values.every(isText);
}

function isAmount(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

function isManifest(value: unknown): value is Manifest {
  if (typeof value !== 'object' || value === null) return false;
  const { schema, lines } = value as Partial<Manifest>;
  return (
    typeof schema === 'number' &&
    Array.isArray(lines) &&
    lines.length <= maxSizes.lines &&
    lines.every(isLine)
  );
}

function isLine(line: unknown): boolean {
  return (
    Array.isArray(line) &&
    (line.length === 3 || (line.length === 4 && typeof line[3] === 'number')) &&
    line.slice(0, 3).every((each) => typeof each === 'string')
  );
}

/** Maps names to their values, leaving out missing and invalid ones. */
function validEntries<T>(
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
