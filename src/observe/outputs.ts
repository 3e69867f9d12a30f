import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import path from 'node:path';
import type { Memo } from '../incremental/memo.ts';
import type { FileEntry } from '../model/observed.ts';
import type { Key } from '../model/record.ts';
import { includeAll, Unreadable, walk } from './walk.ts';

/** Returns the folder where the output files of a key are stored. */
export function outputFolder(cacheFolder: string, key: Key): string {
  return path.join(cacheFolder, 'files', key);
}

/**
 * Reads a folder of output files: its entries, the SHA-256 (hex) of all of them, and their total size.
 * @throws Unreadable
 */
export function readOutputs(
  folder: string,
  memo: Memo,
): { entries: FileEntry[]; digest: string; bytes: number } {
  const entries = walk(folder, includeAll, memo);
  const hash = createHash('sha256');
  let bytes = 0;
  for (const entry of entries) {
    const isFile = entry.type === 'file';
    const value = isFile
      ? `${entry.executable ? 'x' : '-'} ${entry.digest}`
      : entry.type === 'link'
        ? entry.target
        : '';
    hash.update(`${JSON.stringify([entry.path, entry.type, value])}\n`);
    if (isFile) bytes += entry.size;
  }
  return { entries, digest: hash.digest('hex'), bytes };
}

/** Returns the digests of stored outputs by key. Leaves out keys without outputs, and outputs that cannot be read. */
export function readOutputDigests(
  cacheFolder: string,
  keys: Iterable<Key>,
  memo: Memo,
): ReadonlyMap<Key, string> {
  const digests = new Map<Key, string>();
  for (const key of keys) {
    const folder = outputFolder(cacheFolder, key);
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) continue;
    try {
      digests.set(key, readOutputs(folder, memo).digest);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
    }
  }
  memo.save();
  return digests;
}
