import { closeSync, openSync, readSync } from 'node:fs';

const mostBytes = 1 << 20;
/** One for all files: a new one for each would be a thousand megabytes for a thousand small files. */
let buffer: Buffer | undefined;

/**
 * A file's bytes, in a buffer that the next call uses again. `size`: what its stamp says. Undefined where it is longer than a
 * megabyte, or not of this size any more.
 */
export function readShort(file: string, size: number): Buffer | undefined {
  if (size >= mostBytes) return undefined;
  buffer ??= Buffer.allocUnsafe(mostBytes);
  const descriptor = openSync(file, 'r');
  try {
    // Less than was asked for: there is no more.
    return readSync(descriptor, buffer) === size ? buffer.subarray(0, size) : undefined;
  } finally {
    closeSync(descriptor);
  }
}

/** Any file's bytes, piece by piece; a piece is overwritten by the next. */
export function* piecesOf(file: string): Generator<Buffer, void> {
  const piece = Buffer.allocUnsafe(mostBytes);
  const descriptor = openSync(file, 'r');
  try {
    for (let count = readSync(descriptor, piece); count > 0; count = readSync(descriptor, piece))
      yield piece.subarray(0, count);
  } finally {
    closeSync(descriptor);
  }
}
