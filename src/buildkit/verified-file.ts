import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { FileEntry } from '../model/observed.ts';
import { TransferError } from './transfer-error.ts';

/**
 * Reads a file in chunks that fill `buffer`; each chunk overwrites the previous one.
 * @throws TransferError `changed`, after the last chunk at the latest, if the file is not what was hashed; `unreadable`
 */
export function* readVerified(
  source: string,
  { size, digest }: Pick<Extract<FileEntry, { type: 'file' }>, 'size' | 'digest'>,
  buffer: Buffer,
): Generator<Buffer, void> {
  const hash = createHash('sha256');
  const file = openFile(source, size);
  try {
    let remaining = size;
    // A short read means the end of the file.
    for (let count = buffer.length; count === buffer.length; ) {
      count = read(file, buffer, source);
      remaining -= count;
      if (remaining < 0) throw changed(source);
      if (count === 0) break;
      const chunk = buffer.subarray(0, count);
      hash.update(chunk);
      yield chunk;
    }
    if (remaining !== 0 || hash.digest('hex') !== digest) throw changed(source);
  } finally {
    closeSync(file);
  }
}

/** Error codes if the file no longer exists, its folder is gone, or a symlink or a socket has taken its place. */
const replacedCodes = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO']);
/** Does not follow a symlink that has taken the file's place, and does not wait for the writer of a pipe that has. */
const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

function openFile(source: string, size: number): number {
  let file: number;
  try {
    file = openSync(source, openFlags);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw replacedCodes.has(code ?? '') ? changed(source) : unreadable(source, error);
  }
  const stats = fstatSync(file);
  if (stats.isFile() && stats.size === size) return file;
  closeSync(file);
  throw changed(source);
}

function read(file: number, buffer: Buffer, source: string): number {
  try {
    return readSync(file, buffer);
  } catch (error) {
    throw unreadable(source, error);
  }
}

function changed(source: string): TransferError {
  return new TransferError('changed', `${source} changed while the task was running; run again`, source);
}

function unreadable(source: string, error: unknown): TransferError {
  const { code } = error as NodeJS.ErrnoException;
  return new TransferError('unreadable', `cannot read ${source}: ${code ?? String(error)}`, source);
}
