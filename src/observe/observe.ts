import { DefinitionError, type Problem } from '../model/errors.ts';
import type { Lock } from '../model/lock.ts';
import type { Observations, Observed } from '../model/observed.ts';
import type { Graph, Task, TaskId } from '../model/task.ts';
import { observeCommand } from './command.ts';
import { type ContextCache, type Fault, type ImageReader, observeImage } from './image.ts';
import type { Memo } from './memo.ts';
import { Unreadable } from './walk.ts';

export interface ObserveOptions {
  /** The project root, absolute. */
  readonly root: string;
  readonly memo: Memo;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly now: Date;
  readonly programId: string;
  readonly lock: Lock;
}

/**
 * Reads everything that the given tasks are made from. What cannot be read makes its task a problem, not the run.
 * @throws DefinitionError (exit 2) with all faults: missing contexts, invalid Dockerfiles, needs that no ARG declares
 */
export async function observe(
  graph: Graph,
  ids: Iterable<TaskId>,
  options: ObserveOptions,
): Promise<Observations> {
  const problems = new Map<string, Problem>();
  const contexts: ContextCache = new Map();
  const observations = new Map<TaskId, Observed>();
  const triggering = new Set<TaskId>();
  for (const id of ids) {
    const task = graph.tasks.get(id)!;
    const complain = (fault: Fault): void => {
      const problem = { file: task.where.file, definition: task.name, ...fault };
      problems.set(JSON.stringify(problem), problem);
    };
    const observed = await observeTask(task, { ...options, contexts, triggering }, complain);
    if (observed !== undefined) observations.set(id, inPeriod(observed, task, options.now));
  }
  options.memo.save();
  if (problems.size > 0) throw new DefinitionError([...problems.values()]);
  return observations;
}

function inPeriod(observed: Observed, { maxAgeMs }: Task, now: Date): Observed {
  if (maxAgeMs === undefined || observed.kind === 'problem') return observed;
  return { ...observed, period: Math.floor(now.getTime() / maxAgeMs) };
}

async function observeTask(
  task: Task,
  reader: ObserveOptions & ImageReader,
  complain: (fault: Fault) => void,
): Promise<Observed | undefined> {
  const { root, memo, environment } = reader;
  try {
    if (task.kind === 'command') return observeCommand(task, root, environment, memo, complain);
    return await observeImage(task, reader, complain);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return { kind: 'problem', code: 'unreadable', detail: error.message };
  }
}
