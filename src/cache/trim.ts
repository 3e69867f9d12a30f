import { lstatSync, lutimesSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Key } from '../model/record.ts';
import type { CacheEntry } from './entries.ts';

/** A day in milliseconds. The time of the last use is updated at most once a day. */
export const dayMs = 86_400_000;

/** Limits of a cache folder. */
export interface TrimLimits {
  /** Milliseconds without use after which an entry of each kind is removed. */
  readonly maxAges: Readonly<Record<CacheEntry['kind'], number>>;
  /** The total size of all results; above it, the least recently used are removed. */
  readonly maxResultBytes: number;
}

const defaultLimits: TrimLimits = {
  maxAges: {
    result: 30 * dayMs,
    latest: 90 * dayMs,
    manifest: dayMs,
    log: 30 * dayMs,
    pass: 90 * dayMs,
    leftover: dayMs,
  },
  maxResultBytes: 10e9,
};

/**
 * Returns the entries to remove: those not used for longer than the limit of their kind, then results until the rest fits.
 * Entries with a key in `inUse` are kept, and so are manifests of a record that is kept.
 */
export function selectExpired(
  entries: readonly CacheEntry[],
  inUse: ReadonlySet<Key>,
  now: Date,
  { maxAges, maxResultBytes }: TrimLimits = defaultLimits,
): CacheEntry[] {
  const isUnused = ({ key }: CacheEntry): boolean => key === undefined || !inUse.has(key);
  const isOld = ({ kind, usedAt }: CacheEntry): boolean => now.getTime() - usedAt > maxAges[kind];
  const selected = new Set(
    entries.filter((entry) => entry.kind !== 'manifest' && isUnused(entry) && isOld(entry)),
  );
  const results = entries.filter((entry) => entry.kind === 'result' && !selected.has(entry));
  let bytes = results.reduce((sum, entry) => sum + entry.bytes, 0);
  for (const entry of results.filter(isUnused).sort((a, b) => a.usedAt - b.usedAt)) {
    if (bytes <= maxResultBytes) break;
    selected.add(entry);
    bytes -= entry.bytes;
  }
  const keysKept = new Set(
    entries.filter((entry) => entry.kind !== 'manifest' && !selected.has(entry)).map(({ key }) => key),
  );
  for (const entry of entries)
    if (entry.kind === 'manifest' && isUnused(entry) && isOld(entry) && !keysKept.has(entry.key))
      selected.add(entry);
  return entries.filter((entry) => selected.has(entry));
}

/** Removes entries. Files that another run has already removed are not an error. */
export function removeEntries(entries: readonly CacheEntry[]): void {
  for (const { paths } of entries) for (const file of paths) rmSync(file, { recursive: true, force: true });
}

/** Records that results were used, as the times of their record files; at most once a day. */
export function touchRecords(cacheFolder: string, keys: readonly Key[], now: Date): void {
  for (const key of keys) {
    const file = recordFile(cacheFolder, key);
    const stat = lstatSync(file, { throwIfNoEntry: false });
    if (stat === undefined || now.getTime() - stat.mtimeMs < dayMs) continue;
    try {
      lutimesSync(file, now, now);
    } catch (error) {
      // Removed by another run, or the folder is read-only; then nothing is trimmed in it either.
      if (!['ENOENT', 'EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? ''))
        throw error;
    }
  }
}

function recordFile(cacheFolder: string, key: Key): string {
  return path.join(cacheFolder, 'records', `v1%3a${key}`);
}
