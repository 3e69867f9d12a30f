import type { BuilderNode } from '../model/builder-node.ts';
import type { TaskId } from '../model/task.ts';

/** A task that the scheduler must run. Tasks that are up to date are not jobs. */
export interface Job {
  readonly id: TaskId;
  /** Jobs that must succeed before this one starts. IDs that are not in the list count as done. */
  readonly needs: readonly TaskId[];
  /** Jobs that must end, successfully or not, before this one starts. */
  readonly after: readonly TaskId[];
  /** The expected duration in milliseconds. */
  readonly weight: number;
  /** True if a failure blocks the dependents but does not stop other jobs from starting. */
  readonly allowFailure: boolean;
  /** The kind of work, for limits per kind in addition to the total limit. */
  readonly kind?: string;
  /**
   * Identifies the job's leading layers. Of the jobs that share them one runs first, so that the others find them in the cache.
   */
  readonly layers?: string;
  /** The platform that its builder node must run. Undefined: the job runs on this machine and takes no job of a node. */
  readonly platform?: string;
  /** The platform that its builder node must run natively, where the Dockerfile reads the build platform. */
  readonly buildPlatform?: string;
}

export interface ScheduleRules {
  /** How many jobs may run at once. With builder nodes: how many of the jobs that run on this machine. */
  readonly limit: number;
  /** How many jobs of each kind may run at once. */
  readonly limits?: Readonly<Record<string, number>>;
  readonly keepGoing: boolean;
  /** The builder nodes that run jobs with a platform. Undefined: one engine runs all jobs. */
  readonly nodes?: readonly BuilderNode[];
  /** The names of the nodes that have the image of a task from earlier runs. */
  readonly images?: ReadonlyMap<TaskId, readonly string[]>;
}

/** The jobs of a run and their dependencies; immutable. */
export interface JobGraph {
  readonly jobs: ReadonlyMap<TaskId, Job>;
  /** A job's position in the list. */
  readonly position: ReadonlyMap<TaskId, number>;
  /** The length of the longest chain of jobs that starts with a job, in milliseconds. */
  readonly pathLength: ReadonlyMap<TaskId, number>;
  /** The jobs that can start only after a job has succeeded. */
  readonly dependents: ReadonlyMap<TaskId, readonly TaskId[]>;
  /** The jobs that can start only after a job has ended, successfully or not. */
  readonly followers: ReadonlyMap<TaskId, readonly TaskId[]>;
}

/** Builds the graph of jobs. The list must be ordered needs first. */
export function makeJobGraph(jobs: readonly Job[]): JobGraph {
  return {
    jobs: new Map(jobs.map((job) => [job.id, job])),
    position: new Map(jobs.map(({ id }, index) => [id, index])),
    pathLength: pathLengths(jobs),
    dependents: reverseEdges(jobs, ({ needs }) => needs),
    followers: reverseEdges(jobs, ({ after }) => after),
  };
}

/** Returns the length of the longest chain of jobs that starts with each job, in milliseconds. */
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

function reverseEdges(
  jobs: readonly Job[],
  targets: (job: Job) => readonly TaskId[],
): ReadonlyMap<TaskId, readonly TaskId[]> {
  const sources = new Map<TaskId, TaskId[]>();
  for (const job of jobs)
    for (const id of new Set(targets(job))) {
      const others = sources.get(id);
      if (others === undefined) sources.set(id, [job.id]);
      else others.push(job.id);
    }
  return sources;
}
