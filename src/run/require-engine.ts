import type { Observations } from '../model/observed.ts';
import type { Step } from '../model/plan.ts';
import type { Engine } from '../model/ports.ts';
import { requireFeatures } from './require-features.ts';
import { requireFields, requireGrants } from './require-fields.ts';

/**
 * Checks that the engine can build the images of these steps, before anything runs.
 * @throws TasksError exit 3 if the engine is not usable, a Dockerfile uses features that its frontend does not have, or the engine
 * does not support or allow what a definition asks for
 */
export async function requireEngine(
  builds: readonly Pick<Step, 'task'>[],
  observations: Observations,
  engine: Pick<Engine, 'ready' | 'abilities' | 'grants'> | undefined,
): Promise<void> {
  if (builds.length === 0 || engine === undefined) return;
  await engine.ready();
  const tasks = builds.flatMap(({ task }) => (task.kind === 'image' ? [task] : []));
  await requireFeatures(tasks, observations, engine);
  await requireFields(tasks, observations, engine);
  await requireGrants(tasks, engine);
}
