import { makeProgress, type Orders, type Progress, type ScheduleEvent } from './progress.ts';
import { type Job, makeWork, type Rules, type Work } from './work.ts';

export type { Job, Rules, ScheduleEvent };

/** Immutable; `decide` returns the next one. It is what was to be done and what happened since. */
export interface Schedule {
  readonly work: Work;
  readonly past: Past | undefined;
}

interface Past {
  readonly event: ScheduleEvent;
  readonly before: Past | undefined;
}

/** What to do now, and the schedule to go on with. */
export interface Decision extends Orders {
  readonly schedule: Schedule;
}

/** A schedule in which nothing has begun. Jobs must be in needs-first order. */
export function makeSchedule(jobs: readonly Job[], rules: Rules): Schedule {
  return { work: makeWork(jobs, rules), past: undefined };
}

/**
 * How things stand in a schedule. Only the newest one of a run has it at hand, and hands it on to the next: a copy for each
 * event would cost the square of the number of jobs. Any other finds it again from what happened.
 */
const standing = new WeakMap<Schedule, Progress>();

/** The next schedule and what to do. Pure: the same schedule and event always give the same decision. */
export function decide(schedule: Schedule, event: ScheduleEvent): Decision {
  const progress = standing.get(schedule) ?? replay(schedule);
  standing.delete(schedule);
  const decided = progress.advance(event);
  const next = { work: schedule.work, past: { event, before: schedule.past } };
  standing.set(next, progress);
  return { schedule: next, ...decided };
}

/** True when no job runs and none will start. */
export function isOver(schedule: Schedule): boolean {
  const progress = standing.get(schedule) ?? replay(schedule);
  standing.set(schedule, progress);
  return progress.left() === 0;
}

function replay({ work, past }: Schedule): Progress {
  const events: ScheduleEvent[] = [];
  for (let at = past; at !== undefined; at = at.before) events.push(at.event);
  const progress = makeProgress(work);
  for (const event of events.reverse()) progress.advance(event);
  return progress;
}
