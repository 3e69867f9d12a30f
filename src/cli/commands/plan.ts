import type { ExitCode } from '../../model/errors.ts';
import type { Plan } from '../../model/plan.ts';
import { makePaint } from '../../report/paint.ts';
import { type Outlook, planJson, planText } from '../../report/plan.ts';
import { forecast } from '../../schedule/forecast.ts';
import { planJobs, unknownDuration } from '../../schedule/plan-jobs.ts';
import { type CommonFlags, hasColor, jobsOf, limitsOf } from '../flags.ts';
import type { Io } from '../io.ts';
import { impliedNotes } from '../linked.ts';
import { type Prospect, planProject } from '../project.ts';

export interface PlanFlags extends CommonFlags {
  readonly check?: boolean;
}

/** `tasks plan`: says what build would do and why; runs nothing. */
export async function plan(selectors: readonly string[], flags: PlanFlags, io: Io): Promise<ExitCode> {
  const prospect = await planProject(selectors, flags, io, { withoutEngine: true });
  return printPlan(prospect, flags, io);
}

/** Prints a plan. With --check the exit code says whether anything would be done. */
export function printPlan(
  { plan, implied }: Pick<Prospect, 'plan' | 'implied'>,
  flags: PlanFlags,
  io: Io,
): ExitCode {
  if (flags.json) io.json(planJson(plan));
  else {
    const paint = makePaint(hasColor(flags, io, io.outIsTerminal));
    const outlook = outlookOf(plan, jobsOf(flags, io), limitsOf(flags));
    const options = {
      verbose: flags.verbose === true,
      columns: io.outColumns,
      outlook,
      notes: impliedNotes(implied.filter(({ task }) => plan.steps.has(task))),
    };
    io.out(
      planText(plan, paint, options)
        .map((line) => `${line}\n`)
        .join(''),
    );
  }
  const steps = [...plan.steps.values()];
  const isIdle = steps.every((step) => ['reuse', 'skip'].includes(step.action) && step.newTags.length === 0);
  return flags.check && !isIdle ? 1 : 0;
}

function outlookOf(plan: Plan, slots: number, limits: Readonly<Record<string, number>>): Outlook | undefined {
  const jobs = planJobs(plan);
  const unknown = jobs.filter(({ id }) => plan.steps.get(id)!.expectedMs === undefined).length;
  if (jobs.length === unknown) return undefined;
  return { ...forecast(jobs, { limit: slots, limits }), slots, unknown, unknownMs: unknownDuration };
}
