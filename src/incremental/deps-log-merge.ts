import type { Key } from '../model/record.ts';
import type { TaskId } from '../model/task.ts';
import { type DepsLogData, parentAt, parseReadSet, stampAt } from './deps-log-file.ts';
import { emptyReadSet, type FileAccess, followedMark, type ReadSet } from './recorder.ts';

/** What the log knows of an unchanged task: enough to plan it without reading its inputs. */
export interface DepsLogHit {
  /** The keys of its needs, in order. */
  readonly needKeys: string;
  /** The key of the task if its needs have these keys. */
  readonly key: Key;
  /** JSON. */
  readonly notes: string;
}

/** What the log stores of a task. */
export interface DepsLogEntry extends DepsLogHit {
  /** The inputs that are not on disk, as text. */
  readonly inputs: string;
  readonly reads: ReadSet;
}

/** The maximum number of tasks in a log. Tasks that this run did not read are dropped first. */
const limit = 100_000;

/**
 * Returns the log with new entries, which replace the old entries of the same tasks. Appends while the log is small enough;
 * otherwise compacts it to the paths that tasks still use.
 */
export function mergeDepsLog(
  stored: DepsLogData | undefined,
  added: ReadonlyMap<TaskId, DepsLogEntry>,
  { globalInputs, root }: { globalInputs: string; root: string },
): DepsLogData {
  const base = stored !== undefined && canAppend(stored, added.size) ? stored : undefined;
  const writer = newWriter(root, base);
  if (stored !== undefined && base === undefined) {
    const decode = readSetDecoder(stored, root);
    for (const [id, line] of stored.tasks) {
      if (added.has(id) || writer.tasks.size + added.size >= limit) continue;
      const [, inputs, readSet, needKeys, key, notes] = line.split('\t') as [
        string,
        string,
        string,
        string,
        string,
        string,
      ];
      writer.add(id, { inputs, reads: decode(readSet), needKeys, key, notes });
    }
  }
  for (const [id, entry] of added) writer.add(id, entry);
  const columns = writer.columns();
  return { globalInputs, compactedPaths: base?.compactedPaths ?? columns.paths.length, ...columns };
}

/** Limits how far the log may grow: each run loads all of its paths, including those that no task uses anymore. */
function canAppend({ paths, compactedPaths, tasks }: DepsLogData, count: number): boolean {
  return paths.length < compactedPaths * 1.25 + 200 && tasks.size + count <= limit;
}

/** Collects entries into columns, after those of `base`. */
function newWriter(root: string, base: DepsLogData | undefined) {
  const paths: string[] = base === undefined ? [] : [...base.paths];
  const stamps: number[] = [];
  const indexes = new Map<FileAccess, number>();
  const shared: string[] = base === undefined ? [] : [...base.shared];
  const sharedIndexes = new Map<ReadSet, number>();
  const tasks = new Map<TaskId, string>(base?.tasks);
  const prefix = `${root}/`;
  const indexOf = (access: FileAccess): number => {
    const known = indexes.get(access);
    if (known !== undefined) return known;
    const parent = access.parent === undefined ? undefined : indexOf(access.parent);
    const index = paths.length;
    indexes.set(access, index);
    paths.push(relativePath(prefix, access.path));
    const { stamp } = access;
    if (stamp !== undefined) stamps.push(stamp[0], stamp[1], stamp[2], stamp[3]);
    else stamps.push(parent === undefined ? Number.NEGATIVE_INFINITY : -1 - parent, 0, 0, 0);
    return index;
  };
  const encode = ({ accesses, shared: others }: ReadSet): string => {
    const parts: string[] = [];
    others.forEach((other) => {
      let index = sharedIndexes.get(other);
      if (index === undefined) {
        index = shared.push(encode(other)) - 1;
        sharedIndexes.set(other, index);
      }
      parts.push(`s${index}`);
    });
    addRanges(parts, Array.from(accesses, indexOf));
    return parts.join(' ');
  };
  return {
    tasks,
    add(id: TaskId, { inputs, reads, needKeys, key, notes }: DepsLogEntry): void {
      tasks.set(id, `${id}\t${inputs}\t${encode(reads)}\t${needKeys}\t${key}\t${notes}`);
    },
    columns() {
      const before = base?.stamps ?? [];
      const all = new Float64Array(before.length + stamps.length);
      all.set(before);
      all.set(stamps, before.length);
      return { paths, stamps: all, shared, tasks };
    },
  };
}

/** Encodes 1 2 3 7 as `1+3`, `7`. */
function addRanges(parts: string[], numbers: readonly number[]): void {
  for (let at = 0; at < numbers.length; ) {
    let end = at + 1;
    while (numbers[end] === numbers[end - 1]! + 1) end++;
    parts.push(end - at === 1 ? `${numbers[at]}` : `${numbers[at]}+${end - at}`);
    at = end;
  }
}

/** Returns the stored form of a path: relative to the project root if it is below it. `followedMark` stays in front. */
function relativePath(prefix: string, name: string): string {
  const mark = name.startsWith(followedMark) ? followedMark : '';
  const file = name.slice(mark.length);
  return mark + (file.startsWith(prefix) ? file.slice(prefix.length) : file);
}

/** The inverse of `relativePath`. */
function absolutePath(stored: string, root: string): string {
  const mark = stored.startsWith(followedMark) ? followedMark : '';
  const file = stored.slice(mark.length);
  return mark + (file.startsWith('/') ? file : `${root}/${file}`);
}

/** Returns a function that decodes the read sets of a stored log. Equal paths and shared sets become the same objects. */
function readSetDecoder(data: DepsLogData, root: string): (text: string) => ReadSet {
  const accesses: (FileAccess | undefined)[] = [];
  const shared: (ReadSet | undefined)[] = [];
  const accessAt = (at: number): FileAccess => {
    const parent = parentAt(data, at);
    const name = data.paths[at]!;
    accesses[at] ??= {
      path: absolutePath(name, root),
      stamp: stampAt(data, at),
      ...(parent !== undefined ? { parent: accessAt(parent) } : {}),
    };
    return accesses[at];
  };
  const decode = (text: string): ReadSet => {
    const reads = emptyReadSet();
    for (const part of parseReadSet(text)) {
      if ('shared' in part) {
        shared[part.shared] ??= decode(data.shared[part.shared]!);
        reads.shared.add(shared[part.shared]!);
      } else for (let at = part.start; at < part.end; at++) reads.accesses.add(accessAt(at));
    }
    return reads;
  };
  return decode;
}
