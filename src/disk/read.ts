import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, type Stats } from 'node:fs';
import { isSameStamp, type Stamp, stampOf } from './stamp.ts';

const bufferSize = 1 << 20;
/** Shared by all files: a new buffer for each would allocate a gigabyte for a thousand small files. */
let buffer: Buffer | undefined;

/** A file that is open for reading. */
export interface OpenFile {
  readonly device: number;
  /**
   * True if the file still has the expected stamp. Otherwise it changed, or a folder or link on its path was replaced, and
   * nothing read from it may be remembered under that stamp.
   */
  readonly isUnchanged: boolean;
  /** Returns the contents in a buffer that the next call reuses, or undefined if they are not smaller than a megabyte. */
  readShort(): Buffer | undefined;
  /** Yields the contents in chunks. Each chunk overwrites the one before. */
  readChunks(): Generator<Buffer, void>;
  /** Returns the contents in a new buffer. */
  readAll(): Buffer;
}

/**
 * Opens a file whose stamp was taken before, and closes it after `use`.
 * @throws the errors of open; EINVAL if it is not a regular file
 */
export function withOpenFile<T>(file: string, stamp: Stamp, use: (opened: OpenFile) => T): T {
  const descriptor = openForReading(file);
  try {
    const stats = fstatSync(descriptor);
    requireRegularFile(stats, file);
    return use({
      device: stats.dev,
      isUnchanged: isSameStamp(stampOf(stats), stamp),
      readShort: () => readShort(descriptor, stats.size),
      readChunks: () => readChunks(descriptor),
      readAll: () => readFileSync(descriptor),
    });
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Returns the contents of a file. A pipe or a device in its place is not read, because that could block or never end.
 * @throws the errors of open; EINVAL if it is not a regular file
 */
export function readRegularFile(file: string): Buffer {
  const descriptor = openForReading(file);
  try {
    requireRegularFile(fstatSync(descriptor), file);
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Opens a file. If a pipe has taken its place, this doesn't wait for a writer. */
function openForReading(file: string): number {
  return openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
}

function requireRegularFile(stats: Stats, file: string): void {
  if (stats.isFile()) return;
  const error = new Error(`${file} is not a regular file`);
  throw Object.assign(error, { code: 'EINVAL', syscall: 'open', path: file });
}

function readShort(descriptor: number, size: number): Buffer | undefined {
  if (size >= bufferSize) return undefined;
  buffer ??= Buffer.allocUnsafe(bufferSize);
  // A short read means the end of the file. Position 0 leaves the file offset alone for a later read in another way.
  const count = readSync(descriptor, buffer, 0, bufferSize, 0);
  return count < bufferSize ? buffer.subarray(0, count) : undefined;
}

function* readChunks(descriptor: number): Generator<Buffer, void> {
  const chunk = Buffer.allocUnsafe(bufferSize);
  let position = 0;
  for (let count = readSync(descriptor, chunk, 0, bufferSize, position); count > 0; ) {
    yield chunk.subarray(0, count);
    position += count;
    count = readSync(descriptor, chunk, 0, bufferSize, position);
  }
}
