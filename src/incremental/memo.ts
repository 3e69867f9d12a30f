import { createHash } from 'node:crypto';
import type { Disk } from '../disk/disk.ts';
import { type OpenFile, withOpenFile } from '../disk/read.ts';
import { sha256 } from '../disk/sha256.ts';
import { isSameStamp, openFileSystemClock, type Stamp } from '../disk/stamp.ts';
import { type MemoData, readMemoFile, writeMemoFile } from './memo-file.ts';

/**
 * Remembers the digest of a file as long as its size, mtime, ctime and inode are unchanged; and results computed from texts.
 */
export interface Memo {
  /**
   * Returns the SHA-256 (hex) of a file's bytes. `stamp` is the stamp of this file, taken before the call. If the opened
   * file has another stamp, returns the digest of what was read, does not remember it, and marks the reads of `disk` as
   * incomplete.
   */
  digest(file: string, stamp: Stamp, disk?: Pick<Disk, 'markIncomplete'>): string;
  /** Returns true if this digest, which `digest` returned, is that of a Git LFS pointer: git-lfs did not fetch the file. */
  isLfsPointer(digest: string): boolean;
  /** Returns the result of `compute` for these inputs, from this run or an earlier one. The result must be plain JSON. */
  memoize<T>(inputs: string, compute: () => Promise<T>): Promise<T>;
  /** Writes new entries to the file. Entries that this run did not use are kept up to a limit. */
  save(): void;
}

/** Above this number of entries, those that this run did not use are dropped. */
const limit = 200_000;
/** The first line and the maximum size of a pointer file, from the Git LFS specification. */
const pointerStart = 'version https://git-lfs.github.com/spec/v1\n';
const pointerBytes = 1024;

/**
 * Opens the memo in a file. A file that is missing or damaged counts as empty. If the file cannot be written, warns; the
 * next run then hashes files again.
 */
export function openMemo(file: string, warn: (message: string) => void): Memo {
  let loaded: MemoData | undefined;
  /** Loads the file on first use: a run in which nothing changed does not need it. */
  const data = (): MemoData => {
    loaded ??= readMemoFile(file);
    return loaded;
  };
  const used = new Set<string>();
  /** Results of this run, by inputs. */
  const results = new Map<string, unknown>();
  let changed = false;
  const clock = openFileSystemClock(file);

  return {
    digest(name, stamp, disk) {
      const { digests, lfsPointers } = data();
      const known = digests.get(name);
      used.add(name);
      if (known !== undefined && isSameStamp(known.stamp, stamp)) return known.digest;
      // Read the clock before the file: a file that is as new as the clock may change again without a new stamp (git's
      // "racy" rule).
      clock.start();
      const { digest, isPointer, isUnchanged, device } = withOpenFile(name, stamp, hash);
      if (isPointer) lfsPointers.add(digest);
      if (!isUnchanged) disk?.markIncomplete();
      if (isUnchanged && clock.isSettled(stamp, device, name)) digests.set(name, { stamp, digest });
      else digests.delete(name);
      changed = true;
      return digest;
    },
    isLfsPointer: (digest) => data().lfsPointers.has(digest),
    async memoize<T>(inputs: string, compute: () => Promise<T>): Promise<T> {
      if (results.has(inputs)) return results.get(inputs) as T;
      const name = sha256(inputs);
      used.add(name);
      const { derivations } = data();
      const known = derivations.get(name);
      const value = known === undefined ? await compute() : (JSON.parse(known) as T);
      results.set(inputs, value);
      if (known === undefined) {
        derivations.set(name, JSON.stringify(value));
        changed = true;
      }
      return value;
    },
    save() {
      if (!changed) return;
      const { digests, derivations } = data();
      for (const table of [digests, derivations]) {
        if (table.size > limit) for (const name of table.keys()) if (!used.has(name)) table.delete(name);
      }
      changed = false;
      try {
        writeMemoFile(file, data());
      } catch (error) {
        warn(`cannot save the file digests, the next run hashes files again: ${(error as Error).message}`);
      }
    },
  };
}

/** Returns the SHA-256 (hex) of a file's bytes, and whether it is a Git LFS pointer. */
function hash(file: OpenFile): { digest: string; isPointer: boolean; isUnchanged: boolean; device: number } {
  const { isUnchanged, device } = file;
  const bytes = file.readShort();
  if (bytes === undefined) {
    const sum = createHash('sha256');
    for (const chunk of file.readChunks()) sum.update(chunk);
    return { digest: sum.digest('hex'), isPointer: false, isUnchanged, device };
  }
  const isPointer =
    bytes.length < pointerBytes && bytes.toString('latin1', 0, pointerStart.length) === pointerStart;
  return { digest: sha256(bytes), isPointer, isUnchanged, device };
}
