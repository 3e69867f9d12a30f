import { rmSync } from 'node:fs';
import type { FileEntry, Observations, ObservedImage } from '../model/observed.ts';
import type { Plan, Step } from '../model/plan.ts';
import { normalizePlatform } from '../model/platform.ts';
import type { BuiltImage, ConnectedNode } from '../model/ports.ts';
import { type Key, resultIds, type TaskRecord } from '../model/record.ts';
import { type ImageTask, needIds, type TaskId } from '../model/task.ts';
import { outputFolder, readOutputs } from '../observe/outputs.ts';
import { runCommand } from './command-step.ts';
import { findCommandEvidence, findImageEvidence } from './evidence.ts';
import { builderOf, makeBuildRequest } from './image-step.ts';
import { withStableNeeds } from './need-images.ts';
import { makeWorkFolder } from './output-files.ts';
import type { Services } from './services.ts';
import type { StepInput } from './step-input.ts';

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
  const node = nodeOf(step, services);
  const input = { step, plan, observations, results, services, progress, signal, node };
  try {
    if (services.registryMode !== undefined && step.task.kind === 'image' && node === undefined)
      return { ...base, verdict: 'skipped', message: 'it was not built on a node that answers' };
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

/** Returns the node that built an image: others do not have its build in their cache. Any node can export files. */
function nodeOf({ task, record }: Step, { registryMode }: Services): ConnectedNode | undefined {
  if (task.kind !== 'image') return undefined;
  if (task.output === 'files')
    return registryMode?.nodes.find(({ platforms }) => platforms.includes(normalizePlatform(task.platform)));
  return registryMode?.nodes.find(({ name }) => name === record?.node);
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
      builderOf(input).build(request, progress, signal),
    );
    if (request.exportTo !== undefined) {
      const differing = differingFiles(
        step.key,
        readOutputs(request.exportTo, services.memo).entries,
        services,
      );
      return { verdict: differing.length === 0 ? 'same' : 'other', differing };
    }
    const { ran } = built!;
    if (isSame(built!, step.record!, services)) return { verdict: 'same', ran };
    const observed = observations.get(task.id) as ObservedImage;
    return { verdict: 'other', ran, evidence: findImageEvidence(ran, observed) };
  });
}

/** A node tells the digests of the manifest and the config, an engine its own ID. */
function isSame(
  { imageId, configDigest = imageId }: BuiltImage,
  record: TaskRecord,
  { registryMode }: Services,
): boolean {
  if (registryMode === undefined) return imageId === record.imageId;
  return resultIds(record).some((id) => id === imageId || id === configDigest);
}

/** Returns labels for a rebuild: volatile ones as the image has them, because they differ in every run. */
async function recordedLabels(
  labels: Readonly<Record<string, string>>,
  { volatileLabels = {} }: ImageTask,
  { record, remote }: Step,
  services: Services,
): Promise<Readonly<Record<string, string>>> {
  if (Object.keys(volatileLabels).length === 0) return labels;
  const images = services.registryMode === undefined ? await services.engine!.images() : [];
  const image =
    services.registryMode === undefined ? images.find(({ id }) => id === record?.imageId) : remote;
  const before = image?.labels ?? {};
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
