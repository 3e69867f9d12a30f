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

/** Milliseconds between two looks at a lock that somebody holds. */
const lookEvery = 100;
/** Milliseconds between two signs of life of a holder, and how long one elsewhere is watched that gives none before it counts as dead. */
const beatEvery = 10_000;
const silentFor = 60_000;
/** The same of a lock that holds no owner: it was torn, or is not ours. */
const brokenFor = 2_000;

/**
 * Locks between processes, by name, in a project's cache folder. `acquire` waits while another process holds the lock,
 * and takes over at once from one that has ended; `onWait` is called once when it has to wait.
 */
export function openLocks(
  cacheFolder: string,
  onWait: (name: string) => void,
  elapsed: Elapsed = () => performance.now(),
) {
  const folder = path.join(cacheFolder, 'locks');
  return {
    async acquire(name: string, signal: AbortSignal): Promise<() => Promise<void>> {
      mkdirSync(folder, { recursive: true });
      const file = path.join(folder, name.slice(0, 16));
      const release = await take(file, signal, () => onWait(name), elapsed);
      const beat = setInterval(() => touch(file), beatEvery);
      beat.unref();
      return async () => {
        clearInterval(beat);
        release();
      };
    },
  };
}

/** Milliseconds since some moment; no one sets this clock. */
type Elapsed = () => number;

/** Takes a lock file; the result gives it back. @throws the signal's reason */
async function take(
  file: string,
  signal: AbortSignal,
  onWait: () => void,
  elapsed: Elapsed,
): Promise<() => void> {
  const own = newOwner();
  const isDead = watchHolder(file, elapsed);
  const draft = `${file}.${own.id}`;
  writeNewFile(draft, JSON.stringify(own));
  try {
    for (let waited = false; ; ) {
      signal.throwIfAborted();
      if (linked(draft, file)) return () => giveBack(file, own);
      const holder = read(file);
      if (holder !== 'gone' && isDead(holder)) {
        if (await takeOver(file, draft, holder, signal, elapsed)) return () => giveBack(file, own);
        continue;
      }
      if (!waited) onWait();
      waited = true;
      await delay(lookEvery, undefined, { signal });
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * Puts our file in the place of a dead holder's. Only who holds the lock on taking over may, and looks again first: of
 * two that saw the same dead holder, the second finds the first.
 */
async function takeOver(
  file: string,
  draft: string,
  dead: Owner | 'broken',
  signal: AbortSignal,
  elapsed: Elapsed,
): Promise<boolean> {
  const done = await take(`${file}.takeover`, signal, () => undefined, elapsed);
  try {
    const now = read(file);
    const isSame =
      now === dead || (typeof now === 'object' && typeof dead === 'object' && now.id === dead.id);
    if (isSame) renameSync(draft, file);
    return isSame;
  } finally {
    done();
  }
}

/**
 * Tells whether a lock's holder is dead. One elsewhere is told by what is seen of its file while we wait: its clock, the file
 * system's and ours may be apart.
 */
function watchHolder(file: string, elapsed: Elapsed): (holder: Owner | 'broken') => boolean {
  let seen = { mark: '', at: 0 };
  return (holder) => {
    const alive = holder === 'broken' ? undefined : isAlive(holder);
    if (alive !== undefined) return !alive;
    const stat = lstatSync(file, { throwIfNoEntry: false });
    if (stat === undefined) return false;
    const mark = `${stat.ino} ${stat.mtimeMs} ${stat.ctimeMs} ${stat.size}`;
    if (mark !== seen.mark) seen = { mark, at: elapsed() };
    return elapsed() - seen.at > (holder === 'broken' ? brokenFor : silentFor);
  };
}

/** True where the lock was free, and now is ours. A link is made whole or not at all. */
function linked(draft: string, file: string): boolean {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(code ?? '')) throw error;
  }
  // A file system without links.
  try {
    copyFileSync(draft, file, constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function read(file: string): Owner | 'gone' | 'broken' {
  try {
    const owner = JSON.parse(textOf(file)) as Owner;
    return typeof owner?.id === 'string' ? owner : 'broken';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'gone' : 'broken';
  }
}

/** A lock is a file: what a link leads to, or a pipe gives, says nothing of who holds it. */
function textOf(file: string): string {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const descriptor = openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    return fstatSync(descriptor).isFile() ? readFileSync(descriptor, 'utf8') : '';
  } finally {
    closeSync(descriptor);
  }
}

function giveBack(file: string, own: Owner): void {
  const holder = read(file);
  // Another one took over: this process was held up for long, and its lock is no longer its own to give.
  if (typeof holder === 'object' && holder.id === own.id) rmSync(file, { force: true });
}

function touch(file: string): void {
  const now = new Date();
  try {
    lutimesSync(file, now, now);
  } catch (error) {
    // Taken over or cleaned away; what is made under it is whole either way.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
