import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, readSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { sha256 } from '../disk/sha256.ts';
import { fileClock, isSettled, type Stamp } from '../disk/stamp.ts';

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
const header = 'image-tasks memo 3';
const chunkBytes = 1 << 20;
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
    tables ??= read(file);
    return tables;
  };
  const used = new Set<string>();
  let changed = false;
  let clock: number | undefined;
  /** Of each digest of this run, or an earlier one, what a stamp must be for it to hold. */
  const textOf = (stamp: Stamp): string => `${stamp.join(' ')} `;

  return {
    digest(name, stamp) {
      const { digests, pointers } = kept();
      const known = digests.get(name);
      used.add(name);
      const text = textOf(stamp);
      if (known?.startsWith(text)) return known.slice(text.length);
      // Before the file is read: what is not older may change again without its stamp changing (git's "racy" rule).
      clock ??= fileClock(file);
      const { digest, start } = hashFile(name, stamp[0]);
      if (stamp[0] < pointerBytes && start === pointerStart) pointers.add(digest);
      if (isSettled(stamp, clock)) digests.set(name, text + digest);
      else digests.delete(name);
      changed = true;
      return digest;
    },
    isPointer: (digest) => kept().pointers.has(digest),
    async derived<T>(inputs: string, compute: () => Promise<T>): Promise<T> {
      const name = sha256(inputs);
      used.add(name);
      const { derivations } = kept();
      const known = derivations.get(name);
      if (known !== undefined) return JSON.parse(known) as T;
      const value = await compute();
      derivations.set(name, JSON.stringify(value));
      changed = true;
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
        write(file, kept());
      } catch (error) {
        warn(`file digests are not remembered: ${(error as Error).message}`);
      }
    },
  };
}

/** One for all files: a new one for each would be a thousand megabytes for a thousand small files. */
let chunk: Buffer | undefined;

/** SHA-256 (hex) of a file's bytes, and how it starts. `size`: what its stamp says. */
function hashFile(file: string, size: number): { digest: string; start: string } {
  const descriptor = openSync(file, 'r');
  try {
    chunk ??= Buffer.allocUnsafe(chunkBytes);
    const count = readSync(descriptor, chunk);
    const start = chunk.toString('latin1', 0, Math.min(count, pointerStart.length));
    // All that it is to have, and less than was asked for: there is no more.
    const isAll = count === size && count < chunkBytes;
    return { digest: isAll ? sha256(chunk.subarray(0, count)) : hashOn(descriptor, chunk, count), start };
  } finally {
    closeSync(descriptor);
  }
}

/** SHA-256 of the `count` bytes that were read and of all that follow, in pieces so that a file of any size fits. */
function hashOn(descriptor: number, buffer: Buffer, count: number): string {
  const hash = createHash('sha256');
  for (let more = count; more > 0; more = readSync(descriptor, buffer)) hash.update(buffer.subarray(0, more));
  return hash.digest('hex');
}

interface Tables {
  readonly digests: Map<string, string>;
  readonly derivations: Map<string, string>;
  /** Digests. */
  readonly pointers: Set<string>;
}

function read(file: string): Tables {
  const digests = new Map<string, string>();
  const derivations = new Map<string, string>();
  const pointers = new Set<string>();
  const tables = { digests, derivations, pointers };
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // Not there yet, or unreadable: everything is read anew.
    return tables;
  }
  const lines = text.split('\n');
  // The last line is a checksum: a torn or edited memo is never believed.
  const body = lines.slice(0, -1);
  if (lines[0] !== header || lines.at(-1) !== sha256(body.join('\n'))) return tables;
  for (const line of body.slice(1)) {
    const tab = line.indexOf('\t');
    const [name, value] = [line.slice(1, tab), line.slice(tab + 1)];
    if (line.startsWith('p')) pointers.add(line.slice(1));
    else if (line.startsWith('f')) digests.set(JSON.parse(name) as string, value);
    else derivations.set(name, value);
  }
  return tables;
}

function write(file: string, { digests, derivations, pointers }: Tables): void {
  const lines = [header];
  for (const [name, value] of digests) lines.push(`f${JSON.stringify(name)}\t${value}`);
  for (const [name, value] of derivations) lines.push(`d${name}\t${value}`);
  for (const digest of pointers) lines.push(`p${digest}`);
  const body = lines.join('\n');
  mkdirSync(path.dirname(file), { recursive: true });
  const part = `${file}.${process.pid}`;
  writeFileSync(part, `${body}\n${sha256(body)}`);
  renameSync(part, file);
}
