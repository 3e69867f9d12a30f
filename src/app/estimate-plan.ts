import type { Plan } from '../model/plan.ts';
import { forecast } from '../schedule/forecast.ts';
import { assumedDurationMs, planJobs } from '../schedule/plan-jobs.ts';
import type { RunOptions } from './options.ts';

/** How long a plan will take, by how long its tasks took before; milliseconds. */
export interface PlanEstimate {
  readonly expectedMs: number;
  /** What no order of tasks can beat. */
  readonly boundMs: number;
  readonly jobCount: number;
  /** Tasks without timing history, and the time that is assumed for each. */
  readonly untimed: number;
  readonly assumedMs: number;
}

/** Returns how long a plan will take; undefined if there is nothing to do, or no timing history at all. */
export function estimatePlan(
  plan: Plan,
  { jobs, limits }: Pick<RunOptions, 'jobs' | 'limits'>,
): PlanEstimate | undefined {
  const work = planJobs(plan);
  const untimed = work.filter(({ id }) => plan.steps.get(id)!.expectedMs === undefined).length;
  if (work.length === untimed) return undefined;
  const times = forecast(work, { limit: jobs, limits });
  return { ...times, jobCount: jobs, untimed, assumedMs: assumedDurationMs };
}
