import { createHash } from 'node:crypto';
import { readRegularFile } from '../disk/read.ts';
import type { Stamp } from '../disk/stamp.ts';
import { writeFileAtomic } from '../disk/write.ts';

/** The content of a memo. */
export interface MemoData {
  /** By absolute path. */
  readonly digests: Map<string, FileDigest>;
  /** Results as JSON, by the SHA-256 (hex) of their inputs. */
  readonly derivations: Map<string, string>;
  /** Digests of Git LFS pointers. */
  readonly lfsPointers: Set<string>;
}

/** The SHA-256 (hex) of a file, valid for this stamp. */
export interface FileDigest {
  readonly stamp: Stamp;
  readonly digest: string;
}

/** Identifies the version of the format, and the byte order of the machine that wrote it. */
const magic = 20_261_124.3;
const digestLength = 64;
/** Length of the checksum at the start, a SHA-256 of everything after it: a truncated or edited memo is never used. */
const sumBytes = 32;
/**
 * Numbers after the checksum: magic, number of digests, number of derivations. Four numbers per digest follow, its stamp;
 * then one line per entry.
 */
const headLength = 3;
/** Numbers per stamp. */
const width = 4;

/** Reads a memo file. Returns an empty memo if the file is missing or damaged. */
export function readMemoFile(file: string): MemoData {
  const data: MemoData = { digests: new Map(), derivations: new Map(), lfsPointers: new Set() };
  let bytes: Buffer;
  try {
    bytes = readRegularFile(file);
  } catch {
    // Missing or unreadable: all files are hashed again.
    return data;
  }
  if (bytes.length < sumBytes + headLength * 8 || !bytes.subarray(0, sumBytes).equals(sumOf(bytes)))
    return data;
  // Copied, because a Float64Array must start at a multiple of eight bytes.
  const numbers = new Float64Array(new Uint8Array(bytes.subarray(sumBytes, bytes.length & ~7)).buffer);
  if (numbers[0] !== magic) return data;
  const [count, derivedEnd] = [numbers[1]!, numbers[1]! + numbers[2]!];
  const lines = bytes.toString('utf8', sumBytes + (headLength + count * width) * 8).split('\n');
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    const [start, rest] = [line.slice(0, digestLength), line.slice(digestLength)];
    if (at < count) {
      const first = headLength + at * width;
      const stamp = [numbers[first]!, numbers[first + 1]!, numbers[first + 2]!, numbers[first + 3]!] as const;
      data.digests.set(rest, { stamp, digest: start });
    } else if (at < derivedEnd) data.derivations.set(start, rest);
    else if (start !== '') data.lfsPointers.add(start);
  }
  return data;
}

/** Writes a memo file atomically. */
export function writeMemoFile(file: string, { digests, derivations, lfsPointers }: MemoData): void {
  const lines: string[] = [];
  const numbers: number[] = [magic, 0, derivations.size];
  digests.forEach(({ stamp, digest }, name) => {
    // There is one line per entry. Files with a line break in their name are hashed in each run.
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
