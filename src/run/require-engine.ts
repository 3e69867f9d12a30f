import { TasksError } from '../model/errors.ts';
import type { Observations } from '../model/observed.ts';
import type { Step } from '../model/plan.ts';
import type { Engine } from '../model/ports.ts';

/**
 * Makes sure that an engine can build the images of these steps, before anything runs.
 * @throws TasksError exit 3 where there is no client for it, or where its BuildKit does not know what a Dockerfile holds
 */
export async function requireEngine(
  builds: readonly Pick<Step, 'task'>[],
  observations: Observations,
  engine: Pick<Engine, 'ready' | 'abilities'> | undefined,
): Promise<void> {
  if (builds.length === 0 || engine === undefined) return;
  await engine.ready();
  const places = builds.flatMap(({ task }) => newFormOf(task, observations) ?? []);
  if (places.length === 0) return;
  const { version, heredocs } = await engine.abilities();
  if (heredocs) return;
  const list = [...new Set(places)].map((place) => `  ${place}`).join('\n');
  throw new TasksError(
    3,
    `some Dockerfiles need docker 23 or newer, and the engine is docker ${version}\n${list}`,
    {
      hint: 'update the engine, or put the text into a file of its own, or begin the Dockerfile with "# syntax=docker/dockerfile:1"',
    },
  );
}

function newFormOf(task: Step['task'], observations: Observations): string | undefined {
  const observed = observations.get(task.id);
  if (task.kind !== 'image' || observed?.kind !== 'image' || observed.newSyntax === undefined)
    return undefined;
  return `${task.dockerfile}:${observed.newSyntax.line}: ${observed.newSyntax.what}`;
}
