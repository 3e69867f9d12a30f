import { rmSync } from 'node:fs';
import type { FileEntry, Observations, ObservedImage } from '../model/observed.ts';
import type { Plan, Step } from '../model/plan.ts';
import type { Key, TaskRecord } from '../model/record.ts';
import { type ImageTask, needIds, type TaskId } from '../model/task.ts';
import { outputFolder, readOutputs } from '../observe/outputs.ts';
import { runCommand } from './command-step.ts';
import { findCommandEvidence, findImageEvidence } from './evidence.ts';
import { makeBuildRequest, type StepInput } from './image-step.ts';
import { withStableNeeds } from './need-images.ts';
import { makeWorkFolder } from './output-files.ts';
import type { Services } from './services.ts';

/** The result of rebuilding an up-to-date task. */
export interface Reproduction {
  readonly id: TaskId;
  /**
   * `same`: the rebuild gives the same result. `other`: it gives a different result. `unsteady`: the command writes different
   * files each time, so nothing can be concluded. `failed`: the rebuild failed. `skipped`: a needed result does not exist here.
   */
  readonly verdict: 'same' | 'other' | 'unsteady' | 'failed' | 'skipped';
  /** The steps that BuildKit ran. */
  readonly ran: readonly string[];
  /** The paths of output files that differ. */
  readonly differing: readonly string[];
  /** Possible causes, for people; empty if none was found. */
  readonly evidence: readonly string[];
  readonly message?: string;
}

/**
 * Rebuilds up-to-date tasks one by one and compares the results. Images are built with BuildKit's cache; commands run again.
 * Tags, output files and records do not change.
 */
export async function* reproduce(
  steps: readonly Step[],
  plan: Plan,
  observations: Observations,
  services: Services,
  signal: AbortSignal,
): AsyncGenerator<Reproduction> {
  const results = new Map<TaskId, TaskRecord>();
  for (const { task, record } of plan.steps.values()) if (record !== undefined) results.set(task.id, record);
  for (const step of steps) {
    signal.throwIfAborted();
    yield await reproduceOne(step, plan, observations, results, services, signal);
  }
}

async function reproduceOne(
  step: Step,
  plan: Plan,
  observations: Observations,
  results: ReadonlyMap<TaskId, TaskRecord>,
  services: Services,
  signal: AbortSignal,
): Promise<Reproduction> {
  const base = { id: step.task.id, ran: [], differing: [], evidence: [] };
  const missing = needIds(step.task).find((need) => !results.has(need));
  if (missing !== undefined)
    return { ...base, verdict: 'skipped', message: `${missing} does not exist here` };
  const release = await services.locks.acquire(step.key, signal);
  const progress = { step: () => undefined, line: () => undefined };
  const input = { step, plan, observations, results, services, progress, signal };
  try {
    const comparison =
      step.task.kind === 'command' ? await reproduceCommand(input) : await reproduceImage(input);
    return { ...base, ...comparison };
  } catch (error) {
    signal.throwIfAborted();
    const message = error instanceof Error ? error.message : String(error);
    return { ...base, verdict: 'failed', message };
  } finally {
    await release();
  }
}

type Comparison = Pick<Reproduction, 'verdict'> & Partial<Reproduction>;

async function reproduceImage(input: StepInput): Promise<Comparison> {
  const { step, observations, services, progress, signal } = input;
  const task = step.task as ImageTask;
  return await inWorkFolder(input, async (work) => {
    // The labels as they were: by now, more digests of a need may be known.
    const folder = task.output === 'files' ? work : undefined;
    const made = await makeBuildRequest(input, task, step.record!.needs, folder);
    const labels = await recordedLabels(made.request.labels, task, step, services);
    const request = { ...made.request, labels, noCache: false };
    const built = await withStableNeeds(made.usedTags, input, () =>
      services.engine!.build(request, progress, signal),
    );
    if (request.exportTo !== undefined) {
      const differing = differingFiles(
        step.key,
        readOutputs(request.exportTo, services.memo).entries,
        services,
      );
      return { verdict: differing.length === 0 ? 'same' : 'other', differing };
    }
    const { imageId, ran } = built!;
    if (imageId === step.record!.imageId) return { verdict: 'same', ran };
    const observed = observations.get(task.id) as ObservedImage;
    return { verdict: 'other', ran, evidence: findImageEvidence(ran, observed) };
  });
}

/** Returns labels for a rebuild: volatile ones as the image has them, because they differ in every run. */
async function recordedLabels(
  labels: Readonly<Record<string, string>>,
  { volatileLabels = {} }: ImageTask,
  { record }: Step,
  services: Services,
): Promise<Readonly<Record<string, string>>> {
  if (Object.keys(volatileLabels).length === 0) return labels;
  const images = await services.engine!.images();
  const before = images.find(({ id }) => id === record?.imageId)?.labels ?? {};
  return Object.fromEntries(
    Object.entries(labels).flatMap(([name, value]) => {
      if (!Object.hasOwn(volatileLabels, name)) return [[name, value]];
      const known = before[name];
      return known === undefined ? [] : [[name, known]];
    }),
  );
}

/** Runs a command twice if its files differ, to ignore files that differ each time. */
async function reproduceCommand(input: StepInput): Promise<Comparison> {
  const { step, services } = input;
  const run = (): Promise<readonly FileEntry[]> =>
    inWorkFolder(input, async (work) => readOutputs(await runCommand(input, work), services.memo).entries);
  const started = services.clock.now();
  const first = await run();
  const differing = differingFiles(step.key, first, services);
  if (differing.length === 0) return { verdict: 'same' };
  const unsteady = differences(first, await run());
  const changed = differing.filter((name) => !unsteady.includes(name));
  if (changed.length === 0) return { verdict: 'unsteady', differing };
  return { verdict: 'other', differing: changed, evidence: findCommandEvidence(input, started) };
}

async function inWorkFolder<T>({ step, services }: StepInput, use: (work: string) => Promise<T>): Promise<T> {
  const work = makeWorkFolder(step.key, services);
  try {
    return await use(work);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function differingFiles(key: Key, now: readonly FileEntry[], { cacheFolder, memo }: Services): string[] {
  return differences(readOutputs(outputFolder(cacheFolder, key), memo).entries, now);
}

/** Returns the paths that are in only one of two trees or differ between them. */
function differences(before: readonly FileEntry[], after: readonly FileEntry[]): string[] {
  const byPath = (entries: readonly FileEntry[]) =>
    new Map(entries.map((entry) => [entry.path, JSON.stringify(entry)]));
  const [old, now] = [byPath(before), byPath(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((name) => old.get(name) !== now.get(name))
    .sort();
}
