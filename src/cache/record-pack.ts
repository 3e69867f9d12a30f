import { lstatSync } from 'node:fs';
import { checksum } from '../disk/checksum.ts';
import { readRegularFile } from '../disk/read.ts';
import {
  hasReliableFolderStamps,
  isSameStamp,
  isSettled,
  readFileSystemClock,
  type Stamp,
  stampOf,
} from '../disk/stamp.ts';
import { writeFileAtomic } from '../disk/write.ts';

/**
 * A copy in one file of values that stand in files of their own in a folder: to open a thousand files takes longer than all the
 * rest of a run that has nothing to do. It is believed while the folder's stamp stands: each value written or removed moves
 * it. The folder is the truth; whatever is wrong with the copy, it counts as not there.
 */
export interface RecordPack {
  /** The value's text; undefined: look into the folder. */
  get(name: string): string | undefined;
  /** When the value's file was last marked as used, in milliseconds; 0: not known. */
  usedAt(name: string): number;
  /** Adds values that were read from the folder after `look`, and notes when they were used. */
  add(name: string, text: string, usedAt: number): void;
  /** To be called before the copy is asked: is it still one? */
  refresh(): void;
  /** To be called before values are read from the folder that are added then. */
  beforeRead(): void;
  /** Writes what is new. */
  save(): void;
}

interface Entry {
  readonly usedAt: number;
  readonly text: string;
}

/** The copy `file` of the values in `folder`. */
export function openRecordPack(file: string, folder: string): RecordPack {
  let stamp: Stamp | undefined;
  let entries = new Map<string, Entry>();
  let isNew = false;
  /** The file system's clock before anything was read. */
  let clock: number | undefined;
  return {
    get: (name) => entries.get(name)?.text,
    usedAt: (name) => entries.get(name)?.usedAt ?? 0,
    add(name, text, usedAt) {
      entries.set(name, { text, usedAt });
      isNew = true;
    },
    refresh() {
      const now = stampOfFolder(folder);
      if (now === undefined || stamp === undefined || !isSameStamp(stamp, now)) {
        entries = now === undefined ? new Map() : read(file, now);
        isNew = false;
      }
      stamp = now;
      clock = undefined;
    },
    beforeRead() {
      clock ??= readFileSystemClock(file);
    },
    save() {
      if (!isNew || stamp === undefined || !hasReliableFolderStamps(folder)) return;
      // A value that came after the stamp was taken, within the same tick, may not have been read.
      if (clock !== undefined && !isSettled(stamp, clock)) return;
      isNew = false;
      try {
        write(file, stamp, entries);
      } catch {
        // A folder that may only be read, or a full disk: the values themselves are there.
      }
    },
  };
}

function stampOfFolder(folder: string): Stamp | undefined {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  return stat?.isDirectory() ? stampOf(stat) : undefined;
}

/** A line with a checksum, a line with the folder's stamp, and a line for each value. */
function read(file: string, now: Stamp): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  let bytes: Buffer;
  try {
    bytes = readRegularFile(file);
  } catch {
    // Not there yet, or unreadable.
    return entries;
  }
  const body = bytes.indexOf('\n') + 1;
  if (bytes.toString('latin1', 0, body) !== `${checksum(bytes.subarray(body))}\n`) return entries;
  const [head, ...lines] = bytes.toString('utf8', body).split('\n');
  if (head !== JSON.stringify(now)) return entries;
  for (const line of lines) {
    const tab = line.indexOf('\t');
    const next = line.indexOf('\t', tab + 1);
    entries.set(line.slice(0, tab), {
      usedAt: Number(line.slice(tab + 1, next)),
      text: line.slice(next + 1),
    });
  }
  return entries;
}

function write(file: string, stamp: Stamp, entries: ReadonlyMap<string, Entry>): void {
  const lines = [...entries].map(([name, { usedAt, text }]) => `${name}\t${usedAt}\t${text}`);
  const body = Buffer.from([JSON.stringify(stamp), ...lines].join('\n'));
  writeFileAtomic(file, Buffer.concat([Buffer.from(`${checksum(body)}\n`), body]));
}
