import { lstatSync, mkdirSync, type Stats, writeFileSync } from 'node:fs';
import path from 'node:path';

/**
 * What moves when a file is changed or another takes its place: size, mtime and ctime in milliseconds, inode, mode. A folder's
 * moves when something in it comes, goes or is renamed; its size is left out.
 */
export type Stamp = readonly [size: number, mtimeMs: number, ctimeMs: number, ino: number, mode: number];

/** The stamp of what a stat tells. */
export function stampOf(stat: Stats): Stamp {
  return [stat.isDirectory() ? 0 : stat.size, stat.mtimeMs, stat.ctimeMs, stat.ino, stat.mode];
}

/** True where two stamps are of one state. NaN, which stands for a stamp that is not to be trusted, is never the same. */
export function isSameStamp(one: Stamp, other: Stamp): boolean {
  return one.every((value, at) => value === other[at]);
}

/** Times are kept as doubles, which are exact to a quarter of a microsecond; and no clock ticks as fast as this. */
const blurMs = 0.001;

/**
 * True where a change from `clockMs` on must move the stamps. What is as new as the clock may change again within the same
 * tick and look the same (git's "racy" rule): what was read of it must not be remembered.
 */
export function isSettled(stat: Stats, clockMs: number): boolean {
  return stat.mtimeMs + blurMs < clockMs && stat.ctimeMs + blurMs < clockMs;
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
