import { createHash } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

/** Remembers what reading a file gave, as long as its size, mtime, ctime and inode stand still. */
export interface Memo {
  /** SHA-256 (hex) of a file's bytes. `stat` must be of this file, taken before the call. */
  digest(file: string, stat: BigIntStats): string;
  /** True: the file of this digest, which `digest` gave, is what git-lfs leaves where it did not fetch the file itself. */
  isPointer(digest: string): boolean;
  /** What `compute` gave for these inputs before, in this run or an earlier one. `value` must be plain JSON. */
  derived<T>(inputs: string, compute: () => Promise<T>): Promise<T>;
  /** Writes what is new. Entries that were not asked for in this run are kept up to a limit. */
  save(): void;
}

/** Beyond this many entries those that this run did not use are dropped. */
const limit = 200_000;
const header = 'image-tasks memo 2';
const chunkBytes = 1 << 20;
/** The first line of every file that git-lfs leaves in another's place, and how long they are at most (its specification). */
const pointerStart = 'version https://git-lfs.github.com/spec/v1\n';
const pointerBytes = 1024n;

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
  let now: bigint | undefined;

  /** The file system's own clock, not older than any stamp taken before. */
  function clock(): bigint {
    if (now !== undefined) return now;
    try {
      mkdirSync(path.dirname(file), { recursive: true });
      const probe = `${file}.clock`;
      writeFileSync(probe, '');
      now = lstatSync(probe, { bigint: true }).mtimeNs;
    } catch {
      // No clock, no trust: nothing is older than the beginning of time. `save` tells what is wrong with the folder.
      now = 0n;
    }
    return now;
  }

  return {
    digest(name, stat) {
      const stamp = `${stat.size} ${stat.mtimeNs} ${stat.ctimeNs} ${stat.ino}`;
      const { digests, pointers } = kept();
      const known = digests.get(name);
      used.add(name);
      if (known?.startsWith(`${stamp} `)) return known.slice(stamp.length + 1);
      // A file as new as this moment may change again without its stamps changing (git's "racy" rule): not remembered.
      const settled = stat.mtimeNs < clock() && stat.ctimeNs < clock();
      const { digest, start } = hashFile(name);
      if (stat.size < pointerBytes && start === pointerStart) pointers.add(digest);
      if (settled) digests.set(name, `${stamp} ${digest}`);
      else digests.delete(name);
      changed = true;
      return digest;
    },
    isPointer: (digest) => kept().pointers.has(digest),
    async derived<T>(inputs: string, compute: () => Promise<T>): Promise<T> {
      const name = createHash('sha256').update(inputs).digest('hex');
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

/** SHA-256 (hex) of a file's bytes, read in pieces so that a file of any size fits; and how it starts. */
function hashFile(file: string): { digest: string; start: string } {
  const hash = createHash('sha256');
  const descriptor = openSync(file, 'r');
  try {
    chunk ??= Buffer.allocUnsafe(chunkBytes);
    const buffer = chunk;
    let start: string | undefined;
    for (let count = readSync(descriptor, buffer); count > 0; count = readSync(descriptor, buffer)) {
      hash.update(count === chunkBytes ? buffer : buffer.subarray(0, count));
      start ??= buffer.toString('latin1', 0, Math.min(count, pointerStart.length));
    }
    return { digest: hash.digest('hex'), start: start ?? '' };
  } finally {
    closeSync(descriptor);
  }
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
  if (lines[0] !== header || lines.at(-1) !== checksum(body.join('\n'))) return tables;
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
  writeFileSync(part, `${body}\n${checksum(body)}`);
  renameSync(part, file);
}

function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
