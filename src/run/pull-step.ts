import { keyLabel } from '../model/labels.ts';
import { StepFailed } from '../model/ports.ts';
import type { TaskRecord } from '../model/record.ts';
import type { ImageTask } from '../model/task.ts';
import { configTag, repositoryOf } from '../plan/refs.ts';
import type { StepInput } from './step-input.ts';

/**
 * Pulls the step's image from the registry by digest and sets its tags. Returns the record without writing it.
 * @throws StepFailed if the pulled image has another key; RegistryError, TasksError, or the signal's reason
 */
export async function executePullStep({ step, services, progress, signal }: StepInput): Promise<TaskRecord> {
  const engine = services.engine!;
  const remote = step.remote!;
  const name = `${repositoryOf(step.registryTag!)}@${remote.digest}`;
  progress.step({ text: `pull ${step.registryTag}` });
  const { platform } = step.task as ImageTask;
  const imageId = await engine.pull(name, platform, await services.credentials(name), progress, signal);
  signal.throwIfAborted();
  const image = (await engine.images()).find(({ id }) => id === imageId);
  if (image?.labels[keyLabel] !== step.key)
    throw new StepFailed(`pulled ${imageId} as ${name}, but its key label does not match`, {
      cause: 'registry',
    });
  const configDigest = remote.ids[0]!;
  const isOther = imageId !== configDigest;
  const configTags = isOther ? [configTag(step.task, configDigest)] : [];
  for (const tag of new Set([...configTags, step.contentTag!, ...step.newTags]))
    await engine.tag(imageId, tag);
  return {
    ...step.record!,
    imageId,
    ...(isOther ? { configDigest } : {}),
    manifestDigest: remote.digest,
    bytes: image.bytes,
    // The build time, if known, predicts the next build.
    durationMs: step.record!.durationMs || (step.expectedMs ?? 0),
    tags: step.newTags,
    time: services.clock.now().toISOString(),
    run: services.runId,
  };
}
