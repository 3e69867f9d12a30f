import { explainTask } from '../../app/explain-task.ts';
import { planProject } from '../../app/plan-project.ts';
import { differenceColumns } from '../../key/difference.ts';
import type { ExitCode } from '../../model/errors.ts';
import { makePaint } from '../../report/paint.ts';
import { whyText } from '../../report/why.ts';
import { type Context, openHere, planOptions } from '../context.ts';

/** `tasks why <task> [other]`: explains why a task would be rebuilt, or compares two tasks. */
export async function why(context: Context, selectors: readonly string[]): Promise<ExitCode> {
  const { terminal, settings } = context;
  const planned = await planProject(await openHere(context), planOptions(context, selectors), context.host, {
    needsEngine: false,
    readAll: true,
  });
  const { explanation, manifest } = explainTask(planned, selectors[0]!, selectors[1]);
  if (settings.output.json) {
    terminal.json(explanation);
    return 0;
  }
  const rows = explanation.differences.map(differenceColumns);
  const lines = whyText({ ...explanation, rows, manifest }, makePaint(settings.output.outColor));
  for (const line of lines) terminal.out(`${line}\n`);
  return 0;
}
