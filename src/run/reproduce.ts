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
import { needResults } from './needs.ts';
import { makeWorkFolder } from './output-files.ts';
import type { Services } from './services.ts';

/** What making a reused task again, without its record, came to. */
export interface Reproduction {
  readonly id: TaskId;
  /**
   * `same`: what would be reused is made again just as it is. `other`: something else is made. `unsteady`: a command
   * leaves other files each time that it runs, which tells nothing. `failed`: nothing is made. `skipped`: what it is made
   * from is not here, and would have to be made first.
   */
  readonly verdict: 'same' | 'other' | 'unsteady' | 'failed' | 'skipped';
  /** The steps that BuildKit carried out. */
  readonly ran: readonly string[];
  /** Of files: paths that are not as they were kept. */
  readonly differing: readonly string[];
  /** What may be behind it, in words; empty where nothing points anywhere. */
  readonly evidence: readonly string[];
  readonly message?: string;
}

/**
 * Makes what would be reused once more, without our records, one by one: images with BuildKit's cache, commands by running
 * them. Nothing is tagged, kept or recorded.
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
    yield await auditOne(step, plan, observations, results, services, signal);
  }
}

async function auditOne(
  step: Step,
  plan: Plan,
  observations: Observations,
  results: ReadonlyMap<TaskId, TaskRecord>,
  services: Services,
  signal: AbortSignal,
): Promise<Reproduction> {
  const nothing = { id: step.task.id, ran: [], differing: [], evidence: [] };
  const missing = needIds(step.task).find((need) => !results.has(need));
  if (missing !== undefined) return { ...nothing, verdict: 'skipped', message: `${missing} is not here` };
  const release = await services.locks.acquire(step.key, signal);
  const progress = { step: () => undefined, line: () => undefined };
  const input = { step, plan, observations, results, services, progress, signal };
  try {
    const found = step.task.kind === 'command' ? await auditCommand(input) : await auditImage(input);
    return { ...nothing, ...found };
  } catch (error) {
    signal.throwIfAborted();
    const message = error instanceof Error ? error.message : String(error);
    return { ...nothing, verdict: 'failed', message };
  } finally {
    await release();
  }
}

type Found = Pick<Reproduction, 'verdict'> & Partial<Reproduction>;

async function auditImage(input: StepInput): Promise<Found> {
  const { step, observations, results, services, progress, signal } = input;
  const task = step.task as ImageTask;
  return await inWorkFolder(input, async (work) => {
    const made = await makeBuildRequest(input, task, needResults(task, results), work);
    const request = { ...made.request, noCache: false };
    const built = await withStableNeeds(made.unpinned, input, () =>
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

/** A second run tells what changed since from what is never the same: only the first is news. */
async function auditCommand(input: StepInput): Promise<Found> {
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

/** Paths that stand in one of two trees only, or otherwise. */
function differences(before: readonly FileEntry[], after: readonly FileEntry[]): string[] {
  const texts = (entries: readonly FileEntry[]) =>
    new Map(entries.map((entry) => [entry.path, JSON.stringify(entry)]));
  const [old, now] = [texts(before), texts(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((name) => old.get(name) !== now.get(name))
    .sort();
}
