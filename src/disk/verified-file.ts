import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from 'node:fs';

/** A file's size in bytes and its SHA-256 (hex) when it was hashed. */
export interface HashedContent {
  readonly size: number;
  readonly digest: string;
}

/** A file that was hashed before is not the same any more, or cannot be read. */
export class FileProblem extends Error {
  override readonly name = 'FileProblem';
  readonly reason: 'changed' | 'unreadable';
  readonly file: string;

  constructor(reason: FileProblem['reason'], message: string, file: string) {
    super(message);
    this.reason = reason;
    this.file = file;
  }
}

/**
 * Reads a file in chunks that fill `buffer`; each chunk overwrites the previous one.
 * @throws FileProblem `changed`, after the last chunk at the latest, if the file is not what was hashed; `unreadable`
 */
export function* readVerified(
  source: string,
  { size, digest }: HashedContent,
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

/** Reads a whole file, also through a symlink. @throws FileProblem if it is not what was hashed, or cannot be read */
export function readVerifiedBytes(source: string, digest: string): Buffer {
  const file = open(source, openFlags);
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw unreadable(source, error);
  } finally {
    closeSync(file);
  }
  if (createHash('sha256').update(bytes).digest('hex') !== digest) throw changed(source);
  return bytes;
}

/** Error codes if the file no longer exists, its folder is gone, or a symlink or a socket has taken its place. */
const replacedCodes = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO']);
/** Does not wait for the writer of a pipe that has taken the file's place. */
const openFlags = constants.O_RDONLY | constants.O_NONBLOCK;

/** Opens a file, but not a symlink that has taken its place. */
function openFile(source: string, size: number): number {
  const file = open(source, openFlags | constants.O_NOFOLLOW);
  if (fstatSync(file).size === size) return file;
  closeSync(file);
  throw changed(source);
}

function open(source: string, flags: number): number {
  let file: number;
  try {
    file = openSync(source, flags);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw replacedCodes.has(code ?? '') ? changed(source) : unreadable(source, error);
  }
  if (fstatSync(file).isFile()) return file;
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

function changed(source: string): FileProblem {
  return new FileProblem('changed', `${source} changed while the task was running; run again`, source);
}

function unreadable(source: string, error: unknown): FileProblem {
  const { code } = error as NodeJS.ErrnoException;
  return new FileProblem('unreadable', `cannot read ${source}: ${code ?? String(error)}`, source);
}
