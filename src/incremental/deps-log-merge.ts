import type { Key } from '../model/record.ts';
import type { TaskId } from '../model/task.ts';
import { type DepsLogData, parentAt, parseReadSet, stampAt } from './deps-log-file.ts';
import { emptyReadSet, type FileAccess, followedMark, type ReadSet } from './recorder.ts';

/** What is remembered of a task: enough for a plan in which it is reused. */
export interface DepsLogHit {
  /** The keys of what it needs, in order. */
  readonly needs: string;
  /** Its own key with those. */
  readonly key: Key;
  /** JSON; what is said of it. */
  readonly notes: string;
}

/** A task with what else went in, in words, and all that was looked at on disk. */
export interface DepsLogEntry extends DepsLogHit {
  readonly inputs: string;
  readonly trace: ReadSet;
}

/** More tasks than this are not remembered: those that this run did not observe go first. */
const limit = 100_000;

/**
 * Columns of what was remembered before and what is new, the new in the old's place. What is new is written behind the rest as long
 * as that is little; then all is made anew, with only what a task uses in it.
 */
export function mergeDepsLog(
  kept: DepsLogData | undefined,
  fresh: ReadonlyMap<TaskId, DepsLogEntry>,
  { common, root }: { common: string; root: string },
): DepsLogData {
  const base = kept !== undefined && hasRoom(kept, fresh.size) ? kept : undefined;
  const writer = newWriter(root, base);
  if (kept !== undefined && base === undefined) {
    const expand = expander(kept, root);
    for (const [id, line] of kept.tasks) {
      if (fresh.has(id) || writer.tasks.size + fresh.size >= limit) continue;
      const [, inputs, trace, needs, key, notes] = line.split('\t') as [
        string,
        string,
        string,
        string,
        string,
        string,
      ];
      writer.add(id, { inputs, trace: expand(trace), needs, key, notes });
    }
  }
  for (const [id, remembered] of fresh) writer.add(id, remembered);
  const columns = writer.columns();
  return { common, compactedPaths: base?.compactedPaths ?? columns.paths.length, ...columns };
}

/** Whether more may be written behind: each run reads all paths, those too that no task uses any more. */
function hasRoom({ paths, compactedPaths, tasks }: DepsLogData, more: number): boolean {
  return paths.length < compactedPaths * 1.25 + 200 && tasks.size + more <= limit;
}

/** Numbers what is added, behind what stands in `base`. */
function newWriter(root: string, base: DepsLogData | undefined) {
  const paths: string[] = base === undefined ? [] : [...base.paths];
  const stamps: number[] = [];
  const numbers = new Map<FileAccess, number>();
  const shared: string[] = base === undefined ? [] : [...base.shared];
  const sharedNumbers = new Map<ReadSet, number>();
  const tasks = new Map<TaskId, string>(base?.tasks);
  const prefix = `${root}/`;
  const numberOf = (look: FileAccess): number => {
    const known = numbers.get(look);
    if (known !== undefined) return known;
    const folder = look.folder === undefined ? undefined : numberOf(look.folder);
    const number = paths.length;
    numbers.set(look, number);
    paths.push(relativeTo(prefix, look.path));
    const { stamp } = look;
    if (stamp !== undefined) stamps.push(stamp[0], stamp[1], stamp[2], stamp[3]);
    else stamps.push(folder === undefined ? Number.NEGATIVE_INFINITY : -1 - folder, 0, 0, 0);
    return number;
  };
  const textOf = ({ accesses, shared: others }: ReadSet): string => {
    const parts: string[] = [];
    others.forEach((other) => {
      let number = sharedNumbers.get(other);
      if (number === undefined) {
        number = shared.push(textOf(other)) - 1;
        sharedNumbers.set(other, number);
      }
      parts.push(`s${number}`);
    });
    addRanges(parts, Array.from(accesses, numberOf));
    return parts.join(' ');
  };
  return {
    tasks,
    add(id: TaskId, { inputs, trace, needs, key, notes }: DepsLogEntry): void {
      tasks.set(id, `${id}\t${inputs}\t${textOf(trace)}\t${needs}\t${key}\t${notes}`);
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

/** 1 2 3 7 → `1+3`, `7`. */
function addRanges(parts: string[], numbers: readonly number[]): void {
  for (let at = 0; at < numbers.length; ) {
    let end = at + 1;
    while (numbers[end] === numbers[end - 1]! + 1) end++;
    parts.push(end - at === 1 ? `${numbers[at]}` : `${numbers[at]}+${end - at}`);
    at = end;
  }
}

/** A look's path as it is kept: below the root without it, the mark of followed links before all. */
function relativeTo(prefix: string, name: string): string {
  const mark = name.startsWith(followedMark) ? followedMark : '';
  const file = name.slice(mark.length);
  return mark + (file.startsWith(prefix) ? file.slice(prefix.length) : file);
}

function absoluteOf(kept: string, root: string): string {
  const mark = kept.startsWith(followedMark) ? followedMark : '';
  const file = kept.slice(mark.length);
  return mark + (file.startsWith('/') ? file : `${root}/${file}`);
}

/** Kept traces as what they were made from. */
function expander(columns: DepsLogData, root: string): (trace: string) => ReadSet {
  const looks: (FileAccess | undefined)[] = [];
  const shared: (ReadSet | undefined)[] = [];
  const lookAt = (at: number): FileAccess => {
    const folder = parentAt(columns, at);
    const name = columns.paths[at]!;
    looks[at] ??= {
      path: absoluteOf(name, root),
      stamp: stampAt(columns, at),
      ...(folder !== undefined ? { folder: lookAt(folder) } : {}),
    };
    return looks[at];
  };
  const expand = (text: string): ReadSet => {
    const trace = emptyReadSet();
    for (const part of parseReadSet(text)) {
      if ('shared' in part) {
        shared[part.shared] ??= expand(columns.shared[part.shared]!);
        trace.shared.add(shared[part.shared]!);
      } else for (let at = part.start; at < part.end; at++) trace.accesses.add(lookAt(at));
    }
    return trace;
  };
  return expand;
}
