import type { Plan, Step } from '../model/plan.ts';
import { needIds } from '../model/task.ts';
import { leadingLayers } from './layers.ts';
import type { Job } from './scheduler.ts';

/** Stands in for the duration of a task that never ran, milliseconds: the order of unknown tasks hardly matters. */
export const unknownDuration = 60_000;

/** Of a download, milliseconds; what building took says nothing about it. */
const pullDuration = 10_000;

/** The steps of a plan that take their time, as the scheduler sees them. */
export function jobsOf({ steps }: Plan): Job[] {
  return [...steps.values()]
    .filter(({ action }) => action === 'build' || action === 'run' || action === 'pull')
    .map(jobOf);
}

function jobOf({ task, action, expectedMs, manifest }: Step): Job {
  const isPull = action === 'pull';
  const layers = manifest === undefined || isPull ? undefined : leadingLayers(manifest);
  return {
    id: task.id,
    needs: needIds(task),
    after: task.after,
    weight: isPull ? pullDuration : (expectedMs ?? unknownDuration),
    allowFailure: task.allowFailure,
    kind: action,
    ...(layers !== undefined ? { layers } : {}),
  };
}
