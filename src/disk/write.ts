import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/**
 * Writes a temporary file beside `file` and renames it, so that a killed process leaves the old file or the new one. If `file` is
 * a link, the link is replaced and its target stays as it is.
 * @throws the errors of open, write and rename
 */
export function writeFileAtomic(
  file: string,
  content: string | Uint8Array,
  { flush = false }: { flush?: boolean } = {},
): void {
  const temporary = temporaryName(file);
  try {
    try {
      writeNewFile(temporary, content, flush);
    } catch (error) {
      // Most folders exist.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      mkdirSync(path.dirname(file), { recursive: true });
      writeNewFile(temporary, content, flush);
    }
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Returns a random name beside a file. It cannot be guessed, so no other process can put a link there first. */
export function temporaryName(file: string): string {
  return `${file}.${randomBytes(8).toString('hex')}.part`;
}

/** Writes a file that must not exist yet, not even as a link. @throws EEXIST */
export function writeNewFile(file: string, content: string | Uint8Array, flush = false): void {
  // O_EXCL doesn't follow links.
  const descriptor = openSync(file, 'wx');
  try {
    writeFileSync(descriptor, content, { flush });
  } finally {
    closeSync(descriptor);
  }
}
