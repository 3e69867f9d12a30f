import { makeQueue, type Queue } from './queue.ts';
import type { Job, Work } from './work.ts';

/** The jobs that nothing keeps from starting but a slot, in order; and which slots are taken. */
export interface Line {
  add(job: Job): void;
  /** The one to start now, which takes its slot; undefined where there is none, or no slot for it. */
  next(): Job | undefined;
  /** A started one gives its slot back. `isMade`: it made the layers that it begins with. */
  giveBack(job: Job, isMade: boolean): void;
}

/**
 * The longest path first. A job whose leading layers another one is just making counts as half as long: what is as urgent
 * goes before it, and a slot that has nothing else to do takes it, which keeps the bound on a run's length.
 */
export function makeLine({ path, place, rules }: Work): Line {
  const length = ({ id }: Job): number => path.get(id)!;
  const isBefore = (a: Job, b: Job): boolean =>
    length(a) > length(b) || (length(a) === length(b) && place.get(a.id)! < place.get(b.id)!);
  /** By kind. */
  const ready = new Map<string, Queue<Job>>();
  /** Ready jobs behind one that is making their layers, by those. */
  const held = new Map<string, Queue<Job>>();
  /** How many run: of each kind, and of those that make the same layers. */
  const running = new Map<string, number>();
  const making = new Map<string, number>();
  const made = new Set<string>();
  let total = 0;

  const kindOf = ({ kind }: Job): string => kind ?? '';
  const hasSlot = (kind: string): boolean =>
    (running.get(kind) ?? 0) < (rules.limits?.[kind] ?? Number.POSITIVE_INFINITY);
  /** The layers that it would be the first to make, of its kind alone: a queue that holds two would hide one behind the other. */
  const makes = (job: Job): string | undefined => {
    const layers = `${kindOf(job)} ${job.layers}`;
    return job.layers !== undefined && !made.has(layers) ? layers : undefined;
  };
  const push = (queues: Map<string, Queue<Job>>, name: string, job: Job): void => {
    const queue = queues.get(name) ?? makeQueue(isBefore);
    queues.set(name, queue);
    queue.push(job);
  };
  const add = (job: Job): void => push(ready, kindOf(job), job);

  /** The first of a kind that does not stand behind another; those that do are held on the way. */
  const firstOf = (queue: Queue<Job>): Job | undefined => {
    for (let job = queue.peek(); job !== undefined; job = queue.peek()) {
      const layers = makes(job);
      if (layers === undefined || !making.has(layers)) return job;
      push(held, layers, queue.pop()!);
    }
    return undefined;
  };
  const best = (
    queues: Iterable<Queue<Job>>,
    first: (queue: Queue<Job>) => Job | undefined,
  ): { job: Job; queue: Queue<Job> } | undefined => {
    let found: { job: Job; queue: Queue<Job> } | undefined;
    for (const queue of queues) {
      const job = first(queue);
      if (job === undefined || !hasSlot(kindOf(job))) continue;
      if (found === undefined || isBefore(job, found.job)) found = { job, queue };
    }
    return found;
  };

  return {
    add,
    next() {
      if (total >= rules.limit) return undefined;
      const free = best(ready.values(), firstOf);
      const behind = best(held.values(), (queue) => queue.peek());
      const isBehind =
        behind !== undefined && (free === undefined || length(behind.job) / 2 >= length(free.job));
      const job = (isBehind ? behind : free)?.queue.pop();
      if (job === undefined) return undefined;
      total++;
      count(running, kindOf(job), 1);
      const layers = makes(job);
      if (layers !== undefined) count(making, layers, 1);
      return job;
    },
    giveBack(job, isMade) {
      total--;
      count(running, kindOf(job), -1);
      const layers = makes(job);
      if (layers === undefined) return;
      count(making, layers, -1);
      if (isMade) made.add(layers);
      if (making.has(layers) && !isMade) return;
      making.delete(layers);
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
