import type { ExitCode } from '../../model/errors.ts';
import type { Plan } from '../../model/plan.ts';
import type { TaskId } from '../../model/task.ts';
import { chooseAlias, requestedAliases } from '../../release/aliases.ts';
import { makePaint } from '../../report/paint.ts';
import { type PlanEstimate, type PlanFacts, planJson, planText } from '../../report/plan.ts';
import { forecast } from '../../schedule/forecast.ts';
import { assumedDurationMs, planJobs } from '../../schedule/plan-jobs.ts';
import { type CommonFlags, hasColor, jobsOf, limitsOf } from '../flags.ts';
import type { Io } from '../io.ts';
import { impliedNotes } from '../linked.ts';
import { type Prospect, planProject } from '../project.ts';

export interface PlanFlags extends CommonFlags {
  readonly check?: boolean;
}

/** `tasks plan`: says what build would do and why; runs nothing. */
export async function plan(selectors: readonly string[], flags: PlanFlags, io: Io): Promise<ExitCode> {
  const prospect = await planProject(selectors, flags, io, {
    withoutEngine: true,
    // The document names bases, which the keys of unchanged tasks do not tell.
    inFull: flags.json === true,
  });
  return printPlan(prospect, flags, io);
}

/** Prints a plan. With --check the exit code says whether anything would be done. */
export function printPlan(
  prospect: Pick<Prospect, 'plan' | 'implied' | 'observations' | 'graph' | 'naming'>,
  flags: PlanFlags,
  io: Io,
): ExitCode {
  const { plan, implied } = prospect;
  if (flags.json) io.json(planJson(plan, factsOf(prospect)));
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

function factsOf({
  plan,
  observations,
  graph,
  naming,
}: Pick<Prospect, 'plan' | 'observations' | 'graph' | 'naming'>): PlanFacts {
  const tasks = [...plan.steps.values()].map(({ task }) => task);
  const aliases = new Map<TaskId, string[]>();
  for (const wanted of requestedAliases(tasks)) {
    const { task } = chooseAlias(wanted, tasks, graph, undefined);
    if (task === undefined) continue;
    const ref = `${naming.repo}/${wanted.name}:${wanted.alias}`;
    aliases.set(task.id, [...(aliases.get(task.id) ?? []), ref]);
  }
  const bases = new Map(
    [...observations].flatMap(([id, observed]) =>
      observed.kind === 'image' ? [[id, observed.bases] as const] : [],
    ),
  );
  return { aliases, bases };
}

function outlookOf(
  plan: Plan,
  slots: number,
  limits: Readonly<Record<string, number>>,
): PlanEstimate | undefined {
  const jobs = planJobs(plan);
  const unknown = jobs.filter(({ id }) => plan.steps.get(id)!.expectedMs === undefined).length;
  if (jobs.length === unknown) return undefined;
  return {
    ...forecast(jobs, { limit: slots, limits }),
    jobCount: slots,
    untimed: unknown,
    assumedMs: assumedDurationMs,
  };
}
