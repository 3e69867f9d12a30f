import type { Plan, Step } from '../model/plan.ts';
import { normalizePlatform } from '../model/platform.ts';
import { buildPlatformLine, type Manifest } from '../model/record.ts';
import { needIds, type Task } from '../model/task.ts';
import type { Job } from './job.ts';
import { leadingLayers } from './layers.ts';

/** The assumed duration of a task without timing history, in milliseconds. */
export const assumedDurationMs = 60_000;

/** The assumed duration of a download, in milliseconds. The build time says nothing about it. */
const pullDuration = 10_000;

/** Returns the steps of a plan that build, run or pull as jobs for the scheduler. */
export function planJobs({ steps }: Plan): Job[] {
  return [...steps.values()]
    .filter(({ action }) => action === 'build' || action === 'run' || action === 'pull')
    .map(toJob);
}

function toJob({ task, action, expectedMs, manifest }: Step): Job {
  const isPull = action === 'pull';
  const layers = manifest === undefined || isPull ? undefined : leadingLayers(manifest);
  return {
    id: task.id,
    needs: needIds(task),
    after: task.after,
    weight: isPull ? pullDuration : (expectedMs ?? assumedDurationMs),
    allowFailure: task.allowFailure,
    kind: action,
    ...(layers !== undefined ? { layers } : {}),
    ...(action === 'build' ? platformsOf(task, manifest) : {}),
  };
}

/** Returns the platforms that a builder node must run to build an image. */
function platformsOf(task: Task, manifest: Manifest | undefined): Pick<Job, 'platform' | 'buildPlatform'> {
  const line = manifest?.lines.find(([kind, name]) => kind === 'image' && name === buildPlatformLine);
  return {
    ...(task.platform === undefined ? {} : { platform: normalizePlatform(task.platform) }),
    ...(line === undefined ? {} : { buildPlatform: normalizePlatform(line[2]) }),
  };
}
