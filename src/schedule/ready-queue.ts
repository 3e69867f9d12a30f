import type { Job, JobGraph, ScheduleRules } from './job.ts';
import type { Placement } from './placement.ts';
import { makePriorityQueue, type PriorityQueue } from './priority-queue.ts';

/** The jobs that are ready to start, in order. It also counts running jobs, to enforce the limits. */
export interface ReadyQueue {
  /** Adds a job whose needs are done. */
  add(job: Job): void;
  /** Removes, places and returns the job to start next; undefined if no job is ready or the limits are reached. */
  take(): Job | undefined;
  /** Must be called when a job has ended. `isBuilt` is true if it built its leading layers. */
  release(job: Job, isBuilt: boolean): void;
}

/**
 * Creates an empty queue. The job with the longest path comes first. The path of a job whose leading layers another job is
 * building counts half, so that equally urgent jobs go first. It still starts if nothing else can, which keeps the bound on the
 * run's duration. Jobs whose nodes are full do not delay others.
 */
export function makeReadyQueue(
  { pathLength, position }: JobGraph,
  rules: ScheduleRules,
  placement?: Placement,
): ReadyQueue {
  const length = ({ id }: Job): number => pathLength.get(id)!;
  const isBefore = (a: Job, b: Job): boolean =>
    length(a) > length(b) || (length(a) === length(b) && position.get(a.id)! < position.get(b.id)!);
  /** Ready jobs by group: jobs of a group can start under the same conditions. */
  const ready = new Map<string, PriorityQueue<Job>>();
  /** Ready jobs whose leading layers another job is building, by those layers. */
  const held = new Map<string, PriorityQueue<Job>>();
  /** The number of running jobs by kind, and of jobs that are building the same layers. */
  const running = new Map<string, number>();
  const building = new Map<string, number>();
  const built = new Set<string>();
  /** The number of running jobs that are on no node. */
  let total = 0;

  const kindOf = ({ kind }: Job): string => kind ?? '';
  const isOnNode = (job: Job): boolean => placement !== undefined && job.platform !== undefined;
  const groupOf = (job: Job): string =>
    isOnNode(job) ? `${kindOf(job)} ${job.platform} ${job.buildPlatform}` : kindOf(job);
  const canStart = (job: Job): boolean =>
    (isOnNode(job) ? placement!.hasRoom(job) : total < rules.limit) &&
    (running.get(kindOf(job)) ?? 0) < (rules.limits?.[kindOf(job)] ?? Number.POSITIVE_INFINITY);
  /**
   * Returns the leading layers of a job if they are not built yet. The ID contains the group, so that each held queue has one
   * group.
   */
  const unbuiltLayers = (job: Job): string | undefined => {
    const layers = `${groupOf(job)} ${job.layers}`;
    return job.layers !== undefined && !built.has(layers) ? layers : undefined;
  };
  const push = (queues: Map<string, PriorityQueue<Job>>, name: string, job: Job): void => {
    const queue = queues.get(name) ?? makePriorityQueue(isBefore);
    queues.set(name, queue);
    queue.push(job);
  };
  const add = (job: Job): void => push(ready, groupOf(job), job);

  /** Returns the first job whose leading layers no other job is building. Moves the jobs before it to `held`. */
  const firstOf = (queue: PriorityQueue<Job>): Job | undefined => {
    for (let job = queue.peek(); job !== undefined; job = queue.peek()) {
      const layers = unbuiltLayers(job);
      if (layers === undefined || !building.has(layers)) return job;
      push(held, layers, queue.pop()!);
    }
    return undefined;
  };
  const best = (
    queues: Iterable<PriorityQueue<Job>>,
    first: (queue: PriorityQueue<Job>) => Job | undefined,
  ): { job: Job; queue: PriorityQueue<Job> } | undefined => {
    let found: { job: Job; queue: PriorityQueue<Job> } | undefined;
    for (const queue of queues) {
      const job = first(queue);
      if (job === undefined || !canStart(job)) continue;
      if (found === undefined || isBefore(job, found.job)) found = { job, queue };
    }
    return found;
  };

  return {
    add,
    take() {
      if (placement === undefined && total >= rules.limit) return undefined;
      const free = best(ready.values(), firstOf);
      const waiting = best(held.values(), (queue) => queue.peek());
      const takesHeld =
        waiting !== undefined && (free === undefined || length(waiting.job) / 2 >= length(free.job));
      const job = (takesHeld ? waiting : free)?.queue.pop();
      if (job === undefined) return undefined;
      if (isOnNode(job)) placement!.place(job);
      else total++;
      count(running, kindOf(job), 1);
      const layers = unbuiltLayers(job);
      if (layers !== undefined) count(building, layers, 1);
      return job;
    },
    release(job, isBuilt) {
      if (isOnNode(job)) placement!.release(job, isBuilt);
      else total--;
      count(running, kindOf(job), -1);
      const layers = unbuiltLayers(job);
      if (layers === undefined) return;
      count(building, layers, -1);
      if (isBuilt) built.add(layers);
      if (building.has(layers) && !isBuilt) return;
      building.delete(layers);
      const freed = held.get(layers);
      held.delete(layers);
      for (let each = freed?.pop(); each !== undefined; each = freed?.pop()) add(each);
    },
  };
}

function count(numbers: Map<string, number>, name: string, more: number): void {
  const number = (numbers.get(name) ?? 0) + more;
  if (number === 0) numbers.delete(name);
  else numbers.set(name, number);
}
