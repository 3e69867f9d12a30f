import { existsSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { KeyvStoreAdapter, StoredData } from 'keyv';
import { readRegularFile } from '../disk/read.ts';
import { sha256 } from '../disk/sha256.ts';
import { writeFileAtomic } from '../disk/write.ts';
import { fitFileName } from './file-name.ts';

/** Reports a warning to the user. */
export type Warn = (message: string) => void;

/**
 * Returns a Keyv store with one file per value in `folder`. A value is written to a temporary file that is then renamed, so a
 * killed process leaves the old value or the new one, and no other process sees half of it. The first line of a file is a
 * checksum; a damaged file is set aside with a warning and ignored. So writes need no fsync: a value lost in a power failure
 * is created again.
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
      // Before the first build, this check replaces a thousand failing reads.
      if (!existsSync(folder)) return keys.map(() => undefined);
      return keys.map((key) => get(key) as StoredData<Value | undefined>);
    },
    async set(key: string, value: string) {
      writeFileAtomic(fileOf(key), `${sha256(value)}\n${value}`);
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
  if (end >= 0 && text.slice(0, end) === sha256(value)) return value;
  setAside(file, 'is damaged', warn);
  return undefined;
}

/** Renames a file, so that it can be inspected and does not block the next write. */
function setAside(file: string, problem: string, warn: Warn): void {
  const newFile = `${file}.broken`;
  rmSync(newFile, { recursive: true, force: true });
  renameSync(file, newFile);
  warn(`${file} ${problem}: set aside as ${path.basename(newFile)} and ignored`);
}
