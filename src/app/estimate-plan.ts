import type { Plan } from '../model/plan.ts';
import type { PlanEstimate } from '../report/plan.ts';
import { forecast } from '../schedule/forecast.ts';
import { assumedDurationMs, planJobs } from '../schedule/plan-jobs.ts';
import type { RunOptions } from './options.ts';

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
