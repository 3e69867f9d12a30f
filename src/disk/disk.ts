import { constants, lstatSync, readdirSync, type Stats, statSync } from 'node:fs';
import { type Stamp, stampOf } from './stamp.ts';

/** What stands at a path. */
export interface Stat {
  readonly kind: 'file' | 'folder' | 'link' | 'pipe' | 'socket' | 'device';
  /** By its owner. */
  readonly executable: boolean;
  readonly device: number;
  readonly stamp: Stamp;
}

/** The disk as observations see it; another one may note what they look at. */
export interface Disk {
  /** What stands there, links not followed; undefined: nothing. */
  lstat(path: string): Stat | undefined;
  /** The names in a folder. @throws as readdir does */
  names(folder: string): string[];
  /** Something was looked at in another way: what was noted does not tell whether it still is so. */
  vouchForNothing(): void;
}

const nothingIsFine = { throwIfNoEntry: false } as const;

export const plainDisk: Disk = {
  lstat: (path) => brief(lstatSync(path, nothingIsFine)),
  names: (folder) => readdirSync(folder),
  vouchForNothing: () => undefined,
};

const kinds: Readonly<Record<number, Stat['kind']>> = {
  [constants.S_IFREG]: 'file',
  [constants.S_IFDIR]: 'folder',
  [constants.S_IFLNK]: 'link',
  [constants.S_IFIFO]: 'pipe',
  [constants.S_IFSOCK]: 'socket',
};

/** What matters of Node's Stats, which take ten times the memory. */
function brief(stat: Stats | undefined): Stat | undefined {
  if (stat === undefined) return undefined;
  const { mode, dev: device } = stat;
  const kind = kinds[mode & constants.S_IFMT] ?? 'device';
  return { kind, executable: (mode & constants.S_IXUSR) !== 0, device, stamp: stampOf(stat) };
}

/** `missing`, or what a path leads to, links followed. */
export function kindOf(disk: Disk, path: string): 'file' | 'folder' | 'other' | 'missing' {
  let stat = disk.lstat(path);
  if (stat?.kind === 'link') {
    // What stands behind each of its links would have to be noted.
    disk.vouchForNothing();
    stat = brief(statSync(path, nothingIsFine));
  }
  if (stat === undefined) return 'missing';
  return stat.kind === 'file' || stat.kind === 'folder' ? stat.kind : 'other';
}
