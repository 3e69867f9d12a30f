import type { TaskId } from '../model/task.ts';
import { type Job, pathLengths, type ScheduleRules } from './job.ts';
import { makeScheduler, type ScheduleEvent } from './scheduler.ts';

/** How long jobs take and how they end in a simulated run. */
export interface Simulation extends ScheduleRules {
  /** How long a job takes, in milliseconds. */
  duration(job: Job): number;
  result(job: Job): 'done' | 'failed';
}

/** When each job ran, in milliseconds from the beginning. Blocked and cancelled jobs are not in `ran`. */
export interface SimulatedRun {
  readonly ran: ReadonlyMap<TaskId, { readonly startMs: number; readonly endMs: number }>;
  /** When the last job ended. */
  readonly lengthMs: number;
}

/** Runs the scheduler against a simulated clock. */
export function simulate(jobs: readonly Job[], simulation: Simulation): SimulatedRun {
  const byId = new Map(jobs.map((job) => [job.id, job]));
  const ran = new Map<TaskId, { startMs: number; endMs: number }>();
  const running: TaskId[] = [];
  const scheduler = makeScheduler(jobs, simulation);
  let now = 0;
  let event: ScheduleEvent = { type: 'begin' };
  for (;;) {
    for (const id of scheduler.next(event).start) {
      ran.set(id, { startMs: now, endMs: now + simulation.duration(byId.get(id)!) });
      running.push(id);
    }
    if (running.length === 0) return { ran, lengthMs: now };
    const next = running.reduce((first, id) => (ran.get(id)!.endMs < ran.get(first)!.endMs ? id : first));
    running.splice(running.indexOf(next), 1);
    now = ran.get(next)!.endMs;
    event = { type: 'ended', id: next, result: simulation.result(byId.get(next)!) };
  }
}

/** How long a run takes if each job takes its weight, and the least that any order of jobs takes; milliseconds. */
export interface Forecast {
  readonly expectedMs: number;
  /** The longest path, or all work, or all work of a kind, spread evenly over the slots. */
  readonly boundMs: number;
}

/** The forecast of a run in which every job ends well. */
export function forecast(jobs: readonly Job[], rules: Omit<ScheduleRules, 'keepGoing'>): Forecast {
  const calm = { ...rules, keepGoing: false };
  const { lengthMs } = simulate(jobs, { ...calm, duration: ({ weight }) => weight, result: () => 'done' });
  let longest = 0;
  for (const length of pathLengths(jobs).values()) longest = Math.max(longest, length);
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
