import { estimatePlan } from '../../app/estimate-plan.ts';
import { planDocument } from '../../app/plan-document.ts';
import { type PlannedProject, planProject } from '../../app/plan-project.ts';
import type { ImpliedNeed } from '../../graph/implied-needs.ts';
import type { ExitCode } from '../../model/errors.ts';
import { makePaint } from '../../report/paint.ts';
import { planText } from '../../report/plan.ts';
import { type Context, openHere, planOptions } from '../context.ts';

export interface PlanFlags {
  readonly check?: boolean;
}

/** `tasks plan`: prints what a build would do and why. */
export async function plan(
  context: Context,
  selectors: readonly string[],
  flags: PlanFlags,
): Promise<ExitCode> {
  const { json } = context.settings.output;
  const planned = await planProject(await openHere(context), planOptions(context, selectors), context.host, {
    needsEngine: false,
    // The document has base images, which the keys of unchanged tasks do not tell.
    readAll: json,
  });
  return printPlan(planned, flags, context);
}

/** Prints a plan. With --check the exit code says whether anything would be done. */
export function printPlan(
  planned: PlannedProject,
  { check }: PlanFlags,
  { settings, terminal }: Context,
): ExitCode {
  const { plan, implied } = planned;
  const { json, outColor, verbose } = settings.output;
  if (json) terminal.json(planDocument(planned));
  else {
    const lines = planText(plan, makePaint(outColor), {
      verbose,
      columns: terminal.outColumns,
      outlook: estimatePlan(plan, settings),
      notes: impliedNotes(implied.filter(({ task }) => plan.steps.has(task))),
    });
    terminal.out(lines.map((line) => `${line}\n`).join(''));
  }
  const steps = [...plan.steps.values()];
  const isIdle = steps.every((step) => ['reuse', 'skip'].includes(step.action) && step.newTags.length === 0);
  return check && !isIdle ? 1 : 0;
}

/** Returns a line for each need that no definition declares; each name in a Dockerfile once. */
function impliedNotes(needs: readonly ImpliedNeed[]): string[] {
  const forms = { FROM: 'FROM ', 'COPY --from': 'COPY --from=', 'RUN --mount': 'RUN --mount from=' };
  const notes = needs.map(({ place, reference, task, dockerfile, need }) => {
    const named =
      place === 'contexts'
        ? `docker-image://${reference} in the contexts of ${task}`
        : `${forms[place]}${reference} in ${dockerfile}`;
    return `${named} is this project's ${need}`;
  });
  return [...new Set(notes)];
}
