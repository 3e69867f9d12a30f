import { TasksError } from '../model/errors.ts';
import type { Observations } from '../model/observed.ts';
import type { Step } from '../model/plan.ts';
import type { Engine } from '../model/ports.ts';

/**
 * Checks that the engine can build the images of these steps, before anything runs.
 * @throws TasksError exit 3 if the engine is not usable or its BuildKit does not support a Dockerfile's syntax
 */
export async function requireEngine(
  builds: readonly Pick<Step, 'task'>[],
  observations: Observations,
  engine: Pick<Engine, 'ready' | 'abilities'> | undefined,
): Promise<void> {
  if (builds.length === 0 || engine === undefined) return;
  await engine.ready();
  const places = builds.flatMap(({ task }) => describeNewSyntax(task, observations) ?? []);
  if (places.length === 0) return;
  const { version, heredocs } = await engine.abilities();
  if (heredocs) return;
  const list = [...new Set(places)].map((place) => `  ${place}`).join('\n');
  throw new TasksError(
    3,
    `some Dockerfiles need docker 23 or newer, but the engine is docker ${version}\n${list}`,
    {
      hint: 'update the engine, move the text to a separate file, or start the Dockerfile with "# syntax=docker/dockerfile:1"',
    },
  );
}

function describeNewSyntax(task: Step['task'], observations: Observations): string | undefined {
  const observed = observations.get(task.id);
  if (task.kind !== 'image' || observed?.kind !== 'image' || observed.newSyntax === undefined)
    return undefined;
  return `${task.dockerfile}:${observed.newSyntax.line}: ${observed.newSyntax.what}`;
}
