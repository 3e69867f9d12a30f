import { closeSync, fstatSync, mkdirSync, openSync, rmSync, type Stats, statfsSync } from 'node:fs';
import path from 'node:path';
import { temporaryName } from './write.ts';

/**
 * What moves when a file is changed or another takes its place: size, mtime and ctime in milliseconds, inode. (What chmod
 * changes moves the ctime.) A folder's moves when something in it comes, goes or is renamed.
 */
export type Stamp = readonly [size: number, mtimeMs: number, ctimeMs: number, ino: number];

/** The stamp of what a stat tells. */
export function stampOf({ size, mtimeMs, ctimeMs, ino }: Stats): Stamp {
  return [size, mtimeMs, ctimeMs, ino];
}

/** True where two stamps are of one state. */
export function isSameStamp(one: Stamp, other: Stamp): boolean {
  return one[0] === other[0] && one[1] === other[1] && one[2] === other[2] && one[3] === other[3];
}

/** Times are kept as doubles, which are exact to a quarter of a microsecond; and no clock ticks as fast as this. */
const blurMs = 0.001;

/**
 * True where a change from `clockMs` on must move the stamp. What is as new as the clock may change again within the same
 * tick and look the same (git's "racy" rule): what was read of it must not be remembered. `clockMs` must have been read
 * after the stamp was taken, and before what it stands for was read.
 */
export function isSettled(stamp: Stamp, clockMs: number): boolean {
  // By their places, not by names: to take a list apart makes four objects, and this is asked of each path.
  return stamp[1] + tickOf(stamp[1]) < clockMs && stamp[2] + tickOf(stamp[2]) < clockMs;
}

/**
 * The longest tick of a file system that may have given a time. Many have coarse times: two seconds (FAT), one second
 * (ext3, ext4 with small inodes, HFS+), ten milliseconds (exFAT). On others such a round time is rare and costs one more read.
 */
function tickOf(timeMs: number): number {
  if (!Number.isInteger(timeMs)) return blurMs;
  return timeMs % 1000 === 0 ? 2000 + blurMs : 10 + blurMs;
}

/**
 * The clock of the file system that a file stands on, in milliseconds, not older than any stamp taken there before. It makes
 * a new file beside it and removes it. Where that is not possible: 0, and nothing is settled.
 */
export function readFileSystemClock(file: string): number {
  return probe(file).timeMs;
}

/** Tells of stamps whether they are settled. */
export interface FileSystemClock {
  /** To be called before something is read whose stamp will be asked for afterwards. */
  start(): void;
  /** `place`: a path on the device. */
  isSettled(stamp: Stamp, device: number, place: string): boolean;
}

/** The clock of the file system that `file` stands on. It is read once, at the first call. */
export function openFileSystemClock(file: string): FileSystemClock {
  let own: { timeMs: number; device: number } | undefined;
  const devices = new Map<number, boolean>();
  const start = () => (own ??= probe(file));
  return {
    start,
    isSettled(stamp, device, place) {
      const { timeMs, device: ownDevice } = start();
      if (device !== ownDevice) {
        let isLocal = devices.get(device);
        if (isLocal === undefined) {
          isLocal = hasLocalClock(place);
          devices.set(device, isLocal);
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
    // No clock, no trust. Who writes the state itself tells what is wrong with the folder.
    return { timeMs: 0, device: -1 };
  }
}

/**
 * File systems, by the numbers of statfs(2), that set a folder's times when something in it comes, goes or is renamed, as POSIX
 * has it: ext2 to 4, xfs, btrfs, tmpfs, overlayfs, zfs, f2fs, bcachefs. FAT does not; and who knows what a network's does.
 */
const honest = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0x2fc12fc1, 0xf2f52010, 0xca451a4e,
]);

/** Others whose times come from this machine's clock, if coarser: FAT, exFAT, ramfs, squashfs, erofs, iso9660, udf. */
const local = new Set([
  ...honest,
  0x4d44,
  0x2011bab0,
  0x858458f6,
  0x73717368,
  0xe0f5e1e2,
  0x9660,
  0x15013346,
]);

/** True where a folder's stamp tells whether the names in it are the same. */
export function hasReliableFolderStamps(folder: string): boolean {
  return process.platform === 'linux' && honest.has(typeOf(folder));
}

/** False where times may come from another machine, whose clock is not ours: a network's file system. */
function hasLocalClock(place: string): boolean {
  // Elsewhere the numbers mean other things, and there is one kind of disk.
  return process.platform !== 'linux' || local.has(typeOf(place));
}

function typeOf(place: string): number {
  try {
    return statfsSync(place).type;
  } catch {
    // No answer, no trust.
    return 0;
  }
}
