import { type BigIntStats, lstatSync, readdirSync, statSync } from 'node:fs';

/** The disk as observations see it; another one may note what they look at. */
export interface Disk {
  /** What stands there, links not followed; undefined: nothing. */
  lstat(path: string): BigIntStats | undefined;
  /** The names in a folder. @throws as readdir does */
  names(folder: string): string[];
  /** Something was looked at in another way: what was noted does not tell whether it still is so. */
  vouchForNothing(): void;
}

export const plainDisk: Disk = {
  lstat: (path) => lstatSync(path, { bigint: true, throwIfNoEntry: false }),
  names: (folder) => readdirSync(folder),
  vouchForNothing: () => undefined,
};

/** `missing`, or what a path leads to, links followed. */
export function kindOf(disk: Disk, path: string): 'file' | 'folder' | 'other' | 'missing' {
  let stat = disk.lstat(path);
  if (stat?.isSymbolicLink()) {
    // What stands behind each of its links would have to be noted.
    disk.vouchForNothing();
    stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  }
  if (stat === undefined) return 'missing';
  return stat.isFile() ? 'file' : stat.isDirectory() ? 'folder' : 'other';
}
