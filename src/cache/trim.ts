import { lstatSync, lutimesSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Key } from '../model/record.ts';
import type { Kept } from './survey.ts';

/** Milliseconds. Within a day it is enough to note once that something was used. */
export const day = 86_400_000;

/** What is kept at most. */
export interface Limits {
  /** Milliseconds without use after which each kind goes. */
  readonly ages: Readonly<Record<Kept['kind'], number>>;
  /** Of all results together; the least recently used go first. */
  readonly resultBytes: number;
}

const limits: Limits = {
  ages: { result: 30 * day, latest: 90 * day, manifest: day, log: 30 * day, pass: 90 * day, leftover: day },
  resultBytes: 10e9,
};

/**
 * What goes: what was not used for longer than its kind may, then results until they fit. What a key in `inUse` needs
 * never goes, nor a manifest that a record left over speaks of.
 */
export function chooseTrim(
  kept: readonly Kept[],
  inUse: ReadonlySet<Key>,
  now: Date,
  { ages, resultBytes }: Limits = limits,
): Kept[] {
  const isFree = ({ key }: Kept): boolean => key === undefined || !inUse.has(key);
  const isOld = ({ kind, usedAt }: Kept): boolean => now.getTime() - usedAt > ages[kind];
  const chosen = new Set(kept.filter((each) => each.kind !== 'manifest' && isFree(each) && isOld(each)));
  const results = kept.filter((each) => each.kind === 'result' && !chosen.has(each));
  let bytes = results.reduce((sum, each) => sum + each.bytes, 0);
  for (const each of results.filter(isFree).sort((a, b) => a.usedAt - b.usedAt)) {
    if (bytes <= resultBytes) break;
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
export function removeKept(chosen: readonly Kept[]): void {
  for (const { paths } of chosen) for (const each of paths) rmSync(each, { recursive: true, force: true });
}

/** Notes that results were used, by their records' times; within a day once is enough. */
export function markUsed(cacheFolder: string, keys: readonly Key[], now: Date): void {
  for (const key of keys) {
    const file = recordFile(cacheFolder, key);
    const stat = lstatSync(file, { throwIfNoEntry: false });
    if (stat === undefined || now.getTime() - stat.mtimeMs < day) continue;
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
