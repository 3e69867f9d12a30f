import path from 'node:path';
import { type Disk, plainDisk, type Stat } from '../disk/disk.ts';
import { isSettled, type Stamp, tellsNames } from '../disk/stamp.ts';

/** One path that was looked at, and how it stood. */
export interface Look {
  /** Absolute. */
  readonly path: string;
  /** undefined: nothing was there. */
  readonly stamp: Stamp | undefined;
  /** Of nothing: the look at its folder, taken before. While the folder stands still there is nothing. */
  readonly folder?: Look;
}

/** All that an observation looked at. */
export interface Trace {
  readonly looks: Set<Look>;
  /** What others looked at, too. */
  readonly shared: Set<Trace>;
  /** False: not all that it looked at tells later whether it still stands so. */
  isWhole: boolean;
}

export function emptyTrace(): Trace {
  return { looks: new Set(), shared: new Set(), isWhole: true };
}

/** A look, and what it told. */
interface Seen extends Look {
  readonly stat: Stat | undefined;
  /** True: its stamp tells later whether it still stands so. */
  readonly isTold: boolean;
}

/**
 * A disk that notes in `trace()` what is looked at. It asks once for each path: what moves while a run looks is seen by the
 * next, by its stamp. `clock`: the file system's, in milliseconds, not older than any look before.
 */
export function notingDisk(trace: () => Trace | undefined, clock: () => number): Disk {
  const looks = new Map<string, Seen>();
  const devices = new Map<number, boolean>();
  const isHonest = (device: number, folder: string): boolean => {
    const known = devices.get(device) ?? tellsNames(folder);
    devices.set(device, known);
    return known;
  };
  const lookAt = (name: string): Seen => {
    const stat = plainDisk.lstat(name);
    // A name with a line end would be two lines of what is kept.
    const isOneLine = !/[\n\t]/.test(name);
    if (stat === undefined) {
      const folder = looks.get(path.dirname(name));
      const isBelow = folder?.stamp !== undefined && folder.isTold;
      return { path: name, stat, stamp: undefined, isTold: isOneLine, ...(isBelow ? { folder } : {}) };
    }
    const { kind, stamp, device } = stat;
    const isTold = isOneLine && (kind !== 'folder' || isHonest(device, name)) && isSettled(stamp, clock());
    return { path: name, stat, stamp, isTold };
  };
  return {
    lstat(name) {
      const noted = trace();
      if (noted === undefined) return plainDisk.lstat(name);
      let seen = looks.get(name);
      if (seen === undefined) {
        seen = lookAt(name);
        looks.set(name, seen);
      }
      noted.looks.add(seen);
      if (!seen.isTold) noted.isWhole = false;
      return seen.stat;
    },
    names(folder) {
      // Its stamp before its names: what comes meanwhile moves it.
      if (trace() !== undefined && this.lstat(folder)?.kind !== 'folder') this.vouchForNothing();
      return plainDisk.names(folder);
    },
    vouchForNothing() {
      const noted = trace();
      if (noted !== undefined) noted.isWhole = false;
    },
  };
}
