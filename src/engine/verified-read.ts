import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { StepFailed } from '../model/ports.ts';

/** A file's size and digest when it was hashed. */
export interface ExpectedContent {
  readonly size: number;
  /** SHA-256, hex. */
  readonly digest: string;
}

/** One buffer for all readers: a chunk is used before any other code runs. */
let buffer: Buffer | undefined;

/**
 * Reads a file in chunks of up to 1 MiB. Each chunk overwrites the previous one, so the caller must not await while it uses one.
 * @throws StepFailed, after the last chunk at the latest, if the file has changed since it was hashed
 */
export function* readVerifiedChunks(
  source: string,
  { size, digest }: ExpectedContent,
): Generator<Buffer, void> {
  buffer ??= Buffer.allocUnsafe(1 << 20);
  const hash = createHash('sha256');
  const file = open(source);
  try {
    let remaining = size;
    // A short read means the end of the file.
    for (let count = buffer.length; count === buffer.length; ) {
      count = readSync(file, buffer);
      remaining -= count;
      if (remaining < 0) throw changed(source);
      const chunk = buffer.subarray(0, count);
      hash.update(chunk);
      yield chunk;
    }
    if (remaining !== 0 || hash.digest('hex') !== digest) throw changed(source);
  } finally {
    closeSync(file);
  }
}

/** Reads a file. @throws StepFailed if it has changed since it was hashed */
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

/** Reads a Dockerfile. @throws StepFailed if it has changed since it was hashed, or is not UTF-8 */
export function readVerifiedText(source: string, digest: string): string {
  const bytes = readVerifiedBytes(source, digest);
  if (!isUtf8(bytes))
    throw new StepFailed(`${source} is not UTF-8 text, so its base images cannot be pinned`);
  return bytes.toString('utf8');
}

/** Errors when a file no longer exists, its folder is gone, or a socket has taken its place. */
const replacedCodes = new Set(['ENOENT', 'ENOTDIR', 'ENXIO']);

function open(source: string): number {
  let file: number;
  try {
    // O_NONBLOCK: if a pipe has taken its place, opening it must not wait for a writer.
    file = openSync(source, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (replacedCodes.has((error as NodeJS.ErrnoException).code ?? '')) throw changed(source);
    throw error;
  }
  if (fstatSync(file).isFile()) return file;
  closeSync(file);
  throw changed(source);
}

function changed(source: string): StepFailed {
  return new StepFailed(`${source} changed while the task was running; run again`);
}
