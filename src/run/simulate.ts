import type { TaskId } from '../model/task.ts';
import { decide, type Job, makeSchedule, type Rules, type ScheduleEvent } from './scheduler.ts';

/** A world in which jobs take as long and end as it is told, without anything being done. */
export interface World extends Rules {
  /** How long a job really takes, milliseconds. */
  duration(job: Job): number;
  result(job: Job): 'done' | 'failed';
}

/** What became of each job; `startMs` and `endMs` from the beginning. Blocked and cancelled ones never ran. */
export interface Simulated {
  readonly ran: ReadonlyMap<TaskId, { readonly startMs: number; readonly endMs: number }>;
  /** When the last one ended. */
  readonly lengthMs: number;
}

/** Plays a run of the scheduler against a clock of its own. */
export function simulate(jobs: readonly Job[], world: World): Simulated {
  const byId = new Map(jobs.map((job) => [job.id, job]));
  const ran = new Map<TaskId, { startMs: number; endMs: number }>();
  const running: TaskId[] = [];
  let [schedule, now] = [makeSchedule(jobs, world), 0];
  let event: ScheduleEvent = { type: 'begin' };
  for (;;) {
    const decision = decide(schedule, event);
    ({ schedule } = decision);
    for (const id of decision.start) {
      ran.set(id, { startMs: now, endMs: now + world.duration(byId.get(id)!) });
      running.push(id);
    }
    if (running.length === 0) return { ran, lengthMs: now };
    const next = running.reduce((first, id) => (ran.get(id)!.endMs < ran.get(first)!.endMs ? id : first));
    running.splice(running.indexOf(next), 1);
    now = ran.get(next)!.endMs;
    event = { type: 'ended', id: next, result: world.result(byId.get(next)!) };
  }
}

/** How long a run will take, milliseconds, if each job takes its weight; and what no order of jobs could do better. */
export interface Forecast {
  readonly expectedMs: number;
  /** The longest path, or all work, or that of a kind, spread evenly over its slots. */
  readonly boundMs: number;
}

export function forecast(jobs: readonly Job[], rules: Omit<Rules, 'keepGoing'>): Forecast {
  const calm = { ...rules, keepGoing: false };
  const { lengthMs } = simulate(jobs, { ...calm, duration: ({ weight }) => weight, result: () => 'done' });
  const { path } = makeSchedule(jobs, calm).work;
  let longest = 0;
  for (const length of path.values()) longest = Math.max(longest, length);
  const spread = (own: readonly Job[], limit: number): number =>
    own.reduce((sum, { weight }) => sum + weight, 0) / limit;
  const ofKinds = Object.entries(rules.limits ?? {}).map(([kind, limit]) =>
    spread(
      jobs.filter((job) => job.kind === kind),
      limit,
    ),
  );
  return { expectedMs: lengthMs, boundMs: Math.max(spread(jobs, rules.limit), longest, ...ofKinds) };
}
