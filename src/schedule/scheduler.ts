import type { TaskId } from '../model/task.ts';
import { type Job, makeJobGraph, type ScheduleRules } from './job.ts';
import { makeReadyQueue } from './ready-queue.ts';

/** An event for the scheduler: the run began, a job ended, or the run was canceled. */
export type ScheduleEvent =
  | { readonly type: 'begin' }
  | { readonly type: 'ended'; readonly id: TaskId; readonly result: JobResult }
  | { readonly type: 'cancel' };

export type JobResult = 'done' | 'failed' | 'cancelled';

/** The scheduler's decision: jobs to start now, and jobs that will never start. */
export interface ScheduleDecision {
  readonly start: readonly TaskId[];
  readonly blocked: readonly { readonly id: TaskId; readonly by: TaskId }[];
  readonly cancelled: readonly TaskId[];
}

type JobState = 'waiting' | 'running' | 'blocked' | JobResult;

/**
 * Decides when jobs start. It holds the state of one run, which changes only with events. It uses neither promises nor the
 * clock, so the same events always lead to the same decisions.
 */
export interface Scheduler {
  /** Updates the state with an event and returns the decision. */
  next(event: ScheduleEvent): ScheduleDecision;
  /** Returns true if no job is running and none will start. */
  isDone(): boolean;
}

/** Creates a scheduler. The list must be ordered needs first. */
export function makeScheduler(list: readonly Job[], rules: ScheduleRules): Scheduler {
  const graph = makeJobGraph(list);
  const { jobs, position, dependents, followers } = graph;
  const ready = makeReadyQueue(graph, rules);
  const states = new Map<TaskId, JobState>(list.map(({ id }) => [id, 'waiting']));
  /** The number of jobs that a job still waits for. */
  const pending = new Map(list.map((job) => [job.id, countKnown(job.needs) + countKnown(job.after)]));
  let unfinished = jobs.size;
  let isStopped = false;

  function countKnown(ids: readonly TaskId[]): number {
    return [...new Set(ids)].filter((id) => jobs.has(id)).length;
  }

  function end(id: TaskId, state: JobState): void {
    states.set(id, state);
    unfinished--;
  }

  /** Notes that the given jobs wait for one job less. */
  function release(ids: readonly TaskId[] = []): void {
    for (const id of ids) {
      const count = pending.get(id)! - 1;
      pending.set(id, count);
      if (count === 0 && states.get(id) === 'waiting') ready.add(jobs.get(id)!);
    }
  }

  /** Blocks all waiting jobs that depend on a failed one. Returns them in the order of the list. */
  function blockDependents(failed: TaskId): TaskId[] {
    const failedOrBlocked = [failed];
    for (const each of failedOrBlocked)
      for (const id of dependents.get(each) ?? []) {
        if (states.get(id) !== 'waiting') continue;
        end(id, 'blocked');
        failedOrBlocked.push(id);
      }
    return failedOrBlocked.slice(1).sort((a, b) => position.get(a)! - position.get(b)!);
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
      if (event.type === 'begin') for (const job of list) if (pending.get(job.id) === 0) ready.add(job);
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
    isDone: () => unfinished === 0,
  };
}
