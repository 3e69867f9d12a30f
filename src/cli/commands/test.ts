import type { ExitCode } from '../../model/errors.ts';
import type { Results } from '../../run/needs.ts';
import type { CommonFlags } from '../flags.ts';
import type { Io } from '../io.ts';
import { planProject } from '../project.ts';
import { followersOf, recordsOf, runProspect, testProspect } from '../run.ts';

export interface TestFlags extends CommonFlags {
  readonly retest?: boolean;
}

/** `tasks test`: builds what is missing, then runs the selected images' tests. */
export async function test(selectors: readonly string[], flags: TestFlags, io: Io): Promise<ExitCode> {
  const retest = flags.retest === true;
  const prospect = await planProject(selectors, flags, io, { withoutEngine: false, tests: true, retest });
  const followers = followersOf(flags, io);
  const steps = [...prospect.plan.steps.values()];
  const isBuilt = steps.every(({ action }) => ['reuse', 'retag', 'skip'].includes(action));
  let results: Results = recordsOf(steps);
  if (!isBuilt) {
    const built = await runProspect(prospect, 'build', flags, io, followers);
    if (built.exitCode !== 0) return built.exitCode;
    results = built.results;
  }
  const selected = steps.filter((step) => step.selected);
  const { ok } = await testProspect(prospect, selected, results, followers, flags, io);
  if (io.signal.aborted) return 130;
  return ok ? 0 : 1;
}
