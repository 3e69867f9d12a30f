import { TasksError } from '../model/errors.ts';
import { machinePlatform } from '../model/machine.ts';
import type { Observations } from '../model/observed.ts';
import type { Plan, Step } from '../model/plan.ts';
import { normalizePlatform } from '../model/platform.ts';
import type { Engine } from '../model/ports.ts';
import type { TaskId } from '../model/task.ts';

/** What the engine cannot run, not even by emulation, with the reasons. */
export interface Unrunnable {
  /** Tasks to be built whose RUN instructions it cannot run. */
  readonly builds: Map<TaskId, string>;
  /** Tasks whose tests it cannot run, although they may have to. */
  readonly tests: Map<TaskId, string>;
}

/**
 * Returns the tasks that are for platforms which the engine does not run. None, and the engine is not asked, if no task asks for
 * another platform than that of this machine. None if the engine does not answer. `tested`: tasks whose tests are to run.
 */
export async function findUnrunnable(
  { steps }: Plan,
  observations: Observations,
  tested: ReadonlySet<TaskId>,
  engine: Pick<Engine, 'platforms'> | undefined,
): Promise<Unrunnable> {
  const all = [...steps.values()];
  const builds = all.map((step) => [step, foreignRuns(step, observations)] as const);
  const tests = all.map((step) => [step, foreignTest(step, tested)] as const);
  const isForeign = [...builds, ...tests].some(([, platforms]) => platforms.length > 0);
  const known = isForeign && engine !== undefined ? await platformsOf(engine) : undefined;
  const missing = (
    each: readonly (readonly [Step, readonly string[]])[],
    describe: (platform: string) => string,
  ): Map<TaskId, string> =>
    new Map(
      each.flatMap(([{ task }, platforms]) => {
        const lacking = platforms.find((platform) => known?.includes(normalizePlatform(platform)) === false);
        return lacking === undefined ? [] : [[task.id, describe(lacking)] as const];
      }),
    );
  const remedy = 'which the engine does not have: run `tasks doctor --fix` there, or build on such a machine';
  return {
    builds: missing(builds, (platform) => `RUN needs an emulator for ${platform}, ${remedy}`),
    tests: missing(tests, (platform) => `its test needs an emulator for ${platform}, ${remedy}`),
  };
}

/** Adds what was found. Returns whether something is new: then the plan is another one. */
export function addUnrunnable(known: Unrunnable, found: Unrunnable): boolean {
  const isNew =
    [...found.builds.keys()].some((id) => !known.builds.has(id)) ||
    [...found.tests.keys()].some((id) => !known.tests.has(id));
  for (const [id, reason] of found.builds) known.builds.set(id, reason);
  for (const [id, reason] of found.tests) known.tests.set(id, reason);
  return isNew;
}

function foreignRuns({ task, action }: Step, observations: Observations): readonly string[] {
  const observed = observations.get(task.id);
  return (action === 'build' && observed?.kind === 'image' && observed.foreignRuns) || [];
}

/** A new image is tested sooner or later, so a plan mentions it even if no test is to run now. */
function foreignTest({ task, action, testPassed }: Step, tested: ReadonlySet<TaskId>): readonly string[] {
  if (task.kind !== 'image' || task.test === undefined || testPassed === true) return [];
  if (normalizePlatform(task.platform) === normalizePlatform(machinePlatform())) return [];
  const isNew = action === 'build' || action === 'pull';
  return isNew || (tested.has(task.id) && action !== 'skip' && action !== 'blocked') ? [task.platform] : [];
}

async function platformsOf(engine: Pick<Engine, 'platforms'>): Promise<readonly string[] | undefined> {
  try {
    return await engine.platforms();
  } catch (error) {
    // What needs the engine reports that it is not there.
    if (error instanceof TasksError) return undefined;
    throw error;
  }
}
