import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import type { Entry } from '../model/observed.ts';
import type { Memo } from './memo.ts';

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

export const everything: Filter = { omits: () => false, mayEnter: () => true };

/**
 * All entries below a folder that the filter lets in, sorted by path, each file with its digest. Links are not followed,
 * sockets are passed over as docker does. A left-out folder is listed where something below it is let in.
 * @throws Unreadable naming the path
 */
export function walk(folder: string, filter: Filter, memo: Memo): Entry[] {
  const entries: Entry[] = [];
  const visit = (relative: string): void => {
    for (const name of list(folder, relative)) {
      const child = relative === '' ? name : `${relative}/${name}`;
      const omitted = filter.omits(child);
      if (omitted && !filter.mayEnter(child)) continue;
      const absolute = path.join(folder, child);
      const stat = statOf(absolute);
      if (stat.isDirectory()) {
        const before = entries.length;
        if (!omitted) entries.push({ path: child, type: 'dir' });
        visit(child);
        if (omitted && entries.length > before) entries.push({ path: child, type: 'dir' });
      } else if (!omitted) {
        const entry = entryOf(absolute, child, stat, memo);
        if (entry !== undefined) entries.push(entry);
      }
    }
  };
  visit('');
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** One path as an entry named `as`; undefined for a socket. @throws Unreadable */
export function readEntry(absolute: string, as: string, memo: Memo): Entry | undefined {
  const stat = statOf(absolute);
  return stat.isDirectory() ? { path: as, type: 'dir' } : entryOf(absolute, as, stat, memo);
}

function entryOf(absolute: string, as: string, stat: BigIntStats, memo: Memo): Entry | undefined {
  if (stat.isFile()) {
    const digest = reading(absolute, () => memo.digest(absolute, stat));
    return {
      path: as,
      type: 'file',
      executable: (stat.mode & 0o100n) !== 0n,
      size: Number(stat.size),
      digest,
    };
  }
  if (stat.isSymbolicLink())
    return { path: as, type: 'link', target: reading(absolute, () => readlinkSync(absolute)) };
  if (stat.isFIFO()) return { path: as, type: 'fifo' };
  if (stat.isSocket()) return undefined;
  throw new Unreadable(`${absolute} is a device; only files, folders, links and pipes can be in a build`);
}

function list(folder: string, relative: string): string[] {
  const absolute = path.join(folder, relative);
  const names = reading(absolute, () => readdirSync(absolute));
  const broken = names.find((name) => name.includes('\uFFFD'));
  if (broken !== undefined)
    throw new Unreadable(
      `${path.join(absolute, broken)}: the name is not valid UTF-8; rename it or ignore it`,
    );
  return names;
}

function statOf(absolute: string): BigIntStats {
  return reading(absolute, () => lstatSync(absolute, { bigint: true }));
}

function reading<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    const words: Record<string, string> = {
      EACCES: 'permission denied',
      ENOENT: 'it vanished while it was read',
      EIO: 'input/output error',
    };
    throw new Unreadable(`cannot read ${file}: ${words[code] ?? code}`);
  }
}
