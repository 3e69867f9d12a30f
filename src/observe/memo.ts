import { createHash } from 'node:crypto';
import { piecesOf, readShort } from '../disk/read.ts';
import { sha256 } from '../disk/sha256.ts';
import { fileClock, isSameStamp, isSettled, type Stamp } from '../disk/stamp.ts';
import { readTables, type Tables, writeTables } from './memo-file.ts';

/** Remembers what reading a file gave, as long as its size, mtime, ctime and inode stand still. */
export interface Memo {
  /** SHA-256 (hex) of a file's bytes. `stamp` must be of this file, taken before the call. */
  digest(file: string, stamp: Stamp): string;
  /** True: the file of this digest, which `digest` gave, is what git-lfs leaves where it did not fetch the file itself. */
  isPointer(digest: string): boolean;
  /** What `compute` gave for these inputs before, in this run or an earlier one. `value` must be plain JSON. */
  derived<T>(inputs: string, compute: () => Promise<T>): Promise<T>;
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
  let tables: Tables | undefined;
  /** Read when something is first asked for: where nothing moved nobody asks. */
  const kept = (): Tables => {
    tables ??= readTables(file);
    return tables;
  };
  const used = new Set<string>();
  /** By inputs, of this run. */
  const derived = new Map<string, unknown>();
  let changed = false;
  let clock: number | undefined;

  return {
    digest(name, stamp) {
      const { digests, pointers } = kept();
      const known = digests.get(name);
      used.add(name);
      if (known !== undefined && isSameStamp(known.stamp, stamp)) return known.digest;
      // Before the file is read: what is not older may change again without its stamp changing (git's "racy" rule).
      clock ??= fileClock(file);
      const { digest, isPointer } = hashFile(name, stamp[0]);
      if (isPointer) pointers.add(digest);
      if (isSettled(stamp, clock)) digests.set(name, { stamp, digest });
      else digests.delete(name);
      changed = true;
      return digest;
    },
    isPointer: (digest) => kept().pointers.has(digest),
    async derived<T>(inputs: string, compute: () => Promise<T>): Promise<T> {
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
        writeTables(file, kept());
      } catch (error) {
        warn(`file digests are not remembered: ${(error as Error).message}`);
      }
    },
  };
}

/** SHA-256 (hex) of a file's bytes, and whether they are a pointer's. `size`: what its stamp says. */
function hashFile(file: string, size: number): { digest: string; isPointer: boolean } {
  const bytes = readShort(file, size);
  if (bytes === undefined) {
    const hash = createHash('sha256');
    for (const piece of piecesOf(file)) hash.update(piece);
    return { digest: hash.digest('hex'), isPointer: false };
  }
  const isPointer = size < pointerBytes && bytes.toString('latin1', 0, pointerStart.length) === pointerStart;
  return { digest: sha256(bytes), isPointer };
}
