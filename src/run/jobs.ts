import type { Plan, Step } from '../model/plan.ts';
import { needIds } from '../model/task.ts';
import { leadingLayers } from './layers.ts';
import type { Job } from './scheduler.ts';

/** Stands in for the duration of a task that never ran, milliseconds: the order of unknown tasks hardly matters. */
export const unknownDuration = 60_000;

/** The steps of a plan that something is made in, as the scheduler sees them. */
export function jobsOf({ steps }: Plan): Job[] {
  return [...steps.values()].filter(({ action }) => action === 'build' || action === 'run').map(jobOf);
}

function jobOf({ task, expectedMs, manifest }: Step): Job {
  const layers = manifest === undefined ? undefined : leadingLayers(manifest);
  return {
    id: task.id,
    needs: needIds(task),
    after: task.after,
    weight: expectedMs ?? unknownDuration,
    allowFailure: task.allowFailure,
    ...(layers !== undefined ? { layers } : {}),
  };
}
