import {
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { writeNewFile } from '../disk/write.ts';
import type { Owner } from '../model/owner.ts';
import { isAlive, newOwner } from './owner.ts';

/** Milliseconds between two attempts to get a lock that another process holds. */
const pollIntervalMs = 100;
/** Milliseconds between two heartbeats of a holder: it touches its lock file. */
const heartbeatIntervalMs = 10_000;
/** Milliseconds without a heartbeat after which a holder on another machine counts as dead. */
const heartbeatTimeoutMs = 60_000;
/** Milliseconds after which a lock file without a valid owner counts as abandoned. */
const invalidTimeoutMs = 2_000;

/**
 * Opens the locks between processes in a project's cache folder. `acquire` returns a function that releases the lock. It waits
 * while another process holds the lock, and takes over at once if that process has ended. `onWait` is called once per
 * `acquire` that has to wait, with the pid of the holder if it is a process of this machine.
 */
export function openLocks(
  cacheFolder: string,
  onWait: (name: string, pid: number | undefined) => void,
  elapsed: Elapsed = () => performance.now(),
) {
  const folder = path.join(cacheFolder, 'locks');
  return {
    async acquire(name: string, signal: AbortSignal): Promise<() => Promise<void>> {
      mkdirSync(folder, { recursive: true });
      const file = path.join(folder, name.slice(0, 16));
      const release = await acquireFile(file, signal, (pid) => onWait(name, pid), elapsed);
      const heartbeat = setInterval(() => touch(file), heartbeatIntervalMs);
      heartbeat.unref();
      return async () => {
        clearInterval(heartbeat);
        release();
      };
    },
  };
}

/** A monotonic clock in milliseconds. */
type Elapsed = () => number;

/** Waits until it gets a lock file; returns the function that releases it. @throws the signal's reason */
async function acquireFile(
  file: string,
  signal: AbortSignal,
  onWait: (pid: number | undefined) => void,
  elapsed: Elapsed,
): Promise<() => void> {
  const self = newOwner();
  const isDead = watchHolder(file, elapsed);
  const draft = `${file}.${self.id}`;
  writeNewFile(draft, JSON.stringify(self));
  try {
    for (let hasWaited = false; ; ) {
      signal.throwIfAborted();
      if (tryCreate(draft, file)) return () => releaseFile(file, self);
      const holder = readHolder(file);
      if (holder !== 'free' && isDead(holder)) {
        if (await takeOver(file, draft, holder, signal, elapsed)) return () => releaseFile(file, self);
        continue;
      }
      if (!hasWaited) onWait(localPid(holder));
      hasWaited = true;
      await delay(pollIntervalMs, undefined, { signal });
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Returns the pid of a holder that runs on this machine. */
function localPid(holder: ReturnType<typeof readHolder>): number | undefined {
  return typeof holder === 'object' && isAlive(holder) === true ? holder.pid : undefined;
}

/**
 * Replaces a dead holder's lock file with ours; returns false if the holder has changed. A second lock guards this: if two
 * processes see the same dead holder, the second one finds the first one's file.
 */
async function takeOver(
  file: string,
  draft: string,
  deadHolder: Owner | 'invalid',
  signal: AbortSignal,
  elapsed: Elapsed,
): Promise<boolean> {
  const release = await acquireFile(`${file}.takeover`, signal, () => undefined, elapsed);
  try {
    const holder = readHolder(file);
    const isSame =
      holder === deadHolder ||
      (typeof holder === 'object' && typeof deadHolder === 'object' && holder.id === deadHolder.id);
    if (isSame) renameSync(draft, file);
    return isSame;
  } finally {
    release();
  }
}

/**
 * Returns a function that says whether a lock's holder is dead. For a holder on another machine it compares the file's times
 * only with earlier ones, because the clocks of both machines and of the file system can differ.
 */
function watchHolder(file: string, elapsed: Elapsed): (holder: Owner | 'invalid') => boolean {
  let lastChange = { stamp: '', at: 0 };
  return (holder) => {
    const alive = holder === 'invalid' ? undefined : isAlive(holder);
    if (alive !== undefined) return !alive;
    const stat = lstatSync(file, { throwIfNoEntry: false });
    if (stat === undefined) return false;
    const stamp = `${stat.ino} ${stat.mtimeMs} ${stat.ctimeMs} ${stat.size}`;
    if (stamp !== lastChange.stamp) lastChange = { stamp, at: elapsed() };
    return elapsed() - lastChange.at > (holder === 'invalid' ? invalidTimeoutMs : heartbeatTimeoutMs);
  };
}

/** Creates the lock file from the draft; returns false if it exists. Linking never leaves a partial file. */
function tryCreate(draft: string, file: string): boolean {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(code ?? '')) throw error;
  }
  // The file system has no hard links.
  try {
    copyFileSync(draft, file, constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function readHolder(file: string): Owner | 'free' | 'invalid' {
  try {
    const owner = JSON.parse(readNoFollow(file)) as Owner;
    return typeof owner?.id === 'string' ? owner : 'invalid';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'free' : 'invalid';
  }
}

/** Reads a file without following a link or waiting for a pipe; anything but a regular file is empty. */
function readNoFollow(file: string): string {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const descriptor = openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    return fstatSync(descriptor).isFile() ? readFileSync(descriptor, 'utf8') : '';
  } finally {
    closeSync(descriptor);
  }
}

function releaseFile(file: string, self: Owner): void {
  const holder = readHolder(file);
  // If this process was suspended for long, another one has taken over the lock: then the file is not ours to remove.
  if (typeof holder === 'object' && holder.id === self.id) rmSync(file, { force: true });
}

function touch(file: string): void {
  const now = new Date();
  try {
    lutimesSync(file, now, now);
  } catch (error) {
    // Taken over or removed; the results written under the lock are complete either way.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
