import path from 'node:path';
import { type Disk, plainDisk, type Stat } from '../disk/disk.ts';
import { type FileSystemClock, hasReliableFolderStamps, isSameStamp, type Stamp } from '../disk/stamp.ts';

/** One path that was looked at, and how it stood. */
export interface FileAccess {
  /** Absolute; behind `throughLinks` where what it leads to was asked for, not what it is. */
  readonly path: string;
  /** undefined: nothing was there. */
  readonly stamp: Stamp | undefined;
  /** Of nothing: the look at its folder, taken before. While the folder stands still there is nothing. */
  readonly folder?: FileAccess;
}

/** Stands before a path whose links were followed. No file's name holds it. */
export const followedMark = '\0';

/** All that an observation looked at. */
export interface ReadSet {
  readonly accesses: Set<FileAccess>;
  /** What others looked at, too. */
  readonly shared: Set<ReadSet>;
  /** False: not all that it looked at tells later whether it still stands so. */
  isComplete: boolean;
}

export function emptyReadSet(): ReadSet {
  return { accesses: new Set(), shared: new Set(), isComplete: true };
}

/** A look, and what it told. */
interface Seen extends FileAccess {
  readonly stat: Stat | undefined;
  /** True: its stamp tells later whether it still stands so. */
  readonly isTold: boolean;
}

/**
 * A disk that notes in `trace()` what is looked at. It asks once for each path: what moves while a run looks is seen by the
 * next, by its stamp.
 */
export function recordingDisk(trace: () => ReadSet | undefined, clock: FileSystemClock): Disk {
  const looks = new Map<string, Seen>();
  const devices = new Map<number, boolean>();
  const isHonest = (device: number, folder: string): boolean => {
    const known = devices.get(device) ?? hasReliableFolderStamps(folder);
    devices.set(device, known);
    return known;
  };
  /** The look at a folder that was taken before, whether a link leads there or not. */
  const folderOf = (name: string): Seen | undefined =>
    [looks.get(name), looks.get(followedMark + name)].find((seen) => seen?.stat?.kind === 'folder');
  const lookAt = (id: string, name: string, stat: Stat | undefined): Seen => {
    // A name with a line end would be two lines of what is kept.
    const isOneLine = !/[\n\t]/.test(name);
    if (stat === undefined) {
      // What a link leads to stands elsewhere: no folder tells of it.
      const folder = id === name ? folderOf(path.dirname(name)) : undefined;
      const isBelow = folder?.isTold === true;
      return { path: id, stat, stamp: undefined, isTold: isOneLine, ...(isBelow ? { folder } : {}) };
    }
    const { kind, stamp, device } = stat;
    const isTold =
      isOneLine &&
      (kind !== 'folder' || isHonest(device, name)) &&
      // A link's own time is its file system's; it cannot be asked through the link.
      clock.isSettled(stamp, device, kind === 'link' ? path.dirname(name) : name);
    return { path: id, stat, stamp, isTold };
  };
  const noting = (id: string, name: string, ask: (name: string) => Stat | undefined): Stat | undefined => {
    const noted = trace();
    if (noted === undefined) return ask(name);
    let seen = looks.get(id);
    if (seen === undefined) {
      seen = lookAt(id, name, ask(name));
      looks.set(id, seen);
    }
    noted.accesses.add(seen);
    if (!seen.isTold) noted.isComplete = false;
    return seen.stat;
  };
  return {
    lstat: (name) => noting(name, name, plainDisk.lstat),
    stat: (name) => noting(followedMark + name, name, plainDisk.stat),
    readdir(folder) {
      if (trace() === undefined) return plainDisk.readdir(folder);
      // Its stamp before its names: what comes meanwhile moves it.
      const own = this.lstat(folder);
      const stat = own?.kind === 'link' ? this.stat(folder) : own;
      const names = plainDisk.readdir(folder);
      // And after them: a folder or link on the way may have been switched, and the names be those of another folder.
      const after = plainDisk.stat(folder);
      if (stat?.kind !== 'folder' || after === undefined || !isSameStamp(stat.stamp, after.stamp))
        this.markIncomplete();
      return names;
    },
    markIncomplete() {
      const noted = trace();
      if (noted !== undefined) noted.isComplete = false;
    },
  };
}
