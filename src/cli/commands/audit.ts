import { type ExitCode, TasksError } from '../../model/errors.ts';
import type { ObservedImage } from '../../model/observed.ts';
import type { Step } from '../../model/plan.ts';
import { makePaint } from '../../report/paint.ts';
import { purityTable, reproducedLines } from '../../report/reproduce.ts';
import { reproduce as auditSteps, type Reproduction } from '../../run/reproduce.ts';
import { requireEngine } from '../../run/require-engine.ts';
import { type CommonFlags, hasColor } from '../flags.ts';
import type { Io } from '../io.ts';
import { type Prospect, planProject } from '../project.ts';
import { makeServices } from '../run.ts';

export interface AuditFlags extends CommonFlags {
  readonly sample?: string;
}

/** `tasks audit`: rebuilds what would be reused and compares; then how pure each Dockerfile is. */
export async function audit(selectors: readonly string[], flags: AuditFlags, io: Io): Promise<ExitCode> {
  const prospect = await planProject(selectors, flags, io, { withoutEngine: false, inFull: true });
  const steps = [...prospect.plan.steps.values()];
  const reused = steps.filter(({ action }) => action === 'reuse');
  const chosen = sample(reused, flags.sample);
  const images = chosen.filter(({ task }) => task.kind === 'image');
  await requireEngine(images, prospect.observations, prospect.engine);
  const paint = makePaint(hasColor(flags, io, io.outIsTerminal));
  const audited: Reproduction[] = [];
  const { plan, observations } = prospect;
  for await (const result of auditSteps(chosen, plan, observations, makeServices(prospect, io), io.signal)) {
    audited.push(result);
    if (!flags.json) io.out(`${reproducedLines(result, paint).join('\n')}\n`);
  }
  const purity = purityOf(steps, prospect);
  if (flags.json) io.json({ audited, purity });
  else {
    const count = (verdict: Reproduction['verdict']): number =>
      audited.filter((each) => each.verdict === verdict).length;
    io.out(
      `${count('same')} of ${audited.length - count('skipped') - count('unsteady')} would be made again just as they are\n\n`,
    );
    for (const line of purityTable(purity)) io.out(`${line}\n`);
  }
  return audited.some(({ verdict }) => verdict === 'other' || verdict === 'failed') ? 1 : 0;
}

/** N of them, spread over the whole list; all where it is not asked for. @throws TasksError exit 2 */
function sample(steps: readonly Step[], flag: string | undefined): readonly Step[] {
  if (flag === undefined) return steps;
  const count = Number(flag);
  if (!Number.isInteger(count) || count < 1)
    throw new TasksError(2, `--sample takes a whole number from 1, not "${flag}"`);
  if (count >= steps.length) return steps;
  return Array.from({ length: count }, (_, at) => steps[Math.floor((at * steps.length) / count)]!);
}

/** One row for each Dockerfile and target: tasks of several versions share it. */
function purityOf(steps: readonly Step[], { observations }: Prospect) {
  const rows = new Map<
    string,
    { dockerfile: string; bases: number; downloads: number; piped: number; packages: number }
  >();
  for (const { task } of steps) {
    const observed = observations.get(task.id);
    if (task.kind !== 'image' || observed?.kind !== 'image') continue;
    const name = task.target === undefined ? task.dockerfile : `${task.dockerfile} (${task.target})`;
    rows.set(name, { dockerfile: name, ...countOf(observed) });
  }
  return [...rows.values()];
}

function countOf({ impure, unpinnedFetches }: ObservedImage) {
  const count = (what: string): number => unpinnedFetches.filter((finding) => finding.what === what).length;
  const downloads = impure.filter((text) => text.endsWith('has no checksum')).length;
  return {
    bases: impure.length - downloads,
    downloads,
    piped: count('piped download'),
    packages: count('package without version'),
  };
}
