import { rmSync } from 'node:fs';
import { StepFailed } from '../model/ports.ts';
import type { TaskRecord } from '../model/record.ts';
import { needIds } from '../model/task.ts';
import { outputFolder } from '../observe/outputs.ts';
import { executeCommandStep, guardCommandInputs } from './command-step.ts';
import { findConcurrentResult } from './concurrent-result.ts';
import { executeImageStep, type StepInput } from './image-step.ts';
import { executePullStep } from './pull-step.ts';
import { withTimeout } from './timeout.ts';

/**
 * Makes one task's result under its lock and writes its record. If another run made the same since the plan was made, its
 * result is taken.
 * @throws StepFailed, TasksError, or the signal's reason
 */
export async function executeStep(
  input: StepInput,
): Promise<{ record: TaskRecord; outcome: 'built' | 'pulled' | 'reused' }> {
  const { step, services } = input;
  return await withTimeout(input.signal, step.task.timeoutMs, async (signal) => {
    const timed: StepInput = { ...input, signal };
    const release = await services.locks.acquire(step.key, signal);
    try {
      const other = await findConcurrentResult(timed);
      if (other !== undefined) {
        await tagAll(other, timed);
        return { record: other, outcome: 'reused' };
      }
      const make =
        step.action === 'pull'
          ? executePullStep
          : step.action === 'run'
            ? executeCommandStep
            : executeImageStep;
      const changedMeanwhile = step.action === 'run' ? guardCommandInputs(timed) : () => undefined;
      const record = await make(timed);
      if (isWhatTheKeySays(changedMeanwhile(), timed)) await remember(record, timed);
      return { record, outcome: step.action === 'pull' ? 'pulled' : 'built' };
    } finally {
      await release();
    }
  });
}

/**
 * False where a command's inputs changed while it ran: then its result is not recorded, and the next run runs it again.
 * @throws StepFailed where this run would build something on that result
 */
function isWhatTheKeySays(changed: string | undefined, { step, plan, services }: StepInput): boolean {
  if (changed === undefined) return true;
  const isNeeded = [...plan.steps.values()].some(
    ({ task, action }) => ['build', 'run'].includes(action) && needIds(task).includes(step.task.id),
  );
  if (isNeeded)
    throw new StepFailed(
      `${changed} changed while the task was running\nrun it again; if the command itself writes ${changed}, take that out of its inputs`,
    );
  services.warn(
    `${step.task.id}: ${changed} changed while the task was running, so its result is not kept for later runs`,
  );
  return false;
}

/** Files that no record speaks of would lie around for ever: where it cannot be written, they go too. */
async function remember(record: TaskRecord, { step, services }: StepInput): Promise<void> {
  try {
    await services.records.put(record, step.manifest!);
  } catch (error) {
    if (record.filesDigest !== undefined)
      rmSync(outputFolder(services.cacheFolder, step.key), { recursive: true, force: true });
    throw error;
  }
}

/** An image that another run made gets the tags that this run is to put, too. */
async function tagAll({ imageId }: TaskRecord, { step, services }: StepInput): Promise<void> {
  if (imageId === undefined) return;
  for (const tag of [step.contentTag!, ...step.newTags]) await services.engine!.tag(imageId, tag);
}
