import { createHash } from 'node:crypto';
import { readRegularFile } from '../disk/read.ts';
import type { Stamp } from '../disk/stamp.ts';
import { writeFileAtomic } from '../disk/write.ts';

/** What a memo holds. */
export interface MemoData {
  /** By absolute path. */
  readonly digests: Map<string, FileDigest>;
  /** JSON by the SHA-256 (hex) of what it came from. */
  readonly derivations: Map<string, string>;
  /** Digests. */
  readonly lfsPointers: Set<string>;
}

/** SHA-256 (hex) of a file while it had this stamp. */
export interface FileDigest {
  readonly stamp: Stamp;
  readonly digest: string;
}

/** Of a layout of our own, and of this machine's order of bytes. */
const magic = 20_261_124.3;
const digestLength = 64;
/** Bytes of the checksum, a SHA-256 of all behind it: a torn or edited memo is never believed. */
const sumBytes = 32;
/** Numbers behind it: magic, how many digests, derivations. Then four for each digest, its stamp; then a line for each entry. */
const headLength = 3;
const width = 4;

/** Reads a memo; an empty one where there is none, or none that can be believed. */
export function readMemoFile(file: string): MemoData {
  const tables: MemoData = { digests: new Map(), derivations: new Map(), lfsPointers: new Set() };
  let bytes: Buffer;
  try {
    bytes = readRegularFile(file);
  } catch {
    // Not there yet, or unreadable: everything is read anew.
    return tables;
  }
  if (bytes.length < sumBytes + headLength * 8 || !bytes.subarray(0, sumBytes).equals(sumOf(bytes)))
    return tables;
  // A copy, since numbers of eight bytes must stand on a multiple of eight.
  const numbers = new Float64Array(new Uint8Array(bytes.subarray(sumBytes, bytes.length & ~7)).buffer);
  if (numbers[0] !== magic) return tables;
  const [count, derivedEnd] = [numbers[1]!, numbers[1]! + numbers[2]!];
  const lines = bytes.toString('utf8', sumBytes + (headLength + count * width) * 8).split('\n');
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    const [start, rest] = [line.slice(0, digestLength), line.slice(digestLength)];
    if (at < count) {
      const first = headLength + at * width;
      const stamp = [numbers[first]!, numbers[first + 1]!, numbers[first + 2]!, numbers[first + 3]!] as const;
      tables.digests.set(rest, { stamp, digest: start });
    } else if (at < derivedEnd) tables.derivations.set(start, rest);
    else if (start !== '') tables.lfsPointers.add(start);
  }
  return tables;
}

/** A killed process leaves the old memo or the new one. */
export function writeMemoFile(file: string, { digests, derivations, lfsPointers }: MemoData): void {
  const lines: string[] = [];
  const numbers: number[] = [magic, 0, derivations.size];
  digests.forEach(({ stamp, digest }, name) => {
    // One with a line end in its name would be two lines; it is read in each run.
    if (name.includes('\n')) return;
    lines.push(digest + name);
    numbers.push(stamp[0], stamp[1], stamp[2], stamp[3]);
  });
  numbers[1] = lines.length;
  for (const [name, value] of derivations) lines.push(name + value);
  for (const digest of lfsPointers) lines.push(digest);
  const text = lines.join('\n');
  const start = sumBytes + numbers.length * 8;
  const bytes = Buffer.allocUnsafe(start + Buffer.byteLength(text));
  bytes.set(new Uint8Array(Float64Array.from(numbers).buffer), sumBytes);
  bytes.write(text, start);
  bytes.set(sumOf(bytes));
  writeFileAtomic(file, bytes);
}

function sumOf(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes.subarray(sumBytes)).digest();
}
