import type { RunOutcome } from '../model/events.ts';
import { RegistryError } from '../model/registry.ts';
import type { TaskId } from '../model/task.ts';
import type { Results } from '../run/needs.ts';
import { briefRequests, type Host } from './host.ts';
import { warnWith } from './notices.ts';
import type { RunOptions } from './options.ts';
import type { PlannedProject } from './plan-project.ts';
import { buildPhase, hasBrokenTest, inOneRun, tasksWithTest, testPhase } from './run-plan.ts';

/** Builds what is missing, then runs the tests of the selected images. Returns how the run ended. @throws TasksError */
export async function testProject(
  planned: PlannedProject,
  options: RunOptions & { readonly retest: boolean },
  host: Host,
): Promise<RunOutcome> {
  const selected = [...planned.plan.steps.values()].filter((step) => step.selected);
  return await inOneRun(
    'test',
    { plan: planned.plan, tested: tasksWithTest(selected) },
    options,
    host,
    async (onEvent) => {
      const selected = [...planned.plan.steps.values()].filter((step) => step.selected);
      if (hasBrokenTest(planned, selected, options))
        return (await testPhase(planned, selected, new Map(), options, false, host, onEvent)).outcome;
      const built = await buildPhase(planned, options, host, onEvent);
      if (built.outcome !== 'ok') return built.outcome;
      const { results } = built;
      const tests = await testPhase(planned, selected, results, options, options.retest, host, onEvent);
      await sharePasses(planned, tests.passed, results, host, options.signal);
      return options.signal.aborted ? 'interrupted' : tests.outcome;
    },
    (outcome) => outcome === 'ok',
  );
}

/** Tells the registry, if it was asked, which tests have passed: other machines need not run them again. */
async function sharePasses(
  { plan, registryBuilder }: PlannedProject,
  passed: ReadonlyMap<TaskId, string>,
  results: Results,
  { connections, notify }: Host,
  signal: AbortSignal,
): Promise<void> {
  const digests = new Map(
    [...passed.keys()].flatMap((id) => {
      // What was built just now is in the registry, too, if a builder did it.
      const built = registryBuilder === undefined ? undefined : results.get(id)?.manifestDigest;
      const digest = plan.steps.get(id)?.remote?.digest ?? built;
      return digest === undefined ? [] : [[id, digest] as const];
    }),
  );
  if ([...digests.keys()].every((id) => plan.steps.get(id)!.testPassed)) return;
  const { setPassTags } = await import('../release/pass-tags.ts');
  try {
    await setPassTags(await connections.registry(signal, briefRequests), plan, passed, digests);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    warnWith(notify)(`cannot store passed tests in the registry: ${error.message}`);
  }
}
