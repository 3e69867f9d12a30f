import type { ExitCode } from '../../model/errors.ts';
import { RegistryError } from '../../model/registry.ts';
import type { TaskId } from '../../model/task.ts';
import { exitCodeOf } from '../exit-code.ts';
import type { CommonFlags } from '../flags.ts';
import { type Io, warner } from '../io.ts';
import { type Prospect, planProject } from '../project.ts';
import { asksRegistry, patience } from '../remote.ts';
import { buildPhase, followersOf, type ReportedRun, reportRun, testPhase } from '../run.ts';

export interface TestFlags extends CommonFlags {
  readonly retest?: boolean;
}

/** `tasks test`: builds what is missing, then runs the selected images' tests. */
export async function test(selectors: readonly string[], flags: TestFlags, io: Io): Promise<ExitCode> {
  const retest = flags.retest === true;
  const prospect = await planProject(selectors, flags, io, {
    withoutEngine: asksRegistry(flags, io),
    tests: true,
    retest,
  });
  return await reportRun(
    'test',
    prospect,
    flags,
    io,
    followersOf(flags, io),
    (run) => buildAndTest(run, prospect, flags, io),
    (exitCode) => exitCode === 0,
  );
}

async function buildAndTest(
  run: ReportedRun,
  prospect: Prospect,
  flags: TestFlags,
  io: Io,
): Promise<ExitCode> {
  const built = await buildPhase(run, prospect, false, flags, io);
  if (built.outcome !== 'ok') return exitCodeOf(built.outcome);
  const selected = [...prospect.plan.steps.values()].filter((step) => step.selected);
  const { outcome, passed } = await testPhase(run, prospect, selected, built.results, flags, io);
  await sharePasses(prospect, passed, io);
  return io.signal.aborted ? 130 : exitCodeOf(outcome);
}

/** Where the registry was asked, it is told: an image that it has need not be tested on the next machine. */
async function sharePasses({ plan }: Prospect, passed: ReadonlyMap<TaskId, string>, io: Io): Promise<void> {
  const digests = new Map(
    [...passed.keys()].flatMap((id) => {
      const digest = plan.steps.get(id)?.remote?.digest;
      return digest === undefined ? [] : [[id, digest] as const];
    }),
  );
  if ([...digests.keys()].every((id) => plan.steps.get(id)!.testPassed)) return;
  const { registryFor } = await import('../registries.ts');
  const { setPassTags } = await import('../../release/pass-tags.ts');
  try {
    await setPassTags(registryFor(io, patience), plan, passed, digests);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    warner(io)(`the registry was not told which tests passed: ${error.message}`);
  }
}
