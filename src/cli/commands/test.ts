import { openPasses } from '../../cache/passes.ts';
import type { ExitCode } from '../../model/errors.ts';
import type { Step } from '../../model/plan.ts';
import type { TaskRecord } from '../../model/record.ts';
import type { TaskId } from '../../model/task.ts';
import type { Reporter } from '../../report/reporter.ts';
import { runTests } from '../../run/tests.ts';
import { type CommonFlags, jobsOf } from '../flags.ts';
import { type Io, warner } from '../io.ts';
import { type Prospect, planProject } from '../project.ts';
import { followersOf, makeReporter, makeServices, runProspect } from '../run.ts';
import { sharedStore } from '../shared.ts';

export interface TestFlags extends CommonFlags {
  readonly retest?: boolean;
}

/** `tasks test`: builds what is missing, then runs the selected images' tests. */
export async function test(selectors: readonly string[], flags: TestFlags, io: Io): Promise<ExitCode> {
  const prospect = await planProject(selectors, flags, io, { withoutEngine: false });
  const followers = followersOf(flags, io);
  const steps = [...prospect.plan.steps.values()];
  const isBuilt = steps.every((step) => step.action === 'reuse' || step.action === 'skip');
  let results: ReadonlyMap<TaskId, TaskRecord> = recordsOf(steps);
  if (!isBuilt) {
    const built = await runProspect(prospect, 'build', flags, io, followers);
    if (built.exitCode !== 0) return built.exitCode;
    results = built.results;
  }
  return await testSelected(prospect, results, followers, flags, io);
}

async function testSelected(
  prospect: Prospect,
  results: ReadonlyMap<TaskId, TaskRecord>,
  followers: Reporter,
  flags: TestFlags,
  io: Io,
): Promise<ExitCode> {
  const { plan, cacheFolder } = prospect;
  const reporter = await makeReporter(flags, io, followers);
  const selected = [...plan.steps.values()].filter((step) => step.selected);
  const passes = openPasses(cacheFolder, warner(io), sharedStore(io));
  try {
    const { ok } = await runTests(selected, results, makeServices(prospect, io), passes, {
      jobs: jobsOf(flags, io),
      retest: flags.retest === true,
      keepGoing: flags.keepGoing === true,
      signal: io.signal,
      listen: reporter.listen,
    });
    if (io.signal.aborted) return 130;
    return ok ? 0 : 1;
  } finally {
    await reporter.close();
  }
}

function recordsOf(steps: readonly Step[]): Map<TaskId, TaskRecord> {
  return new Map(
    steps.flatMap((step) => (step.record !== undefined ? [[step.task.id, step.record] as const] : [])),
  );
}
