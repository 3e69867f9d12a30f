import { renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { checksum } from '../disk/checksum.ts';
import { readRegularFile } from '../disk/read.ts';
import type { Stamp } from '../disk/stamp.ts';
import { writeFileAtomic } from '../disk/write.ts';
import type { TaskId } from '../model/task.ts';

/**
 * Traces as they are kept: columns that are read at once and looked into where they are asked for. To make an object of each of
 * ten thousand paths costs more than to ask the disk for all of them.
 */
export interface DepsLogData {
  /** What all of it hangs on. */
  readonly common: string;
  /** How many paths there were when all were last written anew. */
  readonly compactedPaths: number;
  /** Relative to the root where they stand below it. */
  readonly paths: readonly string[];
  /** Four numbers a path, its stamp. Of nothing: minus one minus the number of its folder's path, or -Infinity. */
  readonly stamps: Float64Array;
  /** Traces that others share: `12+3 20` are the paths 12, 13, 14 and 20, `s4` is the shared trace 4. */
  readonly shared: readonly string[];
  /** A line a task, with tabs between: id, inputs, trace, needs, key, notes. */
  readonly tasks: ReadonlyMap<TaskId, string>;
}

const width = 4;
/** Of a layout of our own, and of this machine's order of bytes. */
const magic = 20_261_124.2;
/** Numbers before the stamps: magic, checksum, how many paths, how many shared traces, `whole`. */
const headLength = 5;
/** Where the checksum ends, and what it is of begins. */
const sumEnd = 16;

/** Reads columns; undefined where there are none of this `common`. What is damaged is set aside. */
export function readDepsLogFile(
  file: string,
  common: string,
  warn: (message: string) => void,
): DepsLogData | undefined {
  let bytes: Buffer;
  try {
    bytes = readRegularFile(file);
  } catch {
    // Not there yet, or unreadable: everything is observed anew.
    return undefined;
  }
  const columns = parse(bytes);
  if (columns === undefined) {
    const aside = `${file}.broken`;
    rmSync(aside, { force: true });
    renameSync(file, aside);
    warn(`${file} is damaged: set aside as ${path.basename(aside)}, everything is observed anew`);
  }
  return columns?.common === common ? columns : undefined;
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
    common: lines[0]!,
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

/** A killed process leaves the old columns or the new ones. */
export function writeDepsLogFile(file: string, columns: DepsLogData): void {
  const { paths, stamps, shared, tasks, common, compactedPaths } = columns;
  const lines = [common];
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

/** The stamp of a path by its number; undefined: nothing was there. */
export function stampAt({ stamps }: DepsLogData, at: number): Stamp | undefined {
  const start = at * width;
  return stamps[start]! < 0 ? undefined : ([...stamps.subarray(start, start + width)] as unknown as Stamp);
}

/** The number of the folder that tells of a path where nothing was. */
export function parentAt({ stamps }: DepsLogData, at: number): number | undefined {
  const size = stamps[at * width]!;
  return Number.isFinite(size) && size < 0 ? -1 - size : undefined;
}

type Part = { readonly shared: number } | { readonly start: number; readonly end: number };

/** What a trace is made of: numbers of shared traces, and of paths from one to before another. */
export function parseReadSet(trace: string): Part[] {
  if (trace === '') return [];
  return trace.split(' ').map((part) => {
    if (part.startsWith('s')) return { shared: Number(part.slice(1)) };
    const plus = part.indexOf('+');
    const start = Number(plus < 0 ? part : part.slice(0, plus));
    return { start, end: start + (plus < 0 ? 1 : Number(part.slice(plus + 1))) };
  });
}

/** True where all paths of a trace, by their numbers, are good. */
export function everyPath(columns: DepsLogData, trace: string, isGood: (at: number) => boolean): boolean {
  return parseReadSet(trace).every((part) => {
    if ('shared' in part) return everyPath(columns, columns.shared[part.shared]!, isGood);
    for (let at = part.start; at < part.end; at++) if (!isGood(at)) return false;
    return true;
  });
}
