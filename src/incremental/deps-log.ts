import { lstatSync, type Stats, statSync } from 'node:fs';
import type { Disk } from '../disk/disk.ts';
import { openFileSystemClock } from '../disk/stamp.ts';
import type { TaskId } from '../model/task.ts';
import { type DepsLogData, everyPath, parentAt, readDepsLogFile, writeDepsLogFile } from './deps-log-file.ts';
import { type DepsLogEntry, type DepsLogHit, mergeDepsLog } from './deps-log-merge.ts';
import { emptyReadSet, followedMark, type ReadSet, recordingDisk } from './recorder.ts';

/**
 * Remembers the key of each task together with every path that was read to compute it. While none of these paths changes,
 * the task is not read again. (These are the verifying traces of "Build systems à la carte".)
 */
export interface DepsLog {
  /** Records accesses while `track` runs. */
  readonly disk: Disk;
  /**
   * Returns the result of `read`, which runs once per run for each id. Its accesses count for every task that asks for it.
   */
  readOnce<T>(id: string, read: () => T): T;
  /** Returns what is known of a task if `inputs` and all paths that it read are unchanged. */
  lookUp(id: TaskId, inputs: string): DepsLogHit | undefined;
  /** Runs `observe` and returns its result with what it read. Calls must not overlap. */
  track<T>(observe: () => Promise<T>): Promise<{ observed: T; reads: ReadSet }>;
  /** Adds or replaces a task. Ignores it if its reads are incomplete. Strings must not contain tabs or line breaks. */
  add(id: TaskId, entry: DepsLogEntry): void;
  /** Writes the added tasks to the file. */
  save(): void;
}

/**
 * Opens the deps log in a file. Ignores its content if it was written for other `globalInputs`, the inputs that all tasks
 * share. Moves a damaged file aside with a warning. If the file cannot be written, warns; the next run then reads everything
 * again.
 */
export function openDepsLog(
  file: string,
  { globalInputs, root, warn }: { globalInputs: string; root: string; warn: (message: string) => void },
): DepsLog {
  const stored = readDepsLogFile(file, globalInputs, warn);
  const isUnchanged = stored === undefined ? () => false : changeDetector(stored, root);
  const added = new Map<TaskId, DepsLogEntry>();
  const results = new Map<string, { value: unknown; reads: ReadSet }>();
  let current: ReadSet | undefined;
  const disk = recordingDisk(() => current, openFileSystemClock(file));
  return {
    disk,
    readOnce<T>(id: string, read: () => T): T {
      const outer = current;
      let known = results.get(id) as { value: T; reads: ReadSet } | undefined;
      if (known === undefined) {
        current = emptyReadSet();
        try {
          known = { value: read(), reads: current };
        } finally {
          current = outer;
        }
        results.set(id, known);
      }
      outer?.shared.add(known.reads);
      return known.value;
    },
    lookUp(id, inputs) {
      const line = stored?.tasks.get(id);
      if (line === undefined || !line.startsWith(`${id}\t${inputs}\t`)) return undefined;
      const [readSet, needKeys, key, notes] = line.slice(id.length + inputs.length + 2).split('\t');
      return isUnchanged(readSet!) ? { needKeys: needKeys!, key: key!, notes: notes! } : undefined;
    },
    async track(observe) {
      const reads = emptyReadSet();
      current = reads;
      try {
        return { observed: await observe(), reads };
      } finally {
        current = undefined;
      }
    },
    add(id, entry) {
      if (isComplete(entry.reads)) added.set(id, entry);
    },
    save() {
      if (added.size === 0) return;
      try {
        writeDepsLogFile(file, mergeDepsLog(stored, added, { globalInputs, root }));
        added.clear();
      } catch (error) {
        warn(`cannot save the deps log, the next run reads all inputs again: ${(error as Error).message}`);
      }
    },
  };
}

function isComplete({ isComplete: own, shared }: ReadSet): boolean {
  for (const other of shared) if (!isComplete(other)) return false;
  return own;
}

/** Returns a function that tells whether all paths of an encoded read set are unchanged. Checks each path at most once. */
function changeDetector(data: DepsLogData, root: string): (readSet: string) => boolean {
  const { paths, stamps } = data;
  /** By path: 0 is unchecked, 1 unchanged, 2 changed. */
  const verdicts = new Uint8Array(paths.length);
  const check = (at: number): boolean => {
    const parent = parentAt(data, at);
    if (parent !== undefined && isUnchanged(parent)) return true;
    const name = paths[at]!;
    const stat = statStoredPath(name, root);
    if (stat === 'unreadable') return false;
    const start = at * 4;
    if (stat === undefined) return stamps[start]! < 0;
    return (
      stat.ctimeMs === stamps[start + 2] &&
      stat.mtimeMs === stamps[start + 1] &&
      stat.size === stamps[start] &&
      stat.ino === stamps[start + 3]
    );
  };
  const isUnchanged = (at: number): boolean => {
    if (verdicts[at] === 0) verdicts[at] = check(at) ? 1 : 2;
    return verdicts[at] === 1;
  };
  return (readSet) => everyPath(data, readSet, isUnchanged);
}

const allowMissing = { throwIfNoEntry: false } as const;

/** Returns the stats of a stored path: relative to the project root or absolute, with or without `followedMark`. */
function statStoredPath(stored: string, root: string): Stats | undefined | 'unreadable' {
  const isFollowed = stored.startsWith(followedMark);
  const name = isFollowed ? stored.slice(followedMark.length) : stored;
  const file = name.startsWith('/') ? name : `${root}/${name}`;
  try {
    return isFollowed ? statSync(file, allowMissing) : lstatSync(file, allowMissing);
  } catch {
    // The task is read again, and that reports the error.
    return 'unreadable';
  }
}
