import type { TaskId } from '../model/task.ts';
import { type Job, pathLengths, type ScheduleRules } from './job.ts';
import { makeScheduler, type ScheduleEvent } from './scheduler.ts';

/** How long jobs take and how they end in a simulated run. */
export interface Simulation extends ScheduleRules {
  /** How long a job takes, in milliseconds. */
  duration(job: Job): number;
  result(job: Job): 'done' | 'failed';
}

/** When each job ran, in milliseconds from the start of the run. Blocked and canceled jobs are not in `ran`. */
export interface SimulatedRun {
  readonly ran: ReadonlyMap<TaskId, { readonly startMs: number; readonly endMs: number }>;
  /** When the last job ended. */
  readonly lengthMs: number;
}

/** Simulates a run: drives the scheduler with a simulated clock. */
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

/** The expected duration of a run, if each job takes its weight, and a lower bound for any order of jobs; in milliseconds. */
export interface Forecast {
  readonly expectedMs: number;
  /** The longest path, or the total work (of all jobs or of one kind) divided by the number of jobs that may run at once. */
  readonly boundMs: number;
}

/** Returns the forecast of a run in which every job succeeds. */
export function forecast(jobs: readonly Job[], rules: Omit<ScheduleRules, 'keepGoing'>): Forecast {
  const { lengthMs } = simulate(jobs, {
    ...rules,
    keepGoing: false,
    duration: ({ weight }) => weight,
    result: () => 'done',
  });
  let longest = 0;
  for (const length of pathLengths(jobs).values()) longest = Math.max(longest, length);
  const spread = (group: readonly Job[], limit: number): number =>
    group.reduce((sum, { weight }) => sum + weight, 0) / limit;
  const byKind = Object.entries(rules.limits ?? {}).map(([kind, limit]) =>
    spread(
      jobs.filter((job) => job.kind === kind),
      limit,
    ),
  );
  return { expectedMs: lengthMs, boundMs: Math.max(spread(jobs, rules.limit), longest, ...byKind) };
}
