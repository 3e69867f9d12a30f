import { openDepsLog } from '../incremental/deps-log.ts';
import type { Memo } from '../incremental/memo.ts';
import type { ReadSet } from '../incremental/recorder.ts';
import { DefinitionError, type Problem } from '../model/errors.ts';
import type { Lock } from '../model/lock.ts';
import type {
  ImageName,
  ObservationNotes,
  Observations,
  Observed,
  ObservedUnchanged,
} from '../model/observed.ts';
import type { HasOnbuild, Observer } from '../model/ports.ts';
import type { Key } from '../model/record.ts';
import type { ImageTask, Task, TaskId } from '../model/task.ts';
import { observeCommand } from './command.ts';
import { type ImageSources, observeImage, readImageNames, type TaskProblem } from './image.ts';
import { Unreadable } from './walk.ts';

export interface ObserveOptions {
  /** The project root, absolute. */
  readonly root: string;
  /** Where traces are kept, absolute. */
  readonly traces: string;
  readonly memo: Memo;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly now: Date;
  readonly programId: string;
  readonly lock: Lock;
  /** Undefined: nobody is asked. */
  readonly askTriggers?: HasOnbuild;
  /** Build args that the builder adds to those of each image; they count where a Dockerfile declares them. */
  readonly builderArgs?: Readonly<Record<string, string>>;
  readonly warn: (message: string) => void;
}

type Fresh = Exclude<Observed, ObservedUnchanged>;
/** What is kept of an observation: what is said of it; and, where it makes what is built on it run instructions, what those take from. */
type Kept = ObservationNotes & { readonly triggers: readonly string[] | null };

/**
 * Reads what tasks are made from, where anything of it may have changed since it was read last. What cannot be read makes its
 * task a problem, not the run.
 */
export function openObserver(options: ObserveOptions): Observer {
  const { root, memo, programId, lock, now, builderArgs = {} } = options;
  const common = JSON.stringify([programId, process.platform, process.arch, [...lock], builderArgs]);
  const traces = openDepsLog(options.traces, { common, root, warn: options.warn });
  const problems = new Map<string, Problem>();
  const onbuildTasks = new Map<TaskId, readonly string[]>();
  const unresolved = new Set<TaskId>();
  const reader = {
    ...options,
    builderArgs,
    askTriggers: options.askTriggers ?? (async () => undefined),
    onbuildTasks,
    unresolved,
    disk: traces.disk,
    readOnce: traces.readOnce,
  };
  let last: { observed: Fresh | undefined; trace: ReadSet; isFaulty: boolean } | undefined;
  let said: { text: string; kept: Kept } | undefined;
  let asked: { task: Task; inputs: string } | undefined;
  /** Asked for before a task is observed and after. */
  const inputsOf = (task: Task): string => {
    if (asked?.task !== task) {
      const more =
        task.kind === 'command'
          ? task.env.map((name) => options.environment[name] ?? null)
          : task.needs.map(({ tasks }) =>
              tasks.flatMap((id) => (onbuildTasks.has(id) ? [[id, onbuildTasks.get(id)]] : [])),
            );
      asked = { task, inputs: JSON.stringify([task, periodOf(task, now), more]) };
    }
    return asked.inputs;
  };
  return {
    async names(task) {
      if (task.kind !== 'image') return noNames;
      // No task is called so: its id has no space.
      const id = `names ${task.id}`;
      const inputs = nameInputs(task);
      const known = traces.lookUp(id, inputs);
      if (known !== undefined)
        return known.notes === '[]' ? noNames : (JSON.parse(known.notes) as ImageName[]);
      try {
        const { observed, trace } = await traces.track(() => readImageNames(task, reader));
        traces.add(id, { inputs, trace, needs: '', key: '', notes: JSON.stringify(observed) });
        return observed;
      } catch (error) {
        if (error instanceof Unreadable) return noNames;
        throw error;
      }
    },
    recall(task, needKeys) {
      const known = traces.lookUp(task.id, inputsOf(task));
      if (known === undefined || known.needs !== needKeys.join()) return undefined;
      // Most have the same to say: nothing.
      if (said?.text !== known.notes) said = { text: known.notes, kept: JSON.parse(known.notes) as Kept };
      const { triggers, impure, vague, suspect } = said.kept;
      if (triggers !== null) onbuildTasks.set(task.id, triggers);
      return { kind: 'before', key: known.key, impure, vague, suspect };
    },
    async observe(task) {
      const faults = problems.size;
      const complain = (fault: TaskProblem): void => {
        const problem = { file: task.where.file, definition: task.name, ...fault };
        problems.set(JSON.stringify(problem), problem);
      };
      const { observed, trace } = await traces.track(() => observeTask(task, reader, complain));
      last = { observed, trace, isFaulty: problems.size > faults };
      return observed;
    },
    remember(task, needKeys: readonly Key[], key) {
      if (last?.observed === undefined || last.isFaulty || unresolved.has(task.id)) return;
      const kept: Kept = { ...notesOf(last.observed), triggers: onbuildTasks.get(task.id) ?? null };
      traces.add(task.id, {
        inputs: inputsOf(task),
        trace: last.trace,
        needs: needKeys.join(),
        key,
        notes: JSON.stringify(kept),
      });
    },
    finish() {
      memo.save();
      if (problems.size > 0) throw new DefinitionError([...problems.values()]);
      traces.save();
    },
  };
}

const noNames: readonly ImageName[] = [];

/** What the names in a Dockerfile hang on, besides its text. */
function nameInputs({ dockerfile, target, args, platform, needs }: ImageTask): string {
  const filled = needs.flatMap(({ name, kind, isReference }) =>
    kind === 'image' && !isReference ? name : [],
  );
  return JSON.stringify([dockerfile, target, args, platform, filled]);
}

/** Reads all that the given tasks, each after what it needs, are made from. @throws DefinitionError (exit 2) with all faults */
export async function observeAll(tasks: Iterable<Task>, observer: Observer): Promise<Observations> {
  const observations = new Map<TaskId, Observed>();
  for (const task of tasks) {
    const observed = await observer.observe(task);
    if (observed !== undefined) observations.set(task.id, observed);
  }
  observer.finish();
  return observations;
}

function notesOf(observed: Observed): ObservationNotes {
  if (observed.kind !== 'image') return { impure: [], vague: [], suspect: [] };
  const { impure, vague, suspect } = observed;
  return { impure, vague, suspect };
}

/** The number of the `maxAge` period that it is now. */
function periodOf({ maxAgeMs }: Task, now: Date): number | undefined {
  return maxAgeMs === undefined ? undefined : Math.floor(now.getTime() / maxAgeMs);
}

async function observeTask(
  task: Task,
  reader: Omit<ObserveOptions, 'askTriggers'> & ImageSources,
  complain: (fault: TaskProblem) => void,
): Promise<Fresh | undefined> {
  const period = periodOf(task, reader.now);
  try {
    const observed =
      task.kind === 'command'
        ? observeCommand(task, reader, complain)
        : await observeImage(task, reader, complain);
    return observed === undefined || period === undefined ? observed : { ...observed, period };
  } catch (error) {
    const detail = unreadable(error);
    if (detail === undefined) throw error;
    return { kind: 'problem', code: 'unreadable', detail };
  }
}

/** What is said where something cannot be read; undefined for any other error. */
function unreadable(error: unknown): string | undefined {
  if (error instanceof Unreadable) return error.message;
  const { syscall, message } = error as NodeJS.ErrnoException;
  return syscall === undefined ? undefined : message;
}
