import type { TaskId } from '../model/task.ts';

/** A task as the scheduler sees it. Tasks that are done already are not in its list. */
export interface Job {
  readonly id: TaskId;
  /** Must have ended well before this one starts. Ids that are not in the list count as done. */
  readonly needs: readonly TaskId[];
  /** Must have ended, well or not. */
  readonly after: readonly TaskId[];
  /** Milliseconds that it is expected to take. */
  readonly weight: number;
  /** True: its failure blocks its dependents, but does not stop others from starting. */
  readonly allowFailure: boolean;
  /** What else limits how many run at once, beside the limit of all. */
  readonly kind?: string;
  /** The layers that it begins with. Of jobs that share them one goes first, so that the others find them made. */
  readonly layers?: string;
}

export interface Rules {
  /** How many jobs may run at once. */
  readonly limit: number;
  /** How many of a kind may. */
  readonly limits?: Readonly<Record<string, number>>;
  readonly keepGoing: boolean;
}

/** What is to be done, by what rules, and what hangs on what; it never changes. */
export interface Work {
  readonly jobs: ReadonlyMap<TaskId, Job>;
  /** A job's place in the list. */
  readonly place: ReadonlyMap<TaskId, number>;
  /** Milliseconds from a job's start to the end of the longest chain that hangs on it. */
  readonly path: ReadonlyMap<TaskId, number>;
  /** Who can only start when a job has ended well. */
  readonly needing: ReadonlyMap<TaskId, readonly TaskId[]>;
  /** Who can only start when a job has ended, well or not. */
  readonly following: ReadonlyMap<TaskId, readonly TaskId[]>;
  readonly rules: Rules;
}

/** Jobs must be in needs-first order. */
export function makeWork(jobs: readonly Job[], rules: Rules): Work {
  return {
    jobs: new Map(jobs.map((job) => [job.id, job])),
    place: new Map(jobs.map(({ id }, index) => [id, index])),
    path: longestPaths(jobs),
    needing: behind(jobs, ({ needs }) => needs),
    following: behind(jobs, ({ after }) => after),
    rules,
  };
}

function behind(
  jobs: readonly Job[],
  before: (job: Job) => readonly TaskId[],
): ReadonlyMap<TaskId, readonly TaskId[]> {
  const found = new Map<TaskId, TaskId[]>();
  for (const job of jobs)
    for (const id of new Set(before(job))) {
      const others = found.get(id);
      if (others === undefined) found.set(id, [job.id]);
      else others.push(job.id);
    }
  return found;
}

function longestPaths(jobs: readonly Job[]): ReadonlyMap<TaskId, number> {
  const behind = new Map<TaskId, number>();
  const path = new Map<TaskId, number>();
  for (const job of [...jobs].reverse()) {
    const length = job.weight + (behind.get(job.id) ?? 0);
    path.set(job.id, length);
    for (const id of [...job.needs, ...job.after]) behind.set(id, Math.max(behind.get(id) ?? 0, length));
  }
  return path;
}
