import type { TaskId } from '../model/task.ts';
import { type Job, makeJobGraph, type ScheduleRules } from './job.ts';
import { makeReadyQueue } from './ready-queue.ts';

/** What happened: the run began, a job ended, or the run was cancelled. */
export type ScheduleEvent =
  | { readonly type: 'begin' }
  | { readonly type: 'ended'; readonly id: TaskId; readonly result: JobResult }
  | { readonly type: 'cancel' };

export type JobResult = 'done' | 'failed' | 'cancelled';

/** What to do now: jobs to start, and jobs that will never start. */
export interface ScheduleDecision {
  readonly start: readonly TaskId[];
  readonly blocked: readonly { readonly id: TaskId; readonly by: TaskId }[];
  readonly cancelled: readonly TaskId[];
}

type JobState = 'waiting' | 'running' | 'blocked' | JobResult;

/**
 * Decides which jobs start when. It holds the state of one run and changes it with each event; it knows neither promises nor
 * images nor the time, so the same events always give the same orders.
 */
export interface Scheduler {
  /** Takes in what happened and returns what to do. */
  next(event: ScheduleEvent): ScheduleDecision;
  /** True when no job runs and none will start. */
  isDone(): boolean;
}

/** A scheduler for jobs in needs-first order, of which none has begun. */
export function makeScheduler(list: readonly Job[], rules: ScheduleRules): Scheduler {
  const graph = makeJobGraph(list);
  const { jobs, position, dependents, followers } = graph;
  const ready = makeReadyQueue(graph, rules);
  const states = new Map<TaskId, JobState>(list.map(({ id }) => [id, 'waiting']));
  /** How many others a waiting job still waits for. */
  const open = new Map(list.map((job) => [job.id, countKnown(job.needs) + countKnown(job.after)]));
  let left = jobs.size;
  let isStopped = false;

  function countKnown(ids: readonly TaskId[]): number {
    return [...new Set(ids)].filter((id) => jobs.has(id)).length;
  }

  function end(id: TaskId, state: JobState): void {
    states.set(id, state);
    left--;
  }

  /** These jobs wait for one job less. */
  function release(ids: readonly TaskId[] = []): void {
    for (const id of ids) {
      const count = open.get(id)! - 1;
      open.set(id, count);
      if (count === 0 && states.get(id) === 'waiting') ready.add(jobs.get(id)!);
    }
  }

  /** Blocks all waiting jobs that depend on a failed one; returns them in the order of the list. */
  function blockDependents(failed: TaskId): TaskId[] {
    const lost = [failed];
    for (const each of lost)
      for (const id of dependents.get(each) ?? []) {
        if (states.get(id) !== 'waiting') continue;
        end(id, 'blocked');
        lost.push(id);
      }
    return lost.slice(1).sort((a, b) => position.get(a)! - position.get(b)!);
  }

  function finish(id: TaskId, result: JobResult): TaskId[] {
    end(id, result);
    ready.release(jobs.get(id)!, result === 'done');
    const blocked = result === 'done' ? [] : blockDependents(id);
    if (result === 'done') release(dependents.get(id));
    for (const each of [id, ...blocked]) release(followers.get(each));
    return blocked;
  }

  function startReady(): TaskId[] {
    const started: TaskId[] = [];
    for (let job = ready.take(); job !== undefined; job = ready.take()) {
      states.set(job.id, 'running');
      started.push(job.id);
    }
    return started;
  }

  function cancelWaiting(): TaskId[] {
    const waiting = [...states].filter(([, state]) => state === 'waiting').map(([id]) => id);
    for (const id of waiting) end(id, 'cancelled');
    return waiting;
  }

  function stopsRun(event: ScheduleEvent): boolean {
    if (event.type !== 'ended') return event.type === 'cancel';
    const isTolerated = rules.keepGoing || jobs.get(event.id)!.allowFailure;
    return event.result === 'cancelled' || (event.result === 'failed' && !isTolerated);
  }

  return {
    next(event) {
      if (event.type === 'begin') for (const job of list) if (open.get(job.id) === 0) ready.add(job);
      const blocked =
        event.type === 'ended' ? finish(event.id, event.result).map((id) => ({ id, by: event.id })) : [];
      const isStopping = !isStopped && stopsRun(event);
      isStopped ||= isStopping;
      return {
        start: isStopped ? [] : startReady(),
        blocked,
        cancelled: isStopping ? cancelWaiting() : [],
      };
    },
    isDone: () => left === 0,
  };
}
