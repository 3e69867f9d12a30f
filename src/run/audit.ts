import { rmSync } from 'node:fs';
import type { Observations } from '../model/observed.ts';
import type { Plan, Step } from '../model/plan.ts';
import type { TaskRecord } from '../model/record.ts';
import { type ImageTask, needIds, type TaskId } from '../model/task.ts';
import { workFolder } from './files.ts';
import { makeRequest } from './image-step.ts';
import { usedResults } from './needs.ts';
import type { Services } from './services.ts';

/** What building a reused task again, without its record, came to. */
export interface Audited {
  readonly id: TaskId;
  /**
   * `same`: BuildKit makes the image that would be reused. `other`: it makes another one. `failed`: it makes none.
   * `skipped`: what it is made from is not here, and would have to be made first.
   */
  readonly verdict: 'same' | 'other' | 'failed' | 'skipped';
  /** The steps that BuildKit carried out. */
  readonly ran: readonly string[];
  readonly message?: string;
}

/**
 * Builds the images of steps that would be reused once more, with BuildKit's cache and without our records, one by one.
 * Nothing is tagged or recorded.
 */
export async function* audit(
  steps: readonly Step[],
  plan: Plan,
  observations: Observations,
  services: Services,
  signal: AbortSignal,
): AsyncGenerator<Audited> {
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
): Promise<Audited> {
  const { id } = step.task;
  const missing = needIds(step.task).find((need) => !results.has(need));
  if (missing !== undefined) return { id, verdict: 'skipped', ran: [], message: `${missing} is not here` };
  const release = await services.locks.acquire(step.key, signal);
  const work = workFolder(step.key, services);
  try {
    const task = step.task as ImageTask;
    const needs = usedResults(task, results);
    const request = makeRequest({ step, plan, observations, results, services }, task, needs, work);
    const silent = { step: () => undefined, line: () => undefined };
    const built = (await services.engine!.build({ ...request, noCache: false }, silent, signal))!;
    return { id, verdict: built.imageId === step.record!.imageId ? 'same' : 'other', ran: built.ran };
  } catch (error) {
    signal.throwIfAborted();
    return {
      id,
      verdict: 'failed',
      ran: [],
      message: error instanceof Error ? error.message : String(error),
    };
  } finally {
    rmSync(work, { recursive: true, force: true });
    await release();
  }
}
