import pLimit from 'p-limit';
import type { StepProgress } from '../model/events.ts';
import type { Step } from '../model/plan.ts';
import { StepFailed } from '../model/ports.ts';
import { type Registry, RegistryError } from '../model/registry.ts';
import { type ImageTask, needIds, type TaskId } from '../model/task.ts';
import { recordFromLabels } from '../plan/existing.ts';
import type { Results } from '../run/needs.ts';
import { withRetries } from '../run/retry.ts';
import type { Services } from '../run/services.ts';

/** How many images are uploaded at once where nobody says; the engine sends several layers of each at once. */
export const defaultUploadJobs = 3;
/** How often an upload is tried again after failures that may pass. */
const retries = 3;

/** Another machine put an image of the same key there first: what was built on ours here has to be built on that. */
export class UploadConflict extends Error {
  override readonly name = 'Overtaken';
}

/**
 * The images of these steps that the registry lacks, and those that they were built on here: others will build on them,
 * too. What is needed comes first.
 */
export function stepsToUpload(
  roots: readonly Step[],
  steps: ReadonlyMap<TaskId, Step>,
  results: Results,
): Step[] {
  const uploads = new Set<Step>();
  const visit = (step: Step): void => {
    const isHere = step.registryTag !== undefined && results.get(step.task.id)?.imageId !== undefined;
    if (uploads.has(step) || step.remote !== undefined || !isHere) return;
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
  /** How many at once. */
  readonly slots: number;
  readonly signal: AbortSignal;
  onStart(step: Step): void;
  onProgress(step: Step, progress: StepProgress): void;
  /** Called for each that is in the registry now, with its digest. */
  onDone(step: Step, digest: string): Promise<void>;
}

/** Uploads images under their content tags, several at once. @throws the first failure, once nothing is under way any more */
export async function uploadAll(steps: readonly Step[], input: UploadInput): Promise<void> {
  const limit = pLimit(input.slots);
  const under = new Map<TaskId, Promise<void>>();
  let failure: { error: unknown } | undefined;
  const upload = async (step: Step): Promise<void> => {
    await Promise.all(needIds(step.task).map((id) => under.get(id)));
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
  // Needs stand before what needs them.
  for (const step of steps) under.set(step.task.id, upload(step));
  await Promise.all(under.values());
  if (failure !== undefined) throw failure.error;
}

/** Which upload failed, and of what. */
export class UploadFailed extends Error {
  override readonly name = 'UploadFailed';
  readonly step: Step;

  constructor(step: Step, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.step = step;
  }
}

/** Returns the digest under which the image is in the registry. The first writer wins: what is valid there is kept. */
async function uploadOne(step: Step, input: UploadInput): Promise<string> {
  const { services, registry, signal } = input;
  const name = step.registryTag!;
  const task = step.task as ImageTask;
  const imageId = input.results.get(task.id)!.imageId!;
  const there = await registry.image(name, task.platform);
  if (there?.ids.includes(imageId)) return there.digest;
  const isValid = there !== undefined && recordFromLabels(task, step.key, { id: '', ...there }) !== undefined;
  if (isValid && there.digest !== step.replacesDigest)
    throw new UploadConflict(`another machine pushed ${task.id}`);
  const credentials = await services.credentials(name);
  // The engine pushes an image under a tag of the registry's name, and keeps it under a neutral one.
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
    shouldRetry: (error) =>
      error instanceof RegistryError &&
      // That we may push was seen before; docker's engine says "unauthorized" where a registry failed to ask who it is.
      (error.problem === 'unreachable' || (error.problem === 'denied' && denials++ === 0)),
    onRetry: (text) => input.onProgress(step, { text }),
  });
  signal.throwIfAborted();
  const now = await registry.image(name, task.platform);
  if (now?.digest !== digest) throw new UploadConflict(`another machine pushed ${task.id} at the same time`);
  if (!now.ids.includes(imageId) || recordFromLabels(task, step.key, { id: '', ...now }) === undefined)
    throw new StepFailed(
      `the engine uploaded another image than ${imageId} as ${name}: was it tagged from outside?`,
    );
  return digest;
}
