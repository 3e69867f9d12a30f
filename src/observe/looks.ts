import path from 'node:path';
import { type Disk, plainDisk } from '../disk/disk.ts';
import { isSettled, type Stamp, stampOf, tellsNames } from '../disk/stamp.ts';

/** One path that was looked at, and how it stood. */
export interface Look {
  /** Absolute. */
  readonly path: string;
  /** NaN in it: nothing tells later whether it still stands so. undefined: nothing was there. */
  readonly stamp: Stamp | undefined;
  /** Of nothing: the look at its folder, taken before. While the folder stands still there is nothing. */
  readonly folder?: Look;
}

/** All that an observation looked at. */
export interface Trace {
  readonly looks: Set<Look>;
  /** What others looked at, too. */
  readonly shared: Set<Trace>;
  /** False: what it looked at is not all noted. */
  isWhole: boolean;
}

export function emptyTrace(): Trace {
  return { looks: new Set(), shared: new Set(), isWhole: true };
}

const untrusted: Stamp = [Number.NaN, Number.NaN, Number.NaN, Number.NaN];

/** A disk that notes in `trace()` what is looked at. `clock`: the file system's, in milliseconds, not older than any look before. */
export function notingDisk(trace: () => Trace | undefined, clock: () => number): Disk {
  const looks = new Map<string, Look>();
  const devices = new Map<bigint, boolean>();
  const note = (name: string, look: () => Look): void => {
    const noted = trace();
    if (noted === undefined) return;
    const known = looks.get(name) ?? look();
    looks.set(name, known);
    noted.looks.add(known);
  };
  const isHonest = (device: bigint, folder: string): boolean => {
    const known = devices.get(device) ?? tellsNames(folder);
    devices.set(device, known);
    return known;
  };
  return {
    lstat(name) {
      const stat = plainDisk.lstat(name);
      note(name, () => {
        if (stat === undefined) {
          const folder = looks.get(path.dirname(name));
          return { path: name, stamp: undefined, ...(folder?.stamp !== undefined ? { folder } : {}) };
        }
        const stamp = stampOf(stat);
        const isTold = !stat.isDirectory() || isHonest(stat.dev, name);
        return { path: name, stamp: isTold && isSettled(stamp, clock()) ? stamp : untrusted };
      });
      return stat;
    },
    names(folder) {
      // Its stamp before its names: what comes meanwhile moves it.
      if (trace() !== undefined && this.lstat(folder)?.isDirectory() !== true) this.vouchForNothing();
      return plainDisk.names(folder);
    },
    vouchForNothing() {
      const noted = trace();
      if (noted !== undefined) noted.isWhole = false;
    },
  };
}
