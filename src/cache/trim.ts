import { lstatSync, lutimesSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Key } from '../model/record.ts';
import type { CacheEntry } from './entries.ts';

/** Milliseconds. Within a day it is enough to note once that something was used. */
export const dayMs = 86_400_000;

/** What is kept at most. */
export interface TrimLimits {
  /** Milliseconds without use after which each kind goes. */
  readonly maxAges: Readonly<Record<CacheEntry['kind'], number>>;
  /** Of all results together; the least recently used go first. */
  readonly maxResultBytes: number;
}

const limits: TrimLimits = {
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
 * What goes: what was not used for longer than its kind may, then results until they fit. What a key in `inUse` needs
 * never goes, nor a manifest that a record left over speaks of.
 */
export function selectExpired(
  kept: readonly CacheEntry[],
  inUse: ReadonlySet<Key>,
  now: Date,
  { maxAges, maxResultBytes }: TrimLimits = limits,
): CacheEntry[] {
  const isFree = ({ key }: CacheEntry): boolean => key === undefined || !inUse.has(key);
  const isOld = ({ kind, usedAt }: CacheEntry): boolean => now.getTime() - usedAt > maxAges[kind];
  const chosen = new Set(kept.filter((each) => each.kind !== 'manifest' && isFree(each) && isOld(each)));
  const results = kept.filter((each) => each.kind === 'result' && !chosen.has(each));
  let bytes = results.reduce((sum, each) => sum + each.bytes, 0);
  for (const each of results.filter(isFree).sort((a, b) => a.usedAt - b.usedAt)) {
    if (bytes <= maxResultBytes) break;
    chosen.add(each);
    bytes -= each.bytes;
  }
  const named = new Set(
    kept.filter((each) => each.kind !== 'manifest' && !chosen.has(each)).map(({ key }) => key),
  );
  for (const each of kept)
    if (each.kind === 'manifest' && isFree(each) && isOld(each) && !named.has(each.key)) chosen.add(each);
  return kept.filter((each) => chosen.has(each));
}

/** Removes what was chosen. What another run took away meanwhile is no error. */
export function removeEntries(chosen: readonly CacheEntry[]): void {
  for (const { paths } of chosen) for (const each of paths) rmSync(each, { recursive: true, force: true });
}

/** Notes that results were used, by their records' times; within a day once is enough. */
export function markUsed(cacheFolder: string, keys: readonly Key[], now: Date): void {
  for (const key of keys) {
    const file = recordFile(cacheFolder, key);
    const stat = lstatSync(file, { throwIfNoEntry: false });
    if (stat === undefined || now.getTime() - stat.mtimeMs < dayMs) continue;
    try {
      lutimesSync(file, now, now);
    } catch (error) {
      // Trimmed by another run meanwhile, or a folder that may only be read: then nothing is trimmed in it either.
      if (!['ENOENT', 'EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? ''))
        throw error;
    }
  }
}

function recordFile(cacheFolder: string, key: Key): string {
  return path.join(cacheFolder, 'records', `v1%3a${key}`);
}
