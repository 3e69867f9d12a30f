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
  /** The layers that it begins with. Of jobs that share them one goes first, so that the others find them made. */
  readonly layers?: string;
}

export type Status = 'waiting' | 'running' | 'done' | 'failed' | 'blocked' | 'cancelled';

/** Immutable; `decide` returns the next one. */
export interface Schedule {
  readonly jobs: ReadonlyMap<TaskId, Job>;
  readonly status: ReadonlyMap<TaskId, Status>;
  /** Milliseconds from a job's start to the end of the longest chain that hangs on it. */
  readonly path: ReadonlyMap<TaskId, number>;
  /** Who waits for a job, to end well or just to end. */
  readonly behind: ReadonlyMap<TaskId, readonly TaskId[]>;
  /** Waiting jobs that nothing keeps from starting but a slot. */
  readonly ready: readonly TaskId[];
  readonly running: readonly TaskId[];
  /** Leading layers of jobs that are done. */
  readonly made: ReadonlySet<string>;
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
    behind: whoWaits(jobs),
    ready: [],
    running: [],
    made: new Set(),
    ...options,
    stopped: false,
  };
}

/** The next schedule and what to do. Pure: the same schedule and event always give the same decision. */
export function decide(schedule: Schedule, event: ScheduleEvent): Decision {
  const status = new Map(schedule.status);
  let { stopped, made } = schedule;
  const blocked: { id: TaskId; by: TaskId }[] = [];
  if (event.type === 'cancel') stopped = true;
  if (event.type === 'ended') {
    status.set(event.id, event.result);
    const job = schedule.jobs.get(event.id)!;
    if (event.result !== 'done') {
      blocked.push(...block(schedule, status, event.id));
      const tolerated = schedule.keepGoing || job.allowFailure;
      if (event.result === 'cancelled' || !tolerated) stopped = true;
    } else if (job.layers !== undefined) made = new Set([...made, job.layers]);
  }
  const running = schedule.running.filter((id) => status.get(id) === 'running');
  const ready = readyNow(schedule, status, event, blocked);
  const free = Math.max(0, schedule.limit - running.length);
  const start = stopped ? [] : inOrder({ ...schedule, made, running }, ready).slice(0, free);
  for (const id of start) status.set(id, 'running');
  const cancelled = stopped ? [...status].filter(([, state]) => state === 'waiting').map(([id]) => id) : [];
  for (const id of cancelled) status.set(id, 'cancelled');
  const next = {
    ...schedule,
    status,
    stopped,
    made,
    ready: ready.filter((id) => !start.includes(id)),
    running: [...running, ...start],
  };
  return { schedule: next, start, blocked, cancelled };
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

/** Those that were ready before, and those that only waited for what has just ended or will never run. */
function readyNow(
  { jobs, behind, ready }: Schedule,
  status: ReadonlyMap<TaskId, Status>,
  event: ScheduleEvent,
  blocked: Decision['blocked'],
): TaskId[] {
  const over = [...(event.type === 'ended' ? [event.id] : []), ...blocked.map(({ id }) => id)];
  const candidates =
    event.type === 'begin' ? jobs.keys() : new Set([...ready, ...over.flatMap((id) => behind.get(id) ?? [])]);
  const isDone = (id: TaskId): boolean => !status.has(id) || status.get(id) === 'done';
  const isOver = (id: TaskId): boolean => status.get(id) !== 'waiting' && status.get(id) !== 'running';
  return [...candidates].filter((id) => {
    const { needs, after } = jobs.get(id)!;
    return status.get(id) === 'waiting' && needs.every(isDone) && after.every(isOver);
  });
}

/**
 * The longest path first. A job whose leading layers another one is just making counts as half as long: what is as urgent
 * goes before it, and a slot that has nothing else to do takes it, which keeps the bound on a run's length.
 */
function inOrder({ jobs, path, running, made }: Schedule, ready: readonly TaskId[]): TaskId[] {
  const byPath = [...ready].sort((a, b) => path.get(b)! - path.get(a)!);
  const inTheMaking = new Set(running.map((id) => jobs.get(id)!.layers));
  const urgency = new Map(
    byPath.map((id) => {
      const { layers } = jobs.get(id)!;
      const isBehind = layers !== undefined && !made.has(layers) && inTheMaking.has(layers);
      inTheMaking.add(layers);
      return [id, path.get(id)! / (isBehind ? 2 : 1)] as const;
    }),
  );
  return byPath.sort((a, b) => urgency.get(b)! - urgency.get(a)!);
}

function whoWaits(jobs: readonly Job[]): ReadonlyMap<TaskId, readonly TaskId[]> {
  const behind = new Map<TaskId, TaskId[]>();
  for (const job of jobs)
    for (const id of [...job.needs, ...job.after]) {
      const others = behind.get(id);
      if (others === undefined) behind.set(id, [job.id]);
      else others.push(job.id);
    }
  return behind;
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
