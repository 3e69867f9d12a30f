import type { Job, JobGraph, ScheduleRules } from './job.ts';
import { makePriorityQueue, type PriorityQueue } from './priority-queue.ts';

/** The jobs that wait for nothing but a free slot, in order, and the slots that are taken. */
export interface ReadyQueue {
  add(job: Job): void;
  /** Takes the job to start now, and a slot for it; undefined where there is no job or no slot for one. */
  take(): Job | undefined;
  /** Frees the slot of a job that has ended. `isBuilt`: it built the layers that it begins with. */
  release(job: Job, isBuilt: boolean): void;
}

/**
 * The job with the longest path comes first. A job whose leading layers another job is just building counts as half as long:
 * jobs as urgent go before it, and a slot that has nothing else to do takes it, which keeps the bound on a run's length.
 */
export function makeReadyQueue({ pathLength, position }: JobGraph, rules: ScheduleRules): ReadyQueue {
  const length = ({ id }: Job): number => pathLength.get(id)!;
  const isBefore = (a: Job, b: Job): boolean =>
    length(a) > length(b) || (length(a) === length(b) && position.get(a.id)! < position.get(b.id)!);
  /** By kind. */
  const ready = new Map<string, PriorityQueue<Job>>();
  /** Ready jobs whose leading layers another job is building, by those layers. */
  const held = new Map<string, PriorityQueue<Job>>();
  /** How many jobs run: of each kind, and of those that build the same layers. */
  const running = new Map<string, number>();
  const building = new Map<string, number>();
  const built = new Set<string>();
  let total = 0;

  const kindOf = ({ kind }: Job): string => kind ?? '';
  const hasSlot = (kind: string): boolean =>
    (running.get(kind) ?? 0) < (rules.limits?.[kind] ?? Number.POSITIVE_INFINITY);
  /** The layers that the job would be the first to build. By kind: a queue of two kinds would hide one behind the other. */
  const unbuiltLayers = (job: Job): string | undefined => {
    const layers = `${kindOf(job)} ${job.layers}`;
    return job.layers !== undefined && !built.has(layers) ? layers : undefined;
  };
  const push = (queues: Map<string, PriorityQueue<Job>>, name: string, job: Job): void => {
    const queue = queues.get(name) ?? makePriorityQueue(isBefore);
    queues.set(name, queue);
    queue.push(job);
  };
  const add = (job: Job): void => push(ready, kindOf(job), job);

  /** The first job of a kind whose layers no other job is building; the ones before it are held. */
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
      if (job === undefined || !hasSlot(kindOf(job))) continue;
      if (found === undefined || isBefore(job, found.job)) found = { job, queue };
    }
    return found;
  };

  return {
    add,
    take() {
      if (total >= rules.limit) return undefined;
      const free = best(ready.values(), firstOf);
      const waiting = best(held.values(), (queue) => queue.peek());
      const takesHeld =
        waiting !== undefined && (free === undefined || length(waiting.job) / 2 >= length(free.job));
      const job = (takesHeld ? waiting : free)?.queue.pop();
      if (job === undefined) return undefined;
      total++;
      count(running, kindOf(job), 1);
      const layers = unbuiltLayers(job);
      if (layers !== undefined) count(building, layers, 1);
      return job;
    },
    release(job, isBuilt) {
      total--;
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
