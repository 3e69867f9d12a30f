import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { StepFailed } from '../model/ports.ts';

/** What was seen of a file when it was hashed. */
export interface ExpectedContent {
  readonly size: number;
  /** SHA-256, hex. */
  readonly digest: string;
}

/** One for all: each piece is done with before anyone else has a turn. */
let piece: Buffer | undefined;

/**
 * A file's bytes in pieces of up to a megabyte, each overwritten by the next; who takes them must not wait while it holds one.
 * @throws StepFailed, at the latest at its end, where the file is not what was hashed
 */
export function* readVerifiedChunks(
  source: string,
  { size, digest }: ExpectedContent,
): Generator<Buffer, void> {
  piece ??= Buffer.allocUnsafe(1 << 20);
  const hash = createHash('sha256');
  const file = open(source);
  try {
    let left = size;
    // Less than was asked for: there is no more.
    for (let count = piece.length; count === piece.length; ) {
      count = readSync(file, piece);
      left -= count;
      if (left < 0) throw changed(source);
      const bytes = piece.subarray(0, count);
      hash.update(bytes);
      yield bytes;
    }
    if (left !== 0 || hash.digest('hex') !== digest) throw changed(source);
  } finally {
    closeSync(file);
  }
}

/** A file's bytes. @throws StepFailed where it is not what was hashed */
export function readVerifiedBytes(source: string, digest: string): Buffer {
  const file = open(source);
  try {
    const bytes = readFileSync(file);
    if (createHash('sha256').update(bytes).digest('hex') !== digest) throw changed(source);
    return bytes;
  } finally {
    closeSync(file);
  }
}

/** A file's text. @throws StepFailed where it is not what was hashed, or no UTF-8 */
export function readVerifiedText(source: string, digest: string): string {
  const bytes = readVerifiedBytes(source, digest);
  if (!isUtf8(bytes))
    throw new StepFailed(`${source} is no text in UTF-8, and so its bases cannot be pinned`);
  return bytes.toString('utf8');
}

/** Errors of opening what was a file: it is gone, or the folder that it was in; a socket is there. */
const gone = new Set(['ENOENT', 'ENOTDIR', 'ENXIO']);

function open(source: string): number {
  let file: number;
  try {
    // Where a pipe has taken its place, nobody waits for who writes into it.
    file = openSync(source, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (gone.has((error as NodeJS.ErrnoException).code ?? '')) throw changed(source);
    throw error;
  }
  if (fstatSync(file).isFile()) return file;
  closeSync(file);
  throw changed(source);
}

function changed(source: string): StepFailed {
  return new StepFailed(`${source} changed while the task was running; run again`);
}
