import type { TaskId } from '../model/task.ts';
import { makeLine } from './line.ts';
import type { Work } from './work.ts';

export type ScheduleEvent =
  | { readonly type: 'begin' }
  | { readonly type: 'ended'; readonly id: TaskId; readonly result: 'done' | 'failed' | 'cancelled' }
  | { readonly type: 'cancel' };

/** What is to happen now: ids to start, and ids that will never start. */
export interface Orders {
  readonly start: readonly TaskId[];
  readonly blocked: readonly { readonly id: TaskId; readonly by: TaskId }[];
  readonly cancelled: readonly TaskId[];
}

type Status = 'waiting' | 'running' | 'done' | 'failed' | 'blocked' | 'cancelled';

/** How a run stands. Unlike a schedule it changes. */
export interface Progress {
  /** Takes what happened in, and says what to do. */
  advance(event: ScheduleEvent): Orders;
  /** Jobs that run or may still start. */
  left(): number;
}

/** Nothing has begun. */
export function makeProgress(work: Work): Progress {
  const { jobs, place, needing, following, rules } = work;
  const line = makeLine(work);
  const status = new Map<TaskId, Status>();
  /** How many others a waiting job still waits for. */
  const open = new Map<TaskId, number>();
  for (const { id, needs, after } of jobs.values()) {
    status.set(id, 'waiting');
    const known = (ids: readonly TaskId[]): number =>
      [...new Set(ids)].filter((each) => jobs.has(each)).length;
    open.set(id, known(needs) + known(after));
  }
  let left = jobs.size;
  let isStopped = false;

  const end = (id: TaskId, as: Status): void => {
    status.set(id, as);
    left--;
  };
  /** One that others wait for is over. */
  const release = (ids: readonly TaskId[] | undefined): void => {
    for (const id of ids ?? []) {
      const number = open.get(id)! - 1;
      open.set(id, number);
      if (number === 0 && status.get(id) === 'waiting') line.add(jobs.get(id)!);
    }
  };
  /** All waiting jobs that hang on a failed one, in the order of the list. */
  const block = (failed: TaskId): TaskId[] => {
    const lost = [failed];
    for (const each of lost)
      for (const id of needing.get(each) ?? []) {
        if (status.get(id) !== 'waiting') continue;
        end(id, 'blocked');
        lost.push(id);
      }
    return lost.slice(1).sort((a, b) => place.get(a)! - place.get(b)!);
  };
  const cancelWaiting = (): TaskId[] => {
    const waiting = [...status].filter(([, state]) => state === 'waiting').map(([id]) => id);
    for (const id of waiting) end(id, 'cancelled');
    return waiting;
  };
  const begin = (): void => {
    for (const job of jobs.values()) if (open.get(job.id) === 0) line.add(job);
  };
  /** Takes an end in; returns what it blocks. */
  const finish = (id: TaskId, result: 'done' | 'failed' | 'cancelled'): TaskId[] => {
    const job = jobs.get(id)!;
    end(id, result);
    line.giveBack(job, result === 'done');
    const blocked = result === 'done' ? [] : block(id);
    if (result === 'done') release(needing.get(id));
    for (const each of [id, ...blocked]) release(following.get(each));
    return blocked;
  };
  const startNext = (): TaskId[] => {
    const started: TaskId[] = [];
    for (let job = line.next(); job !== undefined; job = line.next()) {
      status.set(job.id, 'running');
      started.push(job.id);
    }
    return started;
  };
  const stops = (event: ScheduleEvent): boolean => {
    if (event.type !== 'ended') return event.type === 'cancel';
    const isTolerated = rules.keepGoing || jobs.get(event.id)!.allowFailure;
    return event.result === 'cancelled' || (event.result === 'failed' && !isTolerated);
  };

  return {
    advance(event) {
      if (event.type === 'begin') begin();
      const blocked =
        event.type === 'ended' ? finish(event.id, event.result).map((id) => ({ id, by: event.id })) : [];
      const isStopping = !isStopped && stops(event);
      isStopped ||= isStopping;
      return {
        start: isStopped ? [] : startNext(),
        blocked,
        cancelled: isStopping ? cancelWaiting() : [],
      };
    },
    left: () => left,
  };
}
