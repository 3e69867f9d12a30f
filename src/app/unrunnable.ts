import { TasksError } from '../model/errors.ts';
import type { Observations } from '../model/observed.ts';
import type { Plan } from '../model/plan.ts';
import { normalizePlatform } from '../model/platform.ts';
import type { Engine } from '../model/ports.ts';
import type { TaskId } from '../model/task.ts';

/**
 * Returns the tasks to be built whose RUN instructions are for a platform that the engine does not run, not even by emulation, with
 * the reason. None if no task asks for another platform than that of this machine, or if the engine does not answer.
 */
export async function findUnrunnable(
  { steps }: Plan,
  observations: Observations,
  engine: Pick<Engine, 'platforms'> | undefined,
): Promise<Map<TaskId, string>> {
  const foreign = [...steps.values()].flatMap(({ task, action }): [TaskId, readonly string[]][] => {
    const observed = observations.get(task.id);
    if (action !== 'build' || observed?.kind !== 'image' || observed.foreignRuns === undefined) return [];
    return [[task.id, observed.foreignRuns]];
  });
  const unrunnable = new Map<TaskId, string>();
  if (foreign.length === 0 || engine === undefined) return unrunnable;
  const known = await platformsOf(engine);
  if (known === undefined) return unrunnable;
  for (const [id, platforms] of foreign) {
    const missing = platforms.find((platform) => !known.includes(normalizePlatform(platform)));
    if (missing !== undefined)
      unrunnable.set(
        id,
        `RUN needs an emulator for ${missing}, which the engine does not have: install qemu-user-static there, or build on such a machine`,
      );
  }
  return unrunnable;
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
