import type { TaskId } from '../model/task.ts';

/** A task as the scheduler sees it. Tasks that are done already are not in its list. */
export interface Job {
  readonly id: TaskId;
  /** Must have ended well before this one starts. Ids that are not in the list count as done. */
  readonly needs: readonly TaskId[];
  /** Must have ended, well or not, before this one starts. */
  readonly after: readonly TaskId[];
  /** Expected duration in milliseconds. */
  readonly weight: number;
  /** True: its failure blocks its dependents, but does not stop others from starting. */
  readonly allowFailure: boolean;
  /** The kind of work, for limits per kind beside the limit of all. */
  readonly kind?: string;
  /** Names the layers that it begins with. Of jobs that share them one goes first, so that the others find them built. */
  readonly layers?: string;
}

export interface ScheduleRules {
  /** How many jobs may run at once. */
  readonly limit: number;
  /** How many jobs of a kind may run at once. */
  readonly limits?: Readonly<Record<string, number>>;
  readonly keepGoing: boolean;
}

/** The jobs of a run and how they depend on one another. It never changes. */
export interface JobGraph {
  readonly jobs: ReadonlyMap<TaskId, Job>;
  /** A job's position in the list. */
  readonly position: ReadonlyMap<TaskId, number>;
  /** Milliseconds from a job's start to the end of the longest chain of jobs that wait for it. */
  readonly pathLength: ReadonlyMap<TaskId, number>;
  /** The jobs that can only start when a job has ended well. */
  readonly dependents: ReadonlyMap<TaskId, readonly TaskId[]>;
  /** The jobs that can only start when a job has ended, well or not. */
  readonly followers: ReadonlyMap<TaskId, readonly TaskId[]>;
}

/** Relates jobs, which must be in needs-first order. */
export function makeJobGraph(jobs: readonly Job[]): JobGraph {
  return {
    jobs: new Map(jobs.map((job) => [job.id, job])),
    position: new Map(jobs.map(({ id }, index) => [id, index])),
    pathLength: pathLengths(jobs),
    dependents: reversed(jobs, ({ needs }) => needs),
    followers: reversed(jobs, ({ after }) => after),
  };
}

/** Milliseconds from each job's start to the end of the longest chain of jobs that wait for it. */
export function pathLengths(jobs: readonly Job[]): ReadonlyMap<TaskId, number> {
  const longestWaiting = new Map<TaskId, number>();
  const lengths = new Map<TaskId, number>();
  for (const job of [...jobs].reverse()) {
    const length = job.weight + (longestWaiting.get(job.id) ?? 0);
    lengths.set(job.id, length);
    for (const id of [...job.needs, ...job.after])
      longestWaiting.set(id, Math.max(longestWaiting.get(id) ?? 0, length));
  }
  return lengths;
}

function reversed(
  jobs: readonly Job[],
  targets: (job: Job) => readonly TaskId[],
): ReadonlyMap<TaskId, readonly TaskId[]> {
  const found = new Map<TaskId, TaskId[]>();
  for (const job of jobs)
    for (const id of new Set(targets(job))) {
      const others = found.get(id);
      if (others === undefined) found.set(id, [job.id]);
      else others.push(job.id);
    }
  return found;
}
