import { lstatSync, type Stats, statSync } from 'node:fs';
import type { Disk } from '../disk/disk.ts';
import { openClock } from '../disk/stamp.ts';
import type { TaskId } from '../model/task.ts';
import { type Columns, everyIn, folderAt, readColumns, writeColumns } from './columns.ts';
import { emptyTrace, notingDisk, type Trace, throughLinks } from './looks.ts';
import { type Known, mergeColumns, type Remembered } from './merge.ts';

/**
 * Remembers tasks together with all that was looked at to observe them: where nothing of it moved they need not be observed
 * again. (A verifying trace, in the terms of "Build systems a la carte", of what is read from disk.)
 */
export interface Traces {
  /** Notes what is looked at while a task is observed. */
  readonly disk: Disk;
  /** What many tasks look at, done once a run and noted for each. */
  shared<T>(id: string, look: () => T): T;
  /** What is remembered of a task, if `inputs` are the same and everything on disk stands as it did. */
  recall(id: TaskId, inputs: string): Known | undefined;
  /** Observes a task, and gives what it looked at. Not two at a time. */
  observing<T>(observe: () => Promise<T>): Promise<{ observed: T; trace: Trace }>;
  /** Remembers a task, unless not all that it looked at was noted. No tabs or line ends in it. */
  remember(id: TaskId, remembered: Remembered): void;
  /** Writes what is new. */
  save(): void;
}

/**
 * Opens the traces kept in a file. Where `common`, which all tasks hang on, is another one, nothing is remembered. A file that
 * is damaged is set aside; one that cannot be written is told to `warn` and costs time in the next run.
 */
export function openTraces(
  file: string,
  { common, root, warn }: { common: string; root: string; warn: (message: string) => void },
): Traces {
  const kept = readColumns(file, common, warn);
  const stands = kept === undefined ? () => false : standing(kept, root);
  const fresh = new Map<TaskId, Remembered>();
  const results = new Map<string, { value: unknown; trace: Trace }>();
  let current: Trace | undefined;
  const disk = notingDisk(() => current, openClock(file));
  return {
    disk,
    shared<T>(id: string, look: () => T): T {
      const outer = current;
      let known = results.get(id) as { value: T; trace: Trace } | undefined;
      if (known === undefined) {
        current = emptyTrace();
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
    recall(id, inputs) {
      const line = kept?.tasks.get(id);
      if (line === undefined || !line.startsWith(`${id}\t${inputs}\t`)) return undefined;
      const [trace, needs, key, notes] = line.slice(id.length + inputs.length + 2).split('\t');
      return stands(trace!) ? { needs: needs!, key: key!, notes: notes! } : undefined;
    },
    async observing(observe) {
      const trace = emptyTrace();
      current = trace;
      try {
        return { observed: await observe(), trace };
      } finally {
        current = undefined;
      }
    },
    remember(id, remembered) {
      if (isWhole(remembered.trace)) fresh.set(id, remembered);
    },
    save() {
      if (fresh.size === 0) return;
      try {
        writeColumns(file, mergeColumns(kept, fresh, { common, root }));
        fresh.clear();
      } catch (error) {
        warn(`observations are not remembered: ${(error as Error).message}`);
      }
    },
  };
}

function isWhole({ isWhole: own, shared }: Trace): boolean {
  for (const other of shared) if (!isWhole(other)) return false;
  return own;
}

/** Whether all paths of a trace stand as they did. Each is asked for once. */
function standing(columns: Columns, root: string): (trace: string) => boolean {
  const { paths, stamps } = columns;
  const verdicts = new Uint8Array(paths.length);
  const isSame = (at: number): boolean => {
    const folder = folderAt(columns, at);
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
  return (trace) => everyIn(columns, trace, isStill);
}

const nothingIsFine = { throwIfNoEntry: false } as const;

/** What stands at a path as it is kept: relative to the root or not, links followed or not. */
function lookAt(kept: string, root: string): Stats | undefined | 'unreadable' {
  const isThrough = kept.startsWith(throughLinks);
  const name = isThrough ? kept.slice(throughLinks.length) : kept;
  const file = name.startsWith('/') ? name : `${root}/${name}`;
  try {
    return isThrough ? statSync(file, nothingIsFine) : lstatSync(file, nothingIsFine);
  } catch {
    // Who observes the task anew tells what is wrong.
    return 'unreadable';
  }
}
