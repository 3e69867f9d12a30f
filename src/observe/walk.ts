import { readlinkSync } from 'node:fs';
import path from 'node:path';
import { type Disk, plainDisk, type Stat } from '../disk/disk.ts';
import { isSameStamp } from '../disk/stamp.ts';
import type { Memo } from '../incremental/memo.ts';
import type { FileEntry } from '../model/observed.ts';

/** Something on disk that cannot be part of a task's inputs: unreadable, or of a kind that no build context holds. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable';
}

/** Which paths (relative, with `/`) a walk leaves out. */
export interface Filter {
  /** True: this path is left out. */
  omits(path: string): boolean;
  /** False: nothing below this omitted folder can be let in, so the walk need not enter it. */
  mayEnter(path: string): boolean;
}

export const includeAll: Filter = { omits: () => false, mayEnter: () => true };

/** A path as it was found, not yet read. */
export interface Listed {
  readonly path: string;
  readonly absolute: string;
  readonly stat: Stat;
}

/**
 * All that stands below a folder and that the filter lets in, sorted by path. Links are not followed, sockets are passed
 * over as docker does. A left-out folder is listed where something below it is let in.
 * @throws Unreadable naming the path
 */
export function list(folder: string, filter: Filter, disk: Disk = plainDisk): Listed[] {
  const listed: Listed[] = [];
  const top = path.resolve(folder);
  const prefix = top.endsWith('/') ? top : `${top}/`;
  const visit = (relative: string): void => {
    for (const name of readNames(relative === '' ? top : prefix + relative, disk)) {
      const child = relative === '' ? name : `${relative}/${name}`;
      const omitted = filter.omits(child);
      if (omitted && !filter.mayEnter(child)) continue;
      const absolute = prefix + child;
      const stat = statOf(absolute, disk);
      const found = { path: child, absolute, stat };
      if (stat.kind === 'folder') {
        const before = listed.length;
        if (!omitted) listed.push(found);
        visit(child);
        if (omitted && listed.length > before) listed.push(found);
      } else if (!omitted && stat.kind !== 'socket') listed.push(found);
    }
  };
  visit('');
  return listed.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** All entries below a folder that the filter lets in, sorted by path, each file with its digest. @throws Unreadable */
export function walk(folder: string, filter: Filter, memo: Memo, disk: Disk = plainDisk): FileEntry[] {
  return list(folder, filter, disk).map((listed) => readListed(listed, memo, disk));
}

/** One path as an entry named `as`; undefined for a socket. @throws Unreadable */
export function readEntry(
  absolute: string,
  as: string,
  memo: Memo,
  disk: Disk = plainDisk,
): FileEntry | undefined {
  const stat = statOf(absolute, disk);
  return stat.kind === 'socket' ? undefined : readListed({ path: as, absolute, stat }, memo, disk);
}

/** Reads what was listed: a file's digest, a link's target. @throws Unreadable */
export function readListed(
  { path: name, absolute, stat }: Listed,
  memo: Memo,
  disk: Disk = plainDisk,
): FileEntry {
  switch (stat.kind) {
    case 'folder':
      return { path: name, type: 'dir' };
    case 'file': {
      const digest = reading(absolute, () => memo.digest(absolute, stat.stamp, disk));
      return { path: name, type: 'file', executable: stat.executable, size: stat.stamp[0], digest };
    }
    case 'link':
      return { path: name, type: 'link', target: readTrackedLink(absolute, stat, disk) };
    case 'pipe':
      return { path: name, type: 'fifo' };
    default:
      throw new Unreadable(`${absolute} is a device; only files, folders, links and pipes can be in a build`);
  }
}

/** Where a link points, as it is written, of a link that was looked at before. @throws Unreadable */
export function readTrackedLink(absolute: string, { stamp }: Stat, disk: Disk): string {
  const target = readLink(absolute);
  // A folder or link on the way may have been switched meanwhile, and this be another link's.
  const after = plainDisk.lstat(absolute);
  if (after === undefined || !isSameStamp(stamp, after.stamp)) disk.markIncomplete();
  return target;
}

/** Where a link points, as it is written. @throws Unreadable */
export function readLink(absolute: string): string {
  return reading(absolute, () => readlinkSync(absolute));
}

/** The names in a folder. @throws Unreadable */
export function readNames(folder: string, disk: Disk): string[] {
  const names = reading(folder, () => disk.readdir(folder));
  const broken = names.find((name) => name.includes('\uFFFD'));
  if (broken !== undefined)
    throw new Unreadable(`${folder}/${broken}: the name is not valid UTF-8; rename it or ignore it`);
  return names;
}

function statOf(absolute: string, disk: Disk): Stat {
  const stat = reading(absolute, () => disk.lstat(absolute));
  if (stat === undefined) throw new Unreadable(`cannot read ${absolute}: ${words.ENOENT}`);
  return stat;
}

const words: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  ENOENT: 'it vanished while it was read',
  EIO: 'input/output error',
  ELOOP: 'its links lead in a circle',
};

function reading<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new Unreadable(`cannot read ${file}: ${words[code] ?? code}`);
  }
}
