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
import { type CommandSources, observeCommand } from './command.ts';
import { type ImageSources, observeImage, readImageNames } from './image.ts';
import type { TaskProblem } from './task-problem.ts';
import { Unreadable } from './walk.ts';

export interface ObserveOptions {
  /** The project root, absolute. */
  readonly root: string;
  /** The file of the deps log, absolute. */
  readonly depsLogFile: string;
  readonly memo: Memo;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly now: Date;
  readonly programId: string;
  readonly lock: Lock;
  /** Default: it is unknown of every image whether it has ONBUILD. */
  readonly hasOnbuild?: HasOnbuild;
  /** Build args that the builder adds to every build, such as proxies. They count in Dockerfiles that declare them. */
  readonly builderArgs?: Readonly<Record<string, string>>;
  readonly warn: (message: string) => void;
}

type Fresh = Exclude<Observed, ObservedUnchanged>;
/**
 * The notes that the deps log stores. `triggers`: the unpinned images that ONBUILD of the task uses; null if it has no
 * ONBUILD.
 */
type StoredNotes = ObservationNotes & { readonly triggers: readonly string[] | null };

/**
 * Returns an observer that reads the inputs of tasks, and skips tasks whose inputs have not changed since an earlier run. If
 * an input cannot be read, the run continues and the task becomes an `ObservedProblem`.
 */
export function openObserver(options: ObserveOptions): Observer {
  const { root, memo, programId, lock, now, builderArgs = {} } = options;
  const globalInputs = JSON.stringify([programId, process.platform, process.arch, [...lock], builderArgs]);
  const depsLog = openDepsLog(options.depsLogFile, { globalInputs, root, warn: options.warn });
  const problems = new Map<string, Problem>();
  const onbuildTasks = new Map<TaskId, readonly string[]>();
  const unresolved = new Set<TaskId>();
  const sources = {
    ...options,
    builderArgs,
    hasOnbuild: options.hasOnbuild ?? (async () => undefined),
    onbuildTasks,
    unresolved,
    disk: depsLog.disk,
    readOnce: depsLog.readOnce,
  };
  let last: { observed: Fresh | undefined; reads: ReadSet; hasProblems: boolean } | undefined;
  let parsedNotes: { text: string; notes: StoredNotes } | undefined;
  let lastInputs: { task: Task; inputs: string } | undefined;
  /** Returns the inputs of a task that are not on disk, as text. Cached, since `recall` and `remember` both ask for it. */
  const inputsOf = (task: Task): string => {
    if (lastInputs?.task !== task) {
      const more =
        task.kind === 'command'
          ? task.env.map((name) => options.environment[name] ?? null)
          : task.needs.map(({ tasks }) =>
              tasks.flatMap((id) => (onbuildTasks.has(id) ? [[id, onbuildTasks.get(id)]] : [])),
            );
      lastInputs = { task, inputs: JSON.stringify([withoutVolatile(task), maxAgePeriod(task, now), more]) };
    }
    return lastInputs.inputs;
  };
  return {
    async names(task) {
      if (task.kind !== 'image') return noNames;
      // Cannot be the id of a task, which has no spaces.
      const id = `names ${task.id}`;
      const inputs = nameInputs(task);
      const hit = depsLog.lookUp(id, inputs);
      if (hit !== undefined) return hit.notes === '[]' ? noNames : (JSON.parse(hit.notes) as ImageName[]);
      try {
        const { observed, reads } = await depsLog.track(() => readImageNames(task, sources));
        depsLog.add(id, { inputs, reads, needKeys: '', key: '', notes: JSON.stringify(observed) });
        return observed;
      } catch (error) {
        if (error instanceof Unreadable) return noNames;
        throw error;
      }
    },
    recall(task, needKeys) {
      const hit = depsLog.lookUp(task.id, inputsOf(task));
      if (hit === undefined || hit.needKeys !== needKeys.join()) return undefined;
      // Parsed once for many tasks: the notes of most are empty.
      if (parsedNotes?.text !== hit.notes)
        parsedNotes = { text: hit.notes, notes: JSON.parse(hit.notes) as StoredNotes };
      const { triggers, impure, vague, suspect } = parsedNotes.notes;
      if (triggers !== null) onbuildTasks.set(task.id, triggers);
      return { kind: 'before', key: hit.key, impure, vague, suspect };
    },
    async observe(task) {
      const problemCount = problems.size;
      const addProblem = (found: TaskProblem): void => {
        const problem = { file: task.where.file, definition: task.name, ...found };
        problems.set(JSON.stringify(problem), problem);
      };
      const { observed, reads } = await depsLog.track(() => observeTask(task, sources, addProblem));
      last = { observed, reads, hasProblems: problems.size > problemCount };
      return observed;
    },
    remember(task, needKeys: readonly Key[], key) {
      if (last?.observed === undefined || last.hasProblems || unresolved.has(task.id)) return;
      // What the next run says of it must be what it finds then.
      if (isFaulty(last.observed)) return;
      const notes: StoredNotes = { ...notesOf(last.observed), triggers: onbuildTasks.get(task.id) ?? null };
      depsLog.add(task.id, {
        inputs: inputsOf(task),
        reads: last.reads,
        needKeys: needKeys.join(),
        key,
        notes: JSON.stringify(notes),
      });
    },
    finish() {
      memo.save();
      if (problems.size > 0) throw new DefinitionError([...problems.values()]);
      depsLog.save();
    },
  };
}

/** Returns a task without what may differ in every run and is not an input. */
function withoutVolatile(task: Task): Task {
  if (task.kind === 'command' || task.volatileLabels === undefined) return task;
  const { volatileLabels: _, ...rest } = task;
  return rest;
}

const noNames: readonly ImageName[] = [];

/** Returns the inputs, besides its text, that decide which images a Dockerfile names. */
function nameInputs({
  dockerfile,
  dockerfileText,
  target,
  args,
  platform,
  needs,
  contexts,
}: ImageTask): string {
  const needArgs = needs.flatMap(({ name, kind, isReference }) =>
    kind === 'image' && !isReference ? name : [],
  );
  return JSON.stringify([dockerfile, dockerfileText, target, args, platform, needArgs, contexts]);
}

/**
 * Reads the inputs of tasks, which must be sorted so that needs come first.
 * @throws DefinitionError (exit 2) with all problems
 */
export async function observeAll(tasks: Iterable<Task>, observer: Observer): Promise<Observations> {
  const observations = new Map<TaskId, Observed>();
  for (const task of tasks) {
    const observed = await observer.observe(task);
    if (observed !== undefined) observations.set(task.id, observed);
  }
  observer.finish();
  return observations;
}

/** Tells whether it is known that the task cannot be built, or its image not be tested. */
function isFaulty(observed: Fresh): boolean {
  return (
    observed.kind !== 'problem' &&
    (observed.blocks !== undefined || (observed.kind === 'image' && observed.brokenTest !== undefined))
  );
}

function notesOf(observed: Observed): ObservationNotes {
  if (observed.kind !== 'image') return { impure: [], vague: [], suspect: [] };
  const { impure, vague, suspect } = observed;
  return { impure, vague, suspect };
}

/** Returns the number of the current `maxAge` period; undefined for a task without `maxAge`. */
function maxAgePeriod({ maxAgeMs }: Task, now: Date): number | undefined {
  return maxAgeMs === undefined ? undefined : Math.floor(now.getTime() / maxAgeMs);
}

async function observeTask(
  task: Task,
  sources: ImageSources & CommandSources & { readonly now: Date },
  addProblem: (problem: TaskProblem) => void,
): Promise<Fresh | undefined> {
  const period = maxAgePeriod(task, sources.now);
  try {
    const observed =
      task.kind === 'command'
        ? observeCommand(task, sources, addProblem)
        : await observeImage(task, sources, addProblem);
    return observed === undefined || period === undefined ? observed : { ...observed, period };
  } catch (error) {
    const detail = readErrorMessage(error);
    if (detail === undefined) throw error;
    return { kind: 'problem', code: 'unreadable', detail };
  }
}

/** Returns the message of an error that means that an input cannot be read; undefined for any other error. */
function readErrorMessage(error: unknown): string | undefined {
  if (error instanceof Unreadable) return error.message;
  const { syscall, message } = error as NodeJS.ErrnoException;
  return syscall === undefined ? undefined : message;
}
