import { keyLabel } from '../model/labels.ts';
import { StepFailed } from '../model/ports.ts';
import type { TaskRecord } from '../model/record.ts';
import { repositoryOf } from '../plan/refs.ts';
import type { StepInput } from './image-step.ts';

/**
 * Fetches the image that the plan saw in the registry, by its digest, and puts its tags on it.
 * @throws StepFailed where it is another image than that; RegistryError, TasksError, or the signal's reason
 */
export async function executePullStep({ step, services, progress, signal }: StepInput): Promise<TaskRecord> {
  const engine = services.engine!;
  const remote = step.remote!;
  const name = `${repositoryOf(step.registryTag!)}@${remote.digest}`;
  progress.step({ text: `pull ${step.registryTag}` });
  const imageId = await engine.pull(name, await services.credentials(name), progress, signal);
  signal.throwIfAborted();
  const image = (await engine.images()).find(({ id }) => id === imageId);
  if (image?.labels[keyLabel] !== step.key)
    throw new StepFailed(`${name} came as ${imageId}, which is not the image that the registry described`);
  for (const tag of new Set([step.contentTag!, ...step.newTags])) await engine.tag(imageId, tag);
  return {
    ...step.record!,
    imageId,
    manifestDigest: remote.digest,
    bytes: image.bytes,
    // What making it took, where that is known: it tells how long the next build will take.
    durationMs: step.record!.durationMs || (step.expectedMs ?? 0),
    tags: step.newTags,
    time: services.clock.now().toISOString(),
  };
}
