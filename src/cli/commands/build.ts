import type { ExitCode } from '../../model/errors.ts';
import type { CommonFlags } from '../flags.ts';
import type { Io } from '../io.ts';
import { planProject } from '../project.ts';
import { runProspect } from '../run.ts';
import { plan } from './plan.ts';

export interface BuildFlags extends CommonFlags {
  readonly dryRun?: boolean;
}

/** `tasks build`: makes what changed; prints the selected images' tags. */
export async function build(selectors: readonly string[], flags: BuildFlags, io: Io): Promise<ExitCode> {
  if (flags.dryRun) return await plan(selectors, flags, io);
  const prospect = await planProject(selectors, flags, io, { withoutEngine: false });
  const result = await runProspect(prospect, 'build', flags, io);
  if (!flags.json) {
    for (const step of prospect.plan.steps.values()) {
      if (result.results.has(step.task.id)) for (const tag of step.tags) io.out(`${tag}\n`);
    }
  }
  return result.exitCode;
}
