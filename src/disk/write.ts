import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/**
 * Writes a file under a new name beside its place, and renames it: a killed process leaves the old file or the new one.
 * Links are never followed: a link that has the file's name is replaced, what it leads to stays.
 * @throws as open, write and rename do
 */
export function writeFileAtomic(
  file: string,
  content: string | Uint8Array,
  { flush = false }: { flush?: boolean } = {},
): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const part = temporaryName(file);
  try {
    writeNewFile(part, content, flush);
    renameSync(part, file);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}

/** A name beside a file's that nobody can guess, so that nobody can put a link in its place before. */
export function temporaryName(file: string): string {
  return `${file}.${randomBytes(8).toString('hex')}.part`;
}

/** Writes a file that must not be there yet, not even as a link. @throws EEXIST */
export function writeNewFile(file: string, content: string | Uint8Array, flush = false): void {
  // O_EXCL: a link is not followed, whatever it leads to.
  const descriptor = openSync(file, 'wx');
  try {
    writeFileSync(descriptor, content, { flush });
  } finally {
    closeSync(descriptor);
  }
}
