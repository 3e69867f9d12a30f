import path from 'node:path';
import { type Disk, plainDisk, type Stat } from '../disk/disk.ts';
import { type FileSystemClock, hasReliableFolderStamps, isSameStamp, type Stamp } from '../disk/stamp.ts';

/** A path that was accessed, and its stamp at that time. */
export interface FileAccess {
  /** Absolute. Starts with `followedMark` if symlinks were followed. */
  readonly path: string;
  /** Undefined: the path was missing. */
  readonly stamp: Stamp | undefined;
  /**
   * For a missing path: the earlier access of its parent folder. While the folder is unchanged, the path is still missing.
   */
  readonly parent?: FileAccess;
}

/** Marks a path whose symlinks were followed. No file name contains this character. */
export const followedMark = '\0';

/** Everything that was read for one task, or for one result that tasks share. */
export interface ReadSet {
  readonly accesses: Set<FileAccess>;
  /** Read sets of shared results. */
  readonly shared: Set<ReadSet>;
  /** False: the accesses are not enough to detect every later change. */
  isComplete: boolean;
}

export function emptyReadSet(): ReadSet {
  return { accesses: new Set(), shared: new Set(), isComplete: true };
}

/** An access with its result. */
interface RecordedAccess extends FileAccess {
  readonly stat: Stat | undefined;
  /** True: a later change of the path always changes its stamp. */
  readonly isReliable: boolean;
}

/**
 * Returns a disk that records all accesses in the read set that `readSet()` returns, if any. It asks the real disk once per
 * path: if a path changes during the run, its stamp differs in the next run.
 */
export function recordingDisk(readSet: () => ReadSet | undefined, clock: FileSystemClock): Disk {
  const accesses = new Map<string, RecordedAccess>();
  const devices = new Map<number, boolean>();
  const hasReliableStamp = (device: number, folder: string): boolean => {
    const known = devices.get(device) ?? hasReliableFolderStamps(folder);
    devices.set(device, known);
    return known;
  };
  /** Returns the earlier access of a folder, or of a symlink to a folder. */
  const folderAccess = (name: string): RecordedAccess | undefined =>
    [accesses.get(name), accesses.get(followedMark + name)].find((access) => access?.stat?.kind === 'folder');
  const newAccess = (id: string, name: string, stat: Stat | undefined): RecordedAccess => {
    // The deps log has one line per path, and tabs between columns.
    const canBeStored = !/[\n\t]/.test(name);
    if (stat === undefined) {
      // The target of a symlink is in another folder, so the parent says nothing about it.
      const parent = id === name ? folderAccess(path.dirname(name)) : undefined;
      const hasParent = parent?.isReliable === true;
      return {
        path: id,
        stat,
        stamp: undefined,
        isReliable: canBeStored,
        ...(hasParent ? { parent } : {}),
      };
    }
    const { kind, stamp, device } = stat;
    const isReliable =
      canBeStored &&
      (kind !== 'folder' || hasReliableStamp(device, name)) &&
      // The times of a symlink come from the file system that it is on, which may not be that of its target.
      clock.isSettled(stamp, device, kind === 'link' ? path.dirname(name) : name);
    return { path: id, stat, stamp, isReliable };
  };
  const record = (id: string, name: string, read: (name: string) => Stat | undefined): Stat | undefined => {
    const reads = readSet();
    if (reads === undefined) return read(name);
    let access = accesses.get(id);
    if (access === undefined) {
      access = newAccess(id, name, read(name));
      accesses.set(id, access);
    }
    reads.accesses.add(access);
    if (!access.isReliable) reads.isComplete = false;
    return access.stat;
  };
  return {
    lstat: (name) => record(name, name, plainDisk.lstat),
    stat: (name) => record(followedMark + name, name, plainDisk.stat),
    readdir(folder) {
      if (readSet() === undefined) return plainDisk.readdir(folder);
      // Take the stamp before reading the names: a file that is added in between then changes the stamp.
      const own = this.lstat(folder);
      const stat = own?.kind === 'link' ? this.stat(folder) : own;
      const names = plainDisk.readdir(folder);
      // And check it afterwards: if a parent folder or symlink was replaced, these are the names of another folder.
      const after = plainDisk.stat(folder);
      if (stat?.kind !== 'folder' || after === undefined || !isSameStamp(stat.stamp, after.stamp))
        this.markIncomplete();
      return names;
    },
    markIncomplete() {
      const reads = readSet();
      if (reads !== undefined) reads.isComplete = false;
    },
  };
}
