import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { keyLabel, needsLabel, taskLabel } from '../model/labels.ts';
import type { Observations, ObservedImage } from '../model/observed.ts';
import type { Plan, Step } from '../model/plan.ts';
import type { BuildRequest, ContextEntry, Progress } from '../model/ports.ts';
import type { TaskRecord } from '../model/record.ts';
import type { ImageTask, TaskId } from '../model/task.ts';
import { rewriteImageReferences } from '../observe/base-images.ts';
import { imageNeedIds, tagNeedImages, withStableNeeds } from './need-images.ts';
import { needFileEntries, needImageArgs, needResults, type Results } from './needs.ts';
import { makeWorkFolder, storeOutputs } from './output-files.ts';
import { resolveSecrets } from './secrets.ts';
import type { Services } from './services.ts';

export interface StepInput {
  readonly step: Step;
  readonly plan: Plan;
  readonly observations: Observations;
  readonly results: Results;
  readonly services: Services;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Builds an image and sets its tags, or exports its files. Returns the record without writing it.
 * @throws StepFailed, TasksError, or the signal's reason
 */
export async function executeImageStep(input: StepInput): Promise<TaskRecord> {
  const { step, results, services, progress, signal } = input;
  const task = step.task as ImageTask;
  const engine = services.engine!;
  const started = services.clock.now();
  const needs = needResults(task, results);
  const work = makeWorkFolder(step.key, services);
  try {
    const { request, unpinned } = await makeBuildRequest(input, task, needs, work);
    const image = await withStableNeeds(unpinned, input, () => engine.build(request, progress, signal));
    // A build that ends after it was canceled counts as canceled.
    signal.throwIfAborted();
    const now = services.clock.now();
    // The clock may have been set back.
    const durationMs = Math.max(0, now.getTime() - started.getTime());
    const common = {
      key: step.key,
      task: task.id,
      needs,
      durationMs,
      tags: step.newTags,
      time: now.toISOString(),
    };
    if (request.exportTo !== undefined)
      return { ...common, ...storeOutputs(request.exportTo, step.key, services) };
    for (const tag of [step.contentTag!, ...step.newTags]) await engine.tag(image!.imageId, tag);
    return { ...common, imageId: image!.imageId, bytes: image!.bytes };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * Returns the build request for a task. `work` is an empty folder for the build. `unpinned` holds the needs that the build may
 * use by their content tags: if the Dockerfile is not fully understood, these names cannot be replaced.
 */
export async function makeBuildRequest(
  input: Omit<StepInput, 'progress' | 'signal'>,
  task: ImageTask,
  needs: Record<string, string>,
  work: string,
): Promise<{ request: BuildRequest; unpinned: TaskId[] }> {
  const { step, plan, services } = input;
  const observed = input.observations.get(task.id) as ObservedImage;
  const context = path.join(services.root, task.context);
  const contextEntries = observed.context.map(
    (entry): ContextEntry => ({ entry, source: path.join(context, entry.path) }),
  );
  const { bases, dockerfile, neededImages = [] } = observed;
  const tags = await tagNeedImages(
    neededImages.map((each) => each.task),
    input,
  );
  const tagged = neededImages.map(({ task: id, line, written }) => ({ line, written, tag: tags.get(id)! }));
  const isRewritten = tagged.length > 0 || bases.some(({ digest }) => digest !== undefined);
  const request: BuildRequest = {
    task: task.id,
    context: [...contextEntries, ...needFileEntries(task, plan, input.results, services)],
    dockerfile: {
      ...dockerfile,
      ...(isRewritten ? { rewrite: (text: string) => rewriteImageReferences(text, bases, tagged) } : {}),
    },
    ...(task.target !== undefined ? { target: task.target } : {}),
    platform: task.platform,
    network: task.network,
    args: { ...observed.builderArgs, ...task.args, ...needImageArgs(task, plan) },
    // Set all of our labels, because images inherit labels from their base.
    labels: {
      ...task.labels,
      [keyLabel]: step.key,
      [taskLabel]: task.id,
      [needsLabel]: JSON.stringify(needs),
    },
    noCache: step.noCache,
    secrets: resolveSecrets(task, services),
    work,
    ...(task.output === 'files' ? { exportTo: exportFolder(work) } : {}),
  };
  const unpinned = observed.reachable === undefined ? imageNeedIds(task).filter((id) => !tags.has(id)) : [];
  return { request, unpinned };
}

function exportFolder(work: string): string {
  const folder = path.join(work, 'export');
  mkdirSync(folder);
  return folder;
}
