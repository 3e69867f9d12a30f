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
  /** What `compute` gave for these inputs before, in this run or an earlier one. `value` must be plain JSON. */
  derived<T>(inputs: string, compute: () => Promise<T>): Promise<T>;
  /** Writes what is new. Entries that were not asked for in this run are kept up to a limit. */
  save(): void;
}

/** Beyond this many entries those that this run did not use are dropped. */
const limit = 200_000;
const header = 'image-tasks memo 1';
const chunkBytes = 1 << 20;

/**
 * Opens the memo kept in a file; one that cannot be read counts as empty, one that cannot be written is told to `warn` and
 * costs time in the next run.
 */
export function openMemo(file: string, warn: (message: string) => void): Memo {
  const { digests, derivations } = read(file);
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
      const known = digests.get(name);
      used.add(name);
      if (known?.startsWith(`${stamp} `)) return known.slice(stamp.length + 1);
      // A file as new as this moment may change again without its stamps changing (git's "racy" rule): not remembered.
      const settled = stat.mtimeNs < clock() && stat.ctimeNs < clock();
      const digest = hashFile(name);
      if (settled) digests.set(name, `${stamp} ${digest}`);
      else digests.delete(name);
      changed = true;
      return digest;
    },
    async derived<T>(inputs: string, compute: () => Promise<T>): Promise<T> {
      const name = createHash('sha256').update(inputs).digest('hex');
      used.add(name);
      const known = derivations.get(name);
      if (known !== undefined) return JSON.parse(known) as T;
      const value = await compute();
      derivations.set(name, JSON.stringify(value));
      changed = true;
      return value;
    },
    save() {
      if (!changed) return;
      for (const table of [digests, derivations]) {
        if (table.size > limit) for (const name of table.keys()) if (!used.has(name)) table.delete(name);
      }
      changed = false;
      try {
        write(file, digests, derivations);
      } catch (error) {
        warn(`file digests are not remembered: ${(error as Error).message}`);
      }
    },
  };
}

/** SHA-256 (hex) of a file's bytes, read in pieces so that a file of any size fits. */
function hashFile(file: string): string {
  const hash = createHash('sha256');
  const descriptor = openSync(file, 'r');
  try {
    const buffer = Buffer.allocUnsafe(chunkBytes);
    for (let count = readSync(descriptor, buffer); count > 0; count = readSync(descriptor, buffer)) {
      hash.update(count === chunkBytes ? buffer : buffer.subarray(0, count));
    }
  } finally {
    closeSync(descriptor);
  }
  return hash.digest('hex');
}

function read(file: string): { digests: Map<string, string>; derivations: Map<string, string> } {
  const digests = new Map<string, string>();
  const derivations = new Map<string, string>();
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // Not there yet, or unreadable: everything is read anew.
    return { digests, derivations };
  }
  const lines = text.split('\n');
  // The last line is a checksum: a torn or edited memo is never believed.
  const body = lines.slice(0, -1);
  if (lines[0] !== header || lines.at(-1) !== checksum(body.join('\n'))) return { digests, derivations };
  for (const line of body.slice(1)) {
    const tab = line.indexOf('\t');
    const [name, value] = [line.slice(1, tab), line.slice(tab + 1)];
    if (line.startsWith('f')) digests.set(JSON.parse(name) as string, value);
    else derivations.set(name, value);
  }
  return { digests, derivations };
}

function write(
  file: string,
  digests: ReadonlyMap<string, string>,
  derivations: ReadonlyMap<string, string>,
): void {
  const lines = [header];
  for (const [name, value] of digests) lines.push(`f${JSON.stringify(name)}\t${value}`);
  for (const [name, value] of derivations) lines.push(`d${name}\t${value}`);
  const body = lines.join('\n');
  mkdirSync(path.dirname(file), { recursive: true });
  const part = `${file}.${process.pid}`;
  writeFileSync(part, `${body}\n${checksum(body)}`);
  renameSync(part, file);
}

function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
