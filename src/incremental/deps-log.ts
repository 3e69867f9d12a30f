import { lstatSync, type Stats, statSync } from 'node:fs';
import type { Disk } from '../disk/disk.ts';
import { openFileSystemClock } from '../disk/stamp.ts';
import type { TaskId } from '../model/task.ts';
import { type DepsLogData, everyPath, parentAt, readDepsLogFile, writeDepsLogFile } from './deps-log-file.ts';
import { type DepsLogEntry, type DepsLogHit, mergeDepsLog } from './deps-log-merge.ts';
import { emptyReadSet, followedMark, type ReadSet, recordingDisk } from './recorder.ts';

/**
 * Remembers tasks together with all that was looked at to observe them: where nothing of it moved they need not be observed
 * again. (A verifying trace, in the terms of "Build systems a la carte", of what is read from disk.)
 */
export interface DepsLog {
  /** Notes what is looked at while a task is observed. */
  readonly disk: Disk;
  /** What many tasks look at, done once a run and noted for each. */
  readOnce<T>(id: string, look: () => T): T;
  /** What is remembered of a task, if `inputs` are the same and everything on disk stands as it did. */
  lookUp(id: TaskId, inputs: string): DepsLogHit | undefined;
  /** Observes a task, and gives what it looked at. Not two at a time. */
  track<T>(observe: () => Promise<T>): Promise<{ observed: T; trace: ReadSet }>;
  /** Remembers a task, unless not all that it looked at was noted. No tabs or line ends in it. */
  add(id: TaskId, remembered: DepsLogEntry): void;
  /** Writes what is new. */
  save(): void;
}

/**
 * Opens the traces kept in a file. Where `common`, which all tasks hang on, is another one, nothing is remembered. A file that
 * is damaged is set aside; one that cannot be written is told to `warn` and costs time in the next run.
 */
export function openDepsLog(
  file: string,
  { common, root, warn }: { common: string; root: string; warn: (message: string) => void },
): DepsLog {
  const kept = readDepsLogFile(file, common, warn);
  const stands = kept === undefined ? () => false : standing(kept, root);
  const fresh = new Map<TaskId, DepsLogEntry>();
  const results = new Map<string, { value: unknown; trace: ReadSet }>();
  let current: ReadSet | undefined;
  const disk = recordingDisk(() => current, openFileSystemClock(file));
  return {
    disk,
    readOnce<T>(id: string, look: () => T): T {
      const outer = current;
      let known = results.get(id) as { value: T; trace: ReadSet } | undefined;
      if (known === undefined) {
        current = emptyReadSet();
        try {
          known = { value: look(), trace: current };
        } finally {
          current = outer;
        }
        results.set(id, known);
      }
      outer?.shared.add(known.trace);
      return known.value;
    },
    lookUp(id, inputs) {
      const line = kept?.tasks.get(id);
      if (line === undefined || !line.startsWith(`${id}\t${inputs}\t`)) return undefined;
      const [trace, needs, key, notes] = line.slice(id.length + inputs.length + 2).split('\t');
      return stands(trace!) ? { needs: needs!, key: key!, notes: notes! } : undefined;
    },
    async track(observe) {
      const trace = emptyReadSet();
      current = trace;
      try {
        return { observed: await observe(), trace };
      } finally {
        current = undefined;
      }
    },
    add(id, remembered) {
      if (isWhole(remembered.trace)) fresh.set(id, remembered);
    },
    save() {
      if (fresh.size === 0) return;
      try {
        writeDepsLogFile(file, mergeDepsLog(kept, fresh, { common, root }));
        fresh.clear();
      } catch (error) {
        warn(`observations are not remembered: ${(error as Error).message}`);
      }
    },
  };
}

function isWhole({ isComplete: own, shared }: ReadSet): boolean {
  for (const other of shared) if (!isWhole(other)) return false;
  return own;
}

/** Whether all paths of a trace stand as they did. Each is asked for once. */
function standing(columns: DepsLogData, root: string): (trace: string) => boolean {
  const { paths, stamps } = columns;
  const verdicts = new Uint8Array(paths.length);
  const isSame = (at: number): boolean => {
    const folder = parentAt(columns, at);
    if (folder !== undefined && isStill(folder)) return true;
    const name = paths[at]!;
    const stat = lookAt(name, root);
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
  const isStill = (at: number): boolean => {
    if (verdicts[at] === 0) verdicts[at] = isSame(at) ? 1 : 2;
    return verdicts[at] === 1;
  };
  return (trace) => everyPath(columns, trace, isStill);
}

const nothingIsFine = { throwIfNoEntry: false } as const;

/** What stands at a path as it is kept: relative to the root or not, links followed or not. */
function lookAt(kept: string, root: string): Stats | undefined | 'unreadable' {
  const isThrough = kept.startsWith(followedMark);
  const name = isThrough ? kept.slice(followedMark.length) : kept;
  const file = name.startsWith('/') ? name : `${root}/${name}`;
  try {
    return isThrough ? statSync(file, nothingIsFine) : lstatSync(file, nothingIsFine);
  } catch {
    // Who observes the task anew tells what is wrong.
    return 'unreadable';
  }
}
