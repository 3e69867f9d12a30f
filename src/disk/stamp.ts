import { lstatSync, mkdirSync, type Stats, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';

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
 * tick and look the same (git's "racy" rule): what was read of it must not be remembered.
 */
export function isSettled(stamp: Stamp, clockMs: number): boolean {
  // By their places, not by names: to take a list apart makes four objects, and this is asked of each path.
  return stamp[1] + blurMs < clockMs && stamp[2] + blurMs < clockMs;
}

/**
 * The file system's own clock, in milliseconds, not older than any stamp taken before. It writes `<file>.clock`. Where that
 * can't be written: 0, and nothing is settled.
 */
export function fileClock(file: string): number {
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    const probe = `${file}.clock`;
    writeFileSync(probe, '');
    return lstatSync(probe).mtimeMs;
  } catch {
    // No clock, no trust. Who writes the state itself tells what is wrong with the folder.
    return 0;
  }
}

/**
 * File systems, by the numbers of statfs(2), that set a folder's times when something in it comes, goes or is renamed, as POSIX
 * has it: ext2 to 4, xfs, btrfs, tmpfs, overlayfs, zfs, f2fs, bcachefs. FAT does not; and who knows what a network's does.
 */
const honest = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0x2fc12fc1, 0xf2f52010, 0xca451a4e,
]);

/** True where a folder's stamp tells whether the names in it are the same. */
export function tellsNames(folder: string): boolean {
  try {
    return process.platform === 'linux' && honest.has(statfsSync(folder).type);
  } catch {
    // No answer, no trust.
    return false;
  }
}
