import { createHash } from 'node:crypto';
import type { Disk } from '../disk/disk.ts';
import { type OpenFile, withOpenFile } from '../disk/read.ts';
import { sha256 } from '../disk/sha256.ts';
import { isSameStamp, openFileSystemClock, type Stamp } from '../disk/stamp.ts';
import { type MemoData, readMemoFile, writeMemoFile } from './memo-file.ts';

/** Remembers what reading a file gave, as long as its size, mtime, ctime and inode stand still. */
export interface Memo {
  /**
   * SHA-256 (hex) of a file's bytes. `stamp` must be of this file, taken before the call. Where another file was opened than the
   * one that had it, the digest is of what was read: it is not remembered, and `disk` vouches for nothing.
   */
  digest(file: string, stamp: Stamp, disk?: Pick<Disk, 'markIncomplete'>): string;
  /** True: the file of this digest, which `digest` gave, is what git-lfs leaves where it did not fetch the file itself. */
  isLfsPointer(digest: string): boolean;
  /** What `compute` gave for these inputs before, in this run or an earlier one. `value` must be plain JSON. */
  memoize<T>(inputs: string, compute: () => Promise<T>): Promise<T>;
  /** Writes what is new. Entries that were not asked for in this run are kept up to a limit. */
  save(): void;
}

/** Beyond this many entries those that this run did not use are dropped. */
const limit = 200_000;
/** The first line of every file that git-lfs leaves in another's place, and how long they are at most (its specification). */
const pointerStart = 'version https://git-lfs.github.com/spec/v1\n';
const pointerBytes = 1024;

/**
 * Opens the memo kept in a file; one that cannot be read counts as empty, one that cannot be written is told to `warn` and
 * costs time in the next run.
 */
export function openMemo(file: string, warn: (message: string) => void): Memo {
  let tables: MemoData | undefined;
  /** Read when something is first asked for: where nothing moved nobody asks. */
  const kept = (): MemoData => {
    tables ??= readMemoFile(file);
    return tables;
  };
  const used = new Set<string>();
  /** By inputs, of this run. */
  const derived = new Map<string, unknown>();
  let changed = false;
  const clock = openFileSystemClock(file);

  return {
    digest(name, stamp, disk) {
      const { digests, lfsPointers } = kept();
      const known = digests.get(name);
      used.add(name);
      if (known !== undefined && isSameStamp(known.stamp, stamp)) return known.digest;
      // Before the file is read: what is not older may change again without its stamp changing (git's "racy" rule).
      clock.start();
      const { digest, isPointer, isSame, device } = withOpenFile(name, stamp, hash);
      if (isPointer) lfsPointers.add(digest);
      if (!isSame) disk?.markIncomplete();
      if (isSame && clock.isSettled(stamp, device, name)) digests.set(name, { stamp, digest });
      else digests.delete(name);
      changed = true;
      return digest;
    },
    isLfsPointer: (digest) => kept().lfsPointers.has(digest),
    async memoize<T>(inputs: string, compute: () => Promise<T>): Promise<T> {
      if (derived.has(inputs)) return derived.get(inputs) as T;
      const name = sha256(inputs);
      used.add(name);
      const { derivations } = kept();
      const known = derivations.get(name);
      const value = known === undefined ? await compute() : (JSON.parse(known) as T);
      derived.set(inputs, value);
      if (known === undefined) {
        derivations.set(name, JSON.stringify(value));
        changed = true;
      }
      return value;
    },
    save() {
      if (!changed) return;
      const { digests, derivations } = kept();
      for (const table of [digests, derivations]) {
        if (table.size > limit) for (const name of table.keys()) if (!used.has(name)) table.delete(name);
      }
      changed = false;
      try {
        writeMemoFile(file, kept());
      } catch (error) {
        warn(`file digests are not remembered: ${(error as Error).message}`);
      }
    },
  };
}

/** SHA-256 (hex) of a file's bytes, and whether they are a pointer's. */
function hash(file: OpenFile): { digest: string; isPointer: boolean; isSame: boolean; device: number } {
  const { isSame, device } = file;
  const bytes = file.readShort();
  if (bytes === undefined) {
    const sum = createHash('sha256');
    for (const piece of file.readChunks()) sum.update(piece);
    return { digest: sum.digest('hex'), isPointer: false, isSame, device };
  }
  const isPointer =
    bytes.length < pointerBytes && bytes.toString('latin1', 0, pointerStart.length) === pointerStart;
  return { digest: sha256(bytes), isPointer, isSame, device };
}
