import { readlinkSync } from 'node:fs';
import path from 'node:path';
import { type Disk, followLinks, plainDisk, type Stat } from '../disk/disk.ts';
import { withOpenFile } from '../disk/read.ts';
import { isSameStamp } from '../disk/stamp.ts';
import type { Memo } from '../incremental/memo.ts';
import type { FileEntry } from '../model/observed.ts';

/** An error for a path that cannot be an input of a task: it cannot be read, or a build context cannot contain its type. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable';
}

/** Decides which paths (relative, with `/`) are excluded. */
export interface Filter {
  /** Returns true if this path is excluded. */
  omits(path: string): boolean;
  /** Returns false if everything below this excluded folder is excluded, too, so that it need not be read. */
  mayEnter(path: string): boolean;
}

export const includeAll: Filter = { omits: () => false, mayEnter: () => true };

/** A path whose content is not read yet. */
export interface Listed {
  readonly path: string;
  readonly absolute: string;
  readonly stat: Stat;
}

/**
 * Lists everything below a folder that the filter includes, sorted by path. Does not follow symlinks, and skips sockets, as
 * docker does. Lists an excluded folder if something below it is included.
 * @throws Unreadable
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
      const stat = lstatOf(absolute, disk);
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

/** Like `list`, but reads the content: the digests of files and the targets of symlinks. @throws Unreadable */
export function walk(folder: string, filter: Filter, memo: Memo, disk: Disk = plainDisk): FileEntry[] {
  return list(folder, filter, disk).map((listed) => readListed(listed, memo, disk));
}

/** Reads one path; `name` becomes the path of the entry. Returns undefined for a socket. @throws Unreadable */
export function readEntry(
  absolute: string,
  name: string,
  memo: Memo,
  disk: Disk = plainDisk,
): FileEntry | undefined {
  const stat = lstatOf(absolute, disk);
  return stat.kind === 'socket' ? undefined : readListed({ path: name, absolute, stat }, memo, disk);
}

/** Reads the content of a listed path: the digest of a file, the target of a symlink. @throws Unreadable */
export function readListed(
  { path: name, absolute, stat }: Listed,
  memo: Memo,
  disk: Disk = plainDisk,
): FileEntry {
  switch (stat.kind) {
    case 'folder':
      return { path: name, type: 'dir' };
    case 'file': {
      const digest = orUnreadable(absolute, () => memo.digest(absolute, stat.stamp, disk));
      return { path: name, type: 'file', executable: stat.executable, size: stat.stamp[0], digest };
    }
    case 'link':
      return { path: name, type: 'link', target: readTrackedLink(absolute, stat, disk) };
    case 'pipe':
      return { path: name, type: 'fifo' };
    default:
      throw new Unreadable(`${absolute} is a device; expected a file, folder, symlink or pipe`);
  }
}

/** Returns the target of a symlink whose stat was recorded by `disk`. @throws Unreadable */
export function readTrackedLink(absolute: string, { stamp }: Stat, disk: Disk): string {
  const target = readLink(absolute);
  // If a parent folder or symlink was replaced in between, this is the target of another symlink.
  const after = plainDisk.lstat(absolute);
  if (after === undefined || !isSameStamp(stamp, after.stamp)) disk.markIncomplete();
  return target;
}

/** Returns the target of a symlink, as written. @throws Unreadable */
export function readLink(absolute: string): string {
  return orUnreadable(absolute, () => readlinkSync(absolute));
}

/** Returns the names in a folder. @throws Unreadable */
export function readNames(folder: string, disk: Disk): string[] {
  const names = orUnreadable(folder, () => disk.readdir(folder));
  const broken = names.find((name) => name.includes('\uFFFD'));
  if (broken !== undefined)
    throw new Unreadable(`${folder}/${broken}: the name is not valid UTF-8; rename the file or exclude it`);
  return names;
}

function lstatOf(absolute: string, disk: Disk): Stat {
  const stat = orUnreadable(absolute, () => disk.lstat(absolute));
  if (stat === undefined) throw new Unreadable(`cannot read ${absolute}: ${errorTexts.ENOENT}`);
  return stat;
}

const errorTexts: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  ENOENT: 'removed while tasks was reading it',
  EIO: 'input/output error',
  ELOOP: 'symlink loop',
};

/** Returns the bytes of a file, following symlinks. The next call may overwrite them. @throws Unreadable */
export function readBytes(file: string, disk: Disk): Buffer {
  const stat = followLinks(disk, file);
  if (stat === undefined || stat === 'circle' || stat.kind !== 'file')
    throw new Unreadable(`${file} is not a regular file`);
  try {
    return withOpenFile(file, stat.stamp, (opened) => {
      if (!opened.isUnchanged) disk.markIncomplete();
      return opened.readShort() ?? opened.readAll();
    });
  } catch (error) {
    throw new Unreadable(`cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`);
  }
}

/** Runs `read` and turns its errors into `Unreadable`. */
function orUnreadable<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new Unreadable(`cannot read ${file}: ${errorTexts[code] ?? code}`);
  }
}
