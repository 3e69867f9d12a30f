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
 * A copy in one file of the values that a folder holds in a file each: opening a thousand files takes longer than the rest of
 * a run with nothing to do. The copy is valid as long as the folder's stamp is the same, since writing or removing a value
 * changes the stamp. The folder is authoritative; a damaged or outdated copy is ignored.
 */
export interface RecordPack {
  /** Returns the value's text; undefined if it must be read from the folder. */
  get(name: string): string | undefined;
  /** Returns when the value's file was last marked as used, in milliseconds since 1970; 0 if unknown. */
  usedAt(name: string): number;
  /** Adds a value that was read from the folder after `refresh`, with the time of its last use. */
  add(name: string, text: string, usedAt: number): void;
  /** Must be called before `get`: reloads the copy if the folder has changed. */
  refresh(): void;
  /** Must be called before reading values from the folder that are then added. */
  beforeRead(): void;
  /** Writes the copy if values were added. */
  save(): void;
}

interface Entry {
  readonly usedAt: number;
  readonly text: string;
}

/** Opens the copy `file` of the values in `folder`. */
export function openRecordPack(file: string, folder: string): RecordPack {
  let stamp: Stamp | undefined;
  let entries = new Map<string, Entry>();
  let isChanged = false;
  /** The file system's clock before the first value was read. */
  let clock: number | undefined;
  return {
    get: (name) => entries.get(name)?.text,
    usedAt: (name) => entries.get(name)?.usedAt ?? 0,
    add(name, text, usedAt) {
      entries.set(name, { text, usedAt });
      isChanged = true;
    },
    refresh() {
      const current = stampOfFolder(folder);
      if (current === undefined || stamp === undefined || !isSameStamp(stamp, current)) {
        entries = current === undefined ? new Map() : read(file, current);
        isChanged = false;
      }
      stamp = current;
      clock = undefined;
    },
    beforeRead() {
      clock ??= readFileSystemClock(file);
    },
    save() {
      if (!isChanged || stamp === undefined || !hasReliableFolderStamps(folder)) return;
      // A value written within the same clock tick, after the stamp was taken, may be missing.
      if (clock !== undefined && !isSettled(stamp, clock)) return;
      isChanged = false;
      try {
        write(file, stamp, entries);
      } catch {
        // The folder is read-only, or the disk is full. The values themselves are in the folder.
      }
    },
  };
}

function stampOfFolder(folder: string): Stamp | undefined {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  return stat?.isDirectory() ? stampOf(stat) : undefined;
}

/**
 * Reads the copy if it is intact and has the folder's current stamp. Its format: a line with a checksum, a line with the
 * stamp, and a line for each value.
 */
function read(file: string, stamp: Stamp): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  let bytes: Buffer;
  try {
    bytes = readRegularFile(file);
  } catch {
    // Does not exist yet, or cannot be read.
    return entries;
  }
  const bodyStart = bytes.indexOf('\n') + 1;
  if (bytes.toString('latin1', 0, bodyStart) !== `${checksum(bytes.subarray(bodyStart))}\n`) return entries;
  const [head, ...lines] = bytes.toString('utf8', bodyStart).split('\n');
  if (head !== JSON.stringify(stamp)) return entries;
  for (const line of lines) {
    const nameEnd = line.indexOf('\t');
    const timeEnd = line.indexOf('\t', nameEnd + 1);
    entries.set(line.slice(0, nameEnd), {
      usedAt: Number(line.slice(nameEnd + 1, timeEnd)),
      text: line.slice(timeEnd + 1),
    });
  }
  return entries;
}

function write(file: string, stamp: Stamp, entries: ReadonlyMap<string, Entry>): void {
  const lines = [...entries].map(([name, { usedAt, text }]) => `${name}\t${usedAt}\t${text}`);
  const body = Buffer.from([JSON.stringify(stamp), ...lines].join('\n'));
  writeFileAtomic(file, Buffer.concat([Buffer.from(`${checksum(body)}\n`), body]));
}
