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
}

export type Status = 'waiting' | 'running' | 'done' | 'failed' | 'blocked' | 'cancelled';

/** Immutable; `decide` returns the next one. */
export interface Schedule {
  readonly jobs: ReadonlyMap<TaskId, Job>;
  readonly status: ReadonlyMap<TaskId, Status>;
  /** Milliseconds from a job's start to the end of the longest chain that hangs on it. */
  readonly path: ReadonlyMap<TaskId, number>;
  readonly limit: number;
  readonly keepGoing: boolean;
  /** True: nothing new starts. */
  readonly stopped: boolean;
}

export type ScheduleEvent =
  | { readonly type: 'begin' }
  | { readonly type: 'ended'; readonly id: TaskId; readonly result: 'done' | 'failed' | 'cancelled' }
  | { readonly type: 'cancel' };

/** What is to happen now: ids to start, and ids that will never start. */
export interface Decision {
  readonly schedule: Schedule;
  readonly start: readonly TaskId[];
  readonly blocked: readonly { readonly id: TaskId; readonly by: TaskId }[];
  readonly cancelled: readonly TaskId[];
}

/** A schedule in which nothing has begun. `limit`: how many jobs may run at once. Jobs must be in needs-first order. */
export function makeSchedule(jobs: readonly Job[], options: { limit: number; keepGoing: boolean }): Schedule {
  return {
    jobs: new Map(jobs.map((job) => [job.id, job])),
    status: new Map(jobs.map((job) => [job.id, 'waiting' as const])),
    path: longestPaths(jobs),
    ...options,
    stopped: false,
  };
}

/** The next schedule and what to do. Pure: the same schedule and event always give the same decision. */
export function decide(schedule: Schedule, event: ScheduleEvent): Decision {
  const status = new Map(schedule.status);
  let { stopped } = schedule;
  const blocked: { id: TaskId; by: TaskId }[] = [];
  if (event.type === 'cancel') stopped = true;
  if (event.type === 'ended') {
    status.set(event.id, event.result);
    if (event.result !== 'done') {
      blocked.push(...block(schedule, status, event.id));
      const tolerated = schedule.keepGoing || schedule.jobs.get(event.id)?.allowFailure === true;
      if (event.result === 'cancelled' || !tolerated) stopped = true;
    }
  }
  const start = stopped ? [] : startable(schedule, status);
  for (const id of start) status.set(id, 'running');
  const cancelled = stopped ? [...status].filter(([, state]) => state === 'waiting').map(([id]) => id) : [];
  for (const id of cancelled) status.set(id, 'cancelled');
  return { schedule: { ...schedule, status, stopped }, start, blocked, cancelled };
}

/** True when no job runs and none will start. */
export function isOver(schedule: Schedule): boolean {
  return [...schedule.status.values()].every((state) => state !== 'waiting' && state !== 'running');
}

/** All waiting jobs that hang on a failed one. Jobs stand after their needs, so one pass finds them all. */
function block(
  schedule: Schedule,
  status: Map<TaskId, Status>,
  failed: TaskId,
): { id: TaskId; by: TaskId }[] {
  const lost = new Set([failed]);
  const found: { id: TaskId; by: TaskId }[] = [];
  for (const job of schedule.jobs.values()) {
    if (status.get(job.id) !== 'waiting' || !job.needs.some((id) => lost.has(id))) continue;
    lost.add(job.id);
    status.set(job.id, 'blocked');
    found.push({ id: job.id, by: failed });
  }
  return found;
}

function startable(schedule: Schedule, status: ReadonlyMap<TaskId, Status>): TaskId[] {
  const running = [...status.values()].filter((state) => state === 'running').length;
  const isDone = (id: TaskId): boolean => !status.has(id) || status.get(id) === 'done';
  const isOver = (id: TaskId): boolean => status.get(id) !== 'waiting' && status.get(id) !== 'running';
  return [...schedule.jobs.values()]
    .filter((job) => status.get(job.id) === 'waiting' && job.needs.every(isDone) && job.after.every(isOver))
    .sort((a, b) => schedule.path.get(b.id)! - schedule.path.get(a.id)!)
    .slice(0, Math.max(0, schedule.limit - running))
    .map((job) => job.id);
}

function longestPaths(jobs: readonly Job[]): ReadonlyMap<TaskId, number> {
  const behind = new Map<TaskId, number>();
  const path = new Map<TaskId, number>();
  for (const job of [...jobs].reverse()) {
    const length = job.weight + (behind.get(job.id) ?? 0);
    path.set(job.id, length);
    for (const id of job.needs) behind.set(id, Math.max(behind.get(id) ?? 0, length));
  }
  return path;
}
