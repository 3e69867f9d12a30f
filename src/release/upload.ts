import pLimit from 'p-limit';
import type { StepProgress } from '../model/events.ts';
import type { Step } from '../model/plan.ts';
import { StepFailed } from '../model/ports.ts';
import { type Registry, RegistryError, type RemoteImage } from '../model/registry.ts';
import { type ImageTask, needIds, type TaskId } from '../model/task.ts';
import { recordFromLabels } from '../plan/existing.ts';
import type { Results } from '../run/needs.ts';
import { withRetries } from '../run/retry.ts';
import type { Services } from '../run/services.ts';
import { causeOf } from '../run/task-failure.ts';

/** How many images are uploaded at once by default. The engine sends several layers of each at once. */
export const defaultUploadJobs = 3;
/** How often an upload is retried after a temporary failure. */
const retries = 3;

/** Another machine pushed an image with the same key first. Dependents have to be rebuilt on that image. */
export class UploadConflict extends Error {
  override readonly name = 'Overtaken';
}

/**
 * Returns the steps whose images the registry lacks: these steps and their needs, because other machines build on those. Needs
 * come first.
 */
export function stepsToUpload(
  roots: readonly Step[],
  steps: ReadonlyMap<TaskId, Step>,
  results: Results,
): Step[] {
  const uploads = new Set<Step>();
  const visit = (step: Step): void => {
    const isLocal = step.registryTag !== undefined && results.get(step.task.id)?.imageId !== undefined;
    if (uploads.has(step) || step.remote !== undefined || !isLocal) return;
    for (const id of needIds(step.task)) visit(steps.get(id)!);
    uploads.add(step);
  };
  for (const root of roots) visit(root);
  return [...uploads];
}

export interface UploadInput {
  readonly results: Results;
  readonly services: Services;
  readonly registry: Registry;
  /** How many images are uploaded at once. */
  readonly jobs: number;
  readonly signal: AbortSignal;
  onStart(step: Step): void;
  onProgress(step: Step, progress: StepProgress): void;
  /** Called for each image that is in the registry now. */
  onDone(step: Step, image: RemoteImage): Promise<void>;
}

/**
 * Uploads images under their content tags, several at once.
 * @throws the first failure, after running uploads have finished: UploadConflict or UploadFailed
 */
export async function uploadAll(steps: readonly Step[], input: UploadInput): Promise<void> {
  const limit = pLimit(input.jobs);
  const uploads = new Map<TaskId, Promise<void>>();
  let failure: { error: unknown } | undefined;
  const upload = async (step: Step): Promise<void> => {
    await Promise.all(needIds(step.task).map((id) => uploads.get(id)));
    await limit(async () => {
      if (failure !== undefined) return;
      try {
        input.signal.throwIfAborted();
        input.onStart(step);
        await input.onDone(step, await uploadOne(step, input));
      } catch (error) {
        failure ??= { error: error instanceof UploadConflict ? error : new UploadFailed(step, error) };
      }
    });
  };
  // Needs come before their dependents in `steps`.
  for (const step of steps) uploads.set(step.task.id, upload(step));
  await Promise.all(uploads.values());
  if (failure !== undefined) throw failure.error;
}

/** An upload failed. Its message and cause are those of the original error. */
export class UploadFailed extends Error {
  override readonly name = 'UploadFailed';
  readonly step: Step;

  constructor(step: Step, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.step = step;
  }
}

/** Uploads an image and returns it as the registry has it. Never overwrites a valid image that another machine pushed. */
async function uploadOne(step: Step, input: UploadInput): Promise<RemoteImage> {
  const { services, registry, signal } = input;
  const name = step.registryTag!;
  const task = step.task as ImageTask;
  const imageId = input.results.get(task.id)!.imageId!;
  const existing = await registry.image(name, task.platform);
  if (existing?.ids.includes(imageId)) return existing;
  const isValid =
    existing !== undefined && recordFromLabels(task, step.key, { id: '', ...existing }) !== undefined;
  if (isValid && existing.digest !== step.replacesDigest)
    throw new UploadConflict(`another machine pushed ${task.id}`);
  // It was there when it was built: another process has removed or replaced it.
  if (services.registryMode !== undefined)
    throw new UploadConflict(`${name} is no longer the image of ${task.id}`);
  const credentials = await services.credentials(name);
  // The engine pushes only tags that name the registry; images are kept under a neutral name.
  await services.engine!.tag(imageId, name);
  const progress = {
    step: (at: StepProgress) => input.onProgress(step, at),
    line: () => undefined,
  };
  let denials = 0;
  const digest = await withRetries(() => services.engine!.push(name, credentials, progress, signal), {
    retries,
    clock: services.clock,
    signal,
    // The preflight has checked that we can push, so one denial is retried: docker's engine reports "unauthorized" when the
    // registry's token server fails. Another upload may still be sending a missing layer.
    shouldRetry: (error) => {
      const cause = causeOf(error);
      const lacksLayer = error instanceof RegistryError && error.problem === 'broken';
      return lacksLayer || cause === 'network' || (cause === 'credentials' && denials++ === 0);
    },
    onRetry: (text) => input.onProgress(step, { text }),
  });
  signal.throwIfAborted();
  const now = await registry.image(name, task.platform);
  if (now?.digest !== digest) throw new UploadConflict(`another machine pushed ${task.id} at the same time`);
  if (!now.ids.includes(imageId) || recordFromLabels(task, step.key, { id: '', ...now }) === undefined)
    throw new StepFailed(
      `the engine uploaded a different image as ${name} than ${imageId}; another program may have moved the tag`,
    );
  return now;
}
