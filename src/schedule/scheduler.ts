import type { TaskId } from '../model/task.ts';
import { type Job, makeJobGraph, type ScheduleRules } from './job.ts';
import { makePlacement } from './placement.ts';
import { makeReadyQueue } from './ready-queue.ts';

/**
 * An event for the scheduler: the run began, a job ended, the run was canceled, or the builder node of a running job was lost. That
 * node gets no more jobs, and the job starts once more on another one.
 */
export type ScheduleEvent =
  | { readonly type: 'begin' }
  | { readonly type: 'ended'; readonly id: TaskId; readonly result: JobResult }
  | { readonly type: 'lost'; readonly id: TaskId }
  | { readonly type: 'cancel' };

export type JobResult = 'done' | 'failed' | 'cancelled';

/** The scheduler's decision: jobs to start now, and jobs that will never start. */
export interface ScheduleDecision {
  readonly start: readonly TaskId[];
  readonly blocked: readonly { readonly id: TaskId; readonly by: TaskId }[];
  readonly cancelled: readonly TaskId[];
  /**
   * Jobs that fail without an event of their own: no builder node is left that can run them, or they have lost their node for the
   * second time. Always empty without nodes.
   */
  readonly unplaced: readonly TaskId[];
}

type JobState = 'waiting' | 'running' | 'blocked' | JobResult;

/**
 * Decides when jobs start. It holds the state of one run, which changes only with events. It uses neither promises nor the
 * clock, so the same events always lead to the same decisions.
 */
export interface Scheduler {
  /** Updates the state with an event and returns the decision. */
  next(event: ScheduleEvent): ScheduleDecision;
  /** Returns the builder node on which a job was started last; undefined if it runs on no node. */
  nodeOf(id: TaskId): string | undefined;
  /** Returns true if no job is running and none will start. */
  isDone(): boolean;
}

/** Creates a scheduler. The list must be ordered needs first. */
export function makeScheduler(list: readonly Job[], rules: ScheduleRules): Scheduler {
  const graph = makeJobGraph(list);
  const { jobs, position, dependents, followers } = graph;
  const placement = rules.nodes === undefined ? undefined : makePlacement(list, rules.nodes, rules.images);
  const ready = makeReadyQueue(graph, rules, placement);
  const states = new Map<TaskId, JobState>(list.map(({ id }) => [id, 'waiting']));
  /** The number of jobs that a job still waits for. */
  const pending = new Map(list.map((job) => [job.id, countKnown(job.needs) + countKnown(job.after)]));
  /** The jobs whose node was lost. */
  const lost = new Set<TaskId>();
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

  /** Notes the end of a job. Returns the jobs that it blocks. */
  function finish(id: TaskId, result: JobResult): ScheduleDecision['blocked'] {
    const wasRunning = states.get(id) === 'running';
    end(id, result);
    if (wasRunning) ready.release(jobs.get(id)!, result === 'done');
    const blocked = result === 'done' ? [] : blockDependents(id);
    if (result === 'done') release(dependents.get(id));
    for (const each of [id, ...blocked]) release(followers.get(each));
    return blocked.map((each) => ({ id: each, by: id }));
  }

  /** Leaves out the node of a running job. The job waits for another node, unless it has lost one before. */
  function leaveNode(id: TaskId): void {
    placement?.leaveOut(id);
    if (isStopped || lost.has(id) || placement === undefined) return;
    lost.add(id);
    ready.release(jobs.get(id)!, false);
    states.set(id, 'waiting');
    ready.add(jobs.get(id)!);
  }

  /** Returns whether a job must fail: no node is left for it, or it is still on the node that it has just lost. */
  function isUnplaced({ id, platform }: Job, event: ScheduleEvent): boolean {
    if (event.type === 'lost' && id === event.id && states.get(id) === 'running') return true;
    return (
      platform !== undefined && states.get(id) === 'waiting' && placement?.canRun(jobs.get(id)!) === false
    );
  }

  function failUnplaced(event: ScheduleEvent): Pick<ScheduleDecision, 'unplaced' | 'blocked'> {
    const unplaced: TaskId[] = [];
    const blocked: ScheduleDecision['blocked'][number][] = [];
    for (const job of list)
      if (isUnplaced(job, event)) {
        unplaced.push(job.id);
        blocked.push(...finish(job.id, 'failed'));
      }
    return { unplaced, blocked };
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

  /** Returns whether an event, or the failure of a job, ends the run early. */
  function stopsRun(event: ScheduleEvent, failed: readonly TaskId[]): boolean {
    if (event.type === 'cancel' || (event.type === 'ended' && event.result === 'cancelled')) return true;
    return !rules.keepGoing && failed.some((id) => !jobs.get(id)!.allowFailure);
  }

  return {
    next(event) {
      if (event.type === 'begin') for (const job of list) if (pending.get(job.id) === 0) ready.add(job);
      if (event.type === 'lost') leaveNode(event.id);
      const isEnd = event.type === 'ended';
      const { unplaced, blocked } = isEnd
        ? { unplaced: [], blocked: finish(event.id, event.result) }
        : failUnplaced(event);
      const failed = isEnd && event.result === 'failed' ? [event.id] : unplaced;
      const isStopping = !isStopped && stopsRun(event, failed);
      isStopped ||= isStopping;
      return {
        start: isStopped ? [] : startReady(),
        blocked,
        cancelled: isStopping ? cancelWaiting() : [],
        unplaced,
      };
    },
    nodeOf: (id) => placement?.nodeOf(id),
    isDone: () => unfinished === 0,
  };
}
