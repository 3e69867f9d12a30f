import { createHash } from 'node:crypto';
import { existsSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { KeyvStoreAdapter, StoredData } from 'keyv';
import { readRegularFile } from '../disk/read.ts';
import { writeFileAtomic } from '../disk/write.ts';
import { fitFileName } from './file-name.ts';

/** Told of state that was set aside. */
export type Warn = (message: string) => void;

/**
 * A store for Keyv that keeps each value in a file of its own: written beside and renamed, so that a killed process
 * leaves the old value or the new one, and two processes never see half of one. A file that does not hold what was
 * written (its first line is a checksum) is set aside with a warning and counts as not there: so nothing waits for the disk,
 * and a value that goes with the power is one that is made again.
 */
export function fileStore(folder: string, warn: Warn): KeyvStoreAdapter {
  const fileOf = (key: string): string =>
    path.join(
      folder,
      fitFileName(key.replace(/[^\w.-]/g, (char) => `%${char.codePointAt(0)!.toString(16)}`)),
    );
  const get = (key: string): string | undefined => read(fileOf(key), warn);
  return {
    opts: {},
    async get<Value>(key: string) {
      return get(key) as StoredData<Value> | undefined;
    },
    async getMany<Value>(keys: string[]) {
      // Of a thousand tasks that were never made one question is enough.
      if (!existsSync(folder)) return keys.map(() => undefined);
      return keys.map((key) => get(key) as StoredData<Value | undefined>);
    },
    async set(key: string, value: string) {
      writeFileAtomic(fileOf(key), `${checksum(value)}\n${value}`);
      return true;
    },
    async delete(key: string) {
      rmSync(fileOf(key), { force: true });
      return true;
    },
    async clear() {
      rmSync(folder, { recursive: true, force: true });
    },
    on() {
      return this;
    },
  };
}

function read(file: string, warn: Warn): string | undefined {
  let text: string;
  try {
    text = readRegularFile(file).toString();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') setAside(file, `cannot be read (${code})`, warn);
    return undefined;
  }
  const end = text.indexOf('\n');
  const value = text.slice(end + 1);
  if (end >= 0 && text.slice(0, end) === checksum(value)) return value;
  setAside(file, 'is damaged', warn);
  return undefined;
}

/** Out of the way of what will be written next, and still there to be looked at. */
function setAside(file: string, what: string, warn: Warn): void {
  const aside = `${file}.broken`;
  rmSync(aside, { recursive: true, force: true });
  renameSync(file, aside);
  warn(`${file} ${what}: set aside as ${path.basename(aside)}, counted as not there`);
}

function checksum(value: string): string {
  return createHash('sha256').update(value).digest('hex');
}
