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
  /** What a path leads to, all links followed; undefined: nothing. */
  stat(path: string): Stat | undefined;
  /** The names in a folder, or in the folder that a link leads to. @throws as readdir does */
  readdir(folder: string): string[];
  /** Something was looked at in another way: what was noted does not tell whether it still is so. */
  markIncomplete(): void;
}

const nothingIsFine = { throwIfNoEntry: false } as const;

export const plainDisk: Disk = {
  lstat: (path) => asked(() => lstatSync(path, nothingIsFine)),
  stat: (path) => asked(() => statSync(path, nothingIsFine)),
  readdir: (folder) => readdirSync(folder),
  markIncomplete: () => undefined,
};

function asked(ask: () => Stats | undefined): Stat | undefined {
  try {
    return brief(ask());
  } catch (error) {
    // Nothing can have such a name.
    if ((error as NodeJS.ErrnoException).code === 'ENAMETOOLONG') return undefined;
    throw error;
  }
}

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

/** What a path leads to, links followed: `missing` where nothing is there, `circle` where links lead to one another for ever. */
export type PathKind = 'file' | 'folder' | 'other' | 'missing' | 'circle';

export function pathKind(disk: Disk, path: string): PathKind {
  const stat = followLinks(disk, path);
  if (stat === undefined) return 'missing';
  if (stat === 'circle') return 'circle';
  return stat.kind === 'file' || stat.kind === 'folder' ? stat.kind : 'other';
}

/** What a path leads to, links followed. A path that is no link is asked for once. */
export function followLinks(disk: Disk, path: string): Stat | 'circle' | undefined {
  try {
    const stat = disk.lstat(path);
    return stat?.kind === 'link' ? disk.stat(path) : stat;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ELOOP') throw error;
    disk.markIncomplete();
    return 'circle';
  }
}

/** True for a link, wherever it leads: nothing is removed through one. */
export function isLink(file: string): boolean {
  return lstatSync(file, nothingIsFine)?.isSymbolicLink() === true;
}
