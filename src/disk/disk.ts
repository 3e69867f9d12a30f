import { constants, lstatSync, readdirSync, type Stats, statSync } from 'node:fs';
import { type Stamp, stampOf } from './stamp.ts';

/** The parts of Node's Stats that matter here. */
export interface Stat {
  readonly kind: 'file' | 'folder' | 'link' | 'pipe' | 'socket' | 'device';
  /** True if its owner may execute it. */
  readonly executable: boolean;
  readonly device: number;
  readonly stamp: Stamp;
}

/** The file system as observations read it. Another implementation can record what they access. */
export interface Disk {
  /** Returns the state of a path without following a link, or undefined if nothing exists there. */
  lstat(path: string): Stat | undefined;
  /** Returns the state of what a path resolves to, or undefined if nothing exists there. */
  stat(path: string): Stat | undefined;
  /** Returns the names in a folder, or in the folder that a link resolves to. @throws the errors of readdir */
  readdir(folder: string): string[];
  /** Tells a recording disk that its record is incomplete, because something was read in another way or has changed since. */
  markIncomplete(): void;
}

const returnUndefined = { throwIfNoEntry: false } as const;

/** The file system, without a recording. */
export const plainDisk: Disk = {
  lstat: (path) => toStat(() => lstatSync(path, returnUndefined)),
  stat: (path) => toStat(() => statSync(path, returnUndefined)),
  readdir: (folder) => readdirSync(folder),
  markIncomplete: () => undefined,
};

function toStat(read: () => Stats | undefined): Stat | undefined {
  try {
    return fromNodeStats(read());
  } catch (error) {
    // A file with such a name cannot exist.
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

/** Converts Node's Stats, which take ten times the memory. */
function fromNodeStats(stats: Stats | undefined): Stat | undefined {
  if (stats === undefined) return undefined;
  const { mode, dev: device } = stats;
  const kind = kinds[mode & constants.S_IFMT] ?? 'device';
  return { kind, executable: (mode & constants.S_IXUSR) !== 0, device, stamp: stampOf(stats) };
}

/** What a path resolves to: `missing` if nothing exists there, `circle` if its links form a loop. */
export type PathKind = 'file' | 'folder' | 'other' | 'missing' | 'circle';

/** Returns what a path resolves to. */
export function pathKind(disk: Disk, path: string): PathKind {
  const stat = followLinks(disk, path);
  if (stat === undefined) return 'missing';
  if (stat === 'circle') return 'circle';
  return stat.kind === 'file' || stat.kind === 'folder' ? stat.kind : 'other';
}

/**
 * Returns the state of what a path resolves to: undefined if nothing exists there, `circle` if its links form a loop. A path that
 * is not a link takes one system call.
 */
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

/** Tells whether a path is a link, even a dangling one. Used before a removal, which must not go through a link. */
export function isLink(file: string): boolean {
  return lstatSync(file, returnUndefined)?.isSymbolicLink() === true;
}
