import { renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { checksum } from '../disk/checksum.ts';
import { readRegularFile } from '../disk/read.ts';
import type { Stamp } from '../disk/stamp.ts';
import { writeFileAtomic } from '../disk/write.ts';
import type { TaskId } from '../model/task.ts';

/**
 * The content of a deps log. It stays in the columns of the file and is decoded on demand: creating an object for each of
 * ten thousand paths takes longer than a stat of each.
 */
export interface DepsLogData {
  /** The inputs that all tasks share. The log is valid only for these. */
  readonly globalInputs: string;
  /** The number of paths after the last compaction. */
  readonly compactedPaths: number;
  /** Paths below the project root are relative to it. */
  readonly paths: readonly string[];
  /**
   * Four numbers per path: its stamp. For a missing path, the first is `-1 - (index of its parent folder)`, or -Infinity.
   */
  readonly stamps: Float64Array;
  /** Encoded read sets that several tasks share: `12+3 20` is the paths 12, 13, 14 and 20; `s4` is the shared read set 4. */
  readonly shared: readonly string[];
  /** One line per task, separated by tabs: id, inputs, read set, keys of the needs, key, notes. */
  readonly tasks: ReadonlyMap<TaskId, string>;
}

/** Numbers per stamp. */
const width = 4;
/** Identifies the version of the format, and the byte order of the machine that wrote it. */
const magic = 20_261_124.2;
/** Numbers before the stamps: magic, checksum, number of paths, number of shared read sets, `compactedPaths`. */
const headLength = 5;
/** Byte offset of the end of the checksum. It covers everything after this offset. */
const sumEnd = 16;

/**
 * Reads a deps log file. Returns undefined if it is missing, or was written for other `globalInputs`. Moves a damaged file
 * aside with a warning.
 */
export function readDepsLogFile(
  file: string,
  globalInputs: string,
  warn: (message: string) => void,
): DepsLogData | undefined {
  let bytes: Buffer;
  try {
    bytes = readRegularFile(file);
  } catch {
    // Missing or unreadable: all tasks are read again.
    return undefined;
  }
  const data = parse(bytes);
  if (data === undefined) {
    const aside = `${file}.broken`;
    rmSync(aside, { force: true });
    renameSync(file, aside);
    warn(`${file} is damaged: moved it to ${path.basename(aside)} and reading all inputs again`);
  }
  return data?.globalInputs === globalInputs ? data : undefined;
}

function parse(bytes: Buffer): DepsLogData | undefined {
  const numbers = bytes.length < headLength * 8 ? undefined : numbersIn(bytes, 0, headLength);
  if (numbers?.[0] !== magic || numbers[1] !== checksum(bytes.subarray(sumEnd))) return undefined;
  const [count, sharedCount] = [numbers[2]!, numbers[3]!];
  const end = (headLength + count * width) * 8;
  const lines = bytes.toString('utf8', end).split('\n');
  const tasks = new Map<TaskId, string>();
  for (let at = 1 + count + sharedCount; at < lines.length; at++) {
    const line = lines[at]!;
    tasks.set(line.slice(0, line.indexOf('\t')), line);
  }
  return {
    globalInputs: lines[0]!,
    compactedPaths: numbers[4]!,
    paths: lines.slice(1, 1 + count),
    stamps: numbersIn(bytes, headLength, count * width),
    shared: lines.slice(1 + count, 1 + count + sharedCount),
    tasks,
  };
}

function numbersIn(bytes: Buffer, start: number, count: number): Float64Array {
  const offset = bytes.byteOffset + start * 8;
  return offset % 8 === 0
    ? new Float64Array(bytes.buffer, offset, count)
    : new Float64Array(bytes.buffer.slice(offset, offset + count * 8));
}

/** Writes a deps log file atomically. */
export function writeDepsLogFile(file: string, data: DepsLogData): void {
  const { paths, stamps, shared, tasks, globalInputs, compactedPaths } = data;
  const lines = [globalInputs];
  for (const list of [paths, shared, tasks.values()]) for (const line of list) lines.push(line);
  const text = lines.join('\n');
  const end = headLength * 8 + stamps.byteLength;
  const bytes = Buffer.alloc(end + Buffer.byteLength(text));
  const head = Float64Array.of(magic, 0, paths.length, shared.length, compactedPaths);
  bytes.set(new Uint8Array(head.buffer));
  bytes.set(new Uint8Array(stamps.buffer, stamps.byteOffset, stamps.byteLength), headLength * 8);
  bytes.write(text, end);
  bytes.set(new Uint8Array(Float64Array.of(checksum(bytes.subarray(sumEnd))).buffer), sumEnd - 8);
  writeFileAtomic(file, bytes);
}

/** Returns the stamp of the path with this index; undefined if it was missing. */
export function stampAt({ stamps }: DepsLogData, at: number): Stamp | undefined {
  const start = at * width;
  return stamps[start]! < 0 ? undefined : ([...stamps.subarray(start, start + width)] as unknown as Stamp);
}

/** Returns the index of the parent folder of a missing path: while that folder is unchanged, the path is still missing. */
export function parentAt({ stamps }: DepsLogData, at: number): number | undefined {
  const size = stamps[at * width]!;
  return Number.isFinite(size) && size < 0 ? -1 - size : undefined;
}

type Part = { readonly shared: number } | { readonly start: number; readonly end: number };

/** Parses an encoded read set into indexes of shared read sets and ranges of path indexes (`end` is exclusive). */
export function parseReadSet(text: string): Part[] {
  if (text === '') return [];
  return text.split(' ').map((part) => {
    if (part.startsWith('s')) return { shared: Number(part.slice(1)) };
    const plus = part.indexOf('+');
    const start = Number(plus < 0 ? part : part.slice(0, plus));
    return { start, end: start + (plus < 0 ? 1 : Number(part.slice(plus + 1))) };
  });
}

/** Returns true if `test` holds for the index of every path in an encoded read set. */
export function everyPath(data: DepsLogData, readSet: string, test: (at: number) => boolean): boolean {
  return parseReadSet(readSet).every((part) => {
    if ('shared' in part) return everyPath(data, data.shared[part.shared]!, test);
    for (let at = part.start; at < part.end; at++) if (!test(at)) return false;
    return true;
  });
}
