import { closeSync, fstatSync, mkdirSync, openSync, rmSync, type Stats, statfsSync } from 'node:fs';
import path from 'node:path';
import { temporaryName } from './write.ts';

/**
 * The state of a file that changes when it is written or replaced: size, mtime and ctime in milliseconds, inode. (chmod changes
 * the ctime.) A folder's stamp changes when an entry is added, removed or renamed.
 */
export type Stamp = readonly [size: number, mtimeMs: number, ctimeMs: number, ino: number];

/** Returns the stamp in a file's Stats. */
export function stampOf({ size, mtimeMs, ctimeMs, ino }: Stats): Stamp {
  return [size, mtimeMs, ctimeMs, ino];
}

/** Tells whether two stamps are equal. */
export function isSameStamp(one: Stamp, other: Stamp): boolean {
  return one[0] === other[0] && one[1] === other[1] && one[2] === other[2] && one[3] === other[3];
}

/** Times are doubles, exact to a quarter of a microsecond, and no clock ticks faster than this. */
const precisionMs = 0.001;

/**
 * Tells whether any change from `clockMs` on changes the stamp. A file as new as the clock can change again within the same tick
 * without a new stamp (git's "racy" problem), so nothing read from it may be remembered. Read `clockMs` after taking the stamp
 * and before reading the file.
 */
export function isSettled(stamp: Stamp, clockMs: number): boolean {
  // Indexes, because destructuring allocates four objects and this runs for each path.
  return stamp[1] + tickOf(stamp[1]) < clockMs && stamp[2] + tickOf(stamp[2]) < clockMs;
}

/**
 * Returns the longest clock tick of a file system that may have produced a time. Many have coarse times: two seconds (FAT), one
 * second (ext3, ext4 with small inodes, HFS+), ten milliseconds (exFAT). Elsewhere such a round time is rare and costs one more
 * read.
 */
function tickOf(timeMs: number): number {
  if (!Number.isInteger(timeMs)) return precisionMs;
  return timeMs % 1000 === 0 ? 2000 + precisionMs : 10 + precisionMs;
}

/**
 * Returns the time of the file system that a file is on, in milliseconds; not older than any stamp taken there before. It creates
 * a temporary file beside the file and removes it. If that fails, it returns 0, and no stamp counts as settled.
 */
export function readFileSystemClock(file: string): number {
  return probe(file).timeMs;
}

/** Tells whether stamps are settled. */
export interface FileSystemClock {
  /** Reads the clock. Call it before reading anything whose stamp is checked later. */
  start(): void;
  /** `place` is a path on the stamp's device. */
  isSettled(stamp: Stamp, device: number, place: string): boolean;
}

/** Returns a clock of the file system that `file` is on. It is read once, at the first call. */
export function openFileSystemClock(file: string): FileSystemClock {
  let clock: { timeMs: number; device: number } | undefined;
  const localDevices = new Map<number, boolean>();
  const start = () => (clock ??= probe(file));
  return {
    start,
    isSettled(stamp, device, place) {
      const { timeMs, device: clockDevice } = start();
      if (device !== clockDevice) {
        let isLocal = localDevices.get(device);
        if (isLocal === undefined) {
          isLocal = hasLocalClock(place);
          localDevices.set(device, isLocal);
        }
        if (!isLocal) return false;
      }
      return isSettled(stamp, timeMs);
    },
  };
}

function probe(file: string): { timeMs: number; device: number } {
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    const name = temporaryName(file);
    const descriptor = openSync(name, 'wx');
    try {
      const { mtimeMs, dev } = fstatSync(descriptor);
      return { timeMs: mtimeMs, device: dev };
    } finally {
      closeSync(descriptor);
      rmSync(name, { force: true });
    }
  } catch {
    // Without a clock, no stamp is trusted. Whatever writes files there later reports what is wrong with the folder.
    return { timeMs: 0, device: -1 };
  }
}

/**
 * The statfs(2) types of file systems that update a folder's times when an entry is added, removed or renamed, as POSIX requires:
 * ext2 to ext4, xfs, btrfs, tmpfs, overlayfs, zfs, f2fs, bcachefs. FAT does not, and network file systems may not.
 */
const posixTypes = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0x2fc12fc1, 0xf2f52010, 0xca451a4e,
]);

/** Other file systems whose times come from this machine's clock: FAT, exFAT, ramfs, squashfs, erofs, iso9660, udf. */
const localTypes = new Set([
  ...posixTypes,
  0x4d44,
  0x2011bab0,
  0x858458f6,
  0x73717368,
  0xe0f5e1e2,
  0x9660,
  0x15013346,
]);

/** Tells whether a folder with an unchanged stamp certainly has the same entries. */
export function hasReliableFolderStamps(folder: string): boolean {
  return process.platform === 'linux' && posixTypes.has(fileSystemType(folder));
}

/** False if times may come from another machine's clock, as on a network file system. */
function hasLocalClock(place: string): boolean {
  // The type numbers are Linux's. On other systems, all file systems count as local.
  return process.platform !== 'linux' || localTypes.has(fileSystemType(place));
}

function fileSystemType(place: string): number {
  try {
    return statfsSync(place).type;
  } catch {
    // An unknown file system is in neither set.
    return 0;
  }
}
