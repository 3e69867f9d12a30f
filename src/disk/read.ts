import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, type Stats } from 'node:fs';
import { isSameStamp, type Stamp, stampOf } from './stamp.ts';

const mostBytes = 1 << 20;
/** One for all files: a new one for each would be a thousand megabytes for a thousand small files. */
let buffer: Buffer | undefined;

/** A file that is open to be read. */
export interface OpenFile {
  /** The device that it stands on. */
  readonly device: number;
  /**
   * False: it is not what had the stamp. It changed meanwhile, or a folder or link on the way was switched: nothing of it may
   * be remembered under that stamp.
   */
  readonly isSame: boolean;
  /** Its bytes, in a buffer that the next call uses again; undefined where they are more than a megabyte. */
  readShort(): Buffer | undefined;
  /** Its bytes, piece by piece; a piece is overwritten by the next. */
  readChunks(): Generator<Buffer, void>;
  /** All of its bytes. */
  readAll(): Buffer;
}

/** Opens a file whose stamp was taken before, and closes it after `use`. @throws as open does, EINVAL where it is no file */
export function withOpenFile<T>(file: string, stamp: Stamp, use: (opened: OpenFile) => T): T {
  // Where a pipe has taken its place, nobody waits for a writer.
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(descriptor);
    mustBeFile(stat, file);
    return use({
      device: stat.dev,
      isSame: isSameStamp(stampOf(stat), stamp),
      readShort: () => readShort(descriptor, stat.size),
      readChunks: () => piecesOf(descriptor),
      readAll: () => readFileSync(descriptor),
    });
  } finally {
    closeSync(descriptor);
  }
}

/**
 * All bytes of a file. A pipe or a device in its place is not read: that could wait for ever, or never end.
 * @throws as open does, EINVAL where it is no regular file
 */
export function readRegularFile(file: string): Buffer {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    mustBeFile(fstatSync(descriptor), file);
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function mustBeFile(stat: Stats, file: string): void {
  if (stat.isFile()) return;
  const error = new Error(`${file} is no regular file`);
  throw Object.assign(error, { code: 'EINVAL', syscall: 'open', path: file });
}

function readShort(descriptor: number, size: number): Buffer | undefined {
  if (size >= mostBytes) return undefined;
  buffer ??= Buffer.allocUnsafe(mostBytes);
  // Less than was asked for: there is no more. From the start, since it may be read in another way after this.
  const count = readSync(descriptor, buffer, 0, mostBytes, 0);
  return count < mostBytes ? buffer.subarray(0, count) : undefined;
}

function* piecesOf(descriptor: number): Generator<Buffer, void> {
  const piece = Buffer.allocUnsafe(mostBytes);
  let at = 0;
  for (let count = readSync(descriptor, piece, 0, mostBytes, at); count > 0; ) {
    yield piece.subarray(0, count);
    at += count;
    count = readSync(descriptor, piece, 0, mostBytes, at);
  }
}
