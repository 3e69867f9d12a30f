import { planProject } from '../../app/plan-project.ts';
import { dockerfilePurity, reproduceProject } from '../../app/reproduce-project.ts';
import { type ExitCode, TasksError } from '../../model/errors.ts';
import { makePaint } from '../../report/paint.ts';
import { purityTable, reproducedLines } from '../../report/reproduce.ts';
import type { Reproduction } from '../../run/reproduce.ts';
import { type Context, openHere, planOptions } from '../context.ts';

export interface ReproduceFlags {
  readonly sample?: string;
}

/** `tasks reproduce`: rebuilds up-to-date tasks and compares the results, then grades each Dockerfile. */
export async function reproduce(
  context: Context,
  selectors: readonly string[],
  flags: ReproduceFlags,
): Promise<ExitCode> {
  const { host, terminal, signal, settings } = context;
  const { json, outColor } = settings.output;
  const sample = parseSample(flags.sample);
  const planned = await planProject(await openHere(context), planOptions(context, selectors), host, {
    needsEngine: true,
    readAll: true,
  });
  const paint = makePaint(outColor);
  const audited: Reproduction[] = [];
  for await (const result of reproduceProject(planned, { sample, signal }, host)) {
    audited.push(result);
    if (!json) terminal.out(`${reproducedLines(result, paint).join('\n')}\n`);
  }
  const purity = dockerfilePurity(planned);
  if (json) terminal.json({ audited, purity });
  else {
    const count = (verdict: Reproduction['verdict']): number =>
      audited.filter((each) => each.verdict === verdict).length;
    const compared = audited.length - count('skipped') - count('unsteady');
    terminal.out(`${count('same')} of ${compared} rebuilt tasks gave the same result\n\n`);
    for (const line of purityTable(purity)) terminal.out(`${line}\n`);
  }
  return audited.some(({ verdict }) => verdict === 'other' || verdict === 'failed') ? 1 : 0;
}

/** @throws TasksError with exit code 2 */
function parseSample(flag: string | undefined): number | undefined {
  if (flag === undefined) return undefined;
  const sample = Number(flag);
  if (Number.isInteger(sample) && sample >= 1) return sample;
  throw new TasksError(2, `--sample is "${flag}"`, { hint: 'expected a whole number from 1' });
}
