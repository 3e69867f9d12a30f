import { rmSync } from 'node:fs';
import { StepFailed } from '../model/ports.ts';
import type { TaskRecord } from '../model/record.ts';
import { needIds } from '../model/task.ts';
import { outputFolder } from '../observe/outputs.ts';
import { executeCommandStep, guardCommandInputs } from './command-step.ts';
import { findConcurrentResult } from './concurrent-result.ts';
import { findPublished, publishedFacts } from './content-tag.ts';
import { executeImageStep } from './image-step.ts';
import { needResults } from './needs.ts';
import { executePullStep } from './pull-step.ts';
import type { StepInput } from './step-input.ts';
import { withTimeout } from './timeout.ts';

/**
 * Builds, runs or pulls one task under its lock and writes its record. Uses the result of another run instead if one was
 * written since the plan was made.
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
      const concurrent = await findConcurrentResult(timed);
      if (concurrent !== undefined) {
        await setTags(concurrent, timed);
        return { record: concurrent, outcome: 'reused' };
      }
      const published = await publishedResult(timed);
      if (published !== undefined) return { record: published, outcome: 'reused' };
      const execute =
        step.action === 'pull'
          ? executePullStep
          : step.action === 'run'
            ? executeCommandStep
            : executeImageStep;
      const changedInput = step.action === 'run' ? guardCommandInputs(timed) : () => undefined;
      const record = await execute(timed);
      if (matchesKey(changedInput(), timed)) await writeRecord(record, timed);
      return { record, outcome: step.action === 'pull' ? 'pulled' : 'built' };
    } finally {
      await release();
    }
  });
}

/**
 * Returns false, with a warning, if an input of a command changed while it ran. Its result is then not recorded, so the next run
 * runs it again.
 * @throws StepFailed if another step needs the result
 */
function matchesKey(changed: string | undefined, { step, plan, services }: StepInput): boolean {
  if (changed === undefined) return true;
  const isNeeded = [...plan.steps.values()].some(
    ({ task, action }) => ['build', 'run'].includes(action) && needIds(task).includes(step.task.id),
  );
  if (isNeeded)
    throw new StepFailed(
      `${changed} changed while the task was running\nrun it again; if the command itself writes ${changed}, remove it from its inputs`,
    );
  services.warn(
    `${step.task.id}: ${changed} changed while the task was running, so its result is not reused by later runs`,
  );
  return false;
}

/** Returns the record of an image that another machine has published since the plan was made: it need not be built here. */
async function publishedResult(input: StepInput): Promise<TaskRecord | undefined> {
  const { step, results, services } = input;
  const isLookedFor = services.registryMode !== undefined && step.action === 'build' && !step.forced;
  if (!isLookedFor || step.contentTag === undefined) return undefined;
  const image = await findPublished(input);
  if (image === undefined) return undefined;
  return {
    ...publishedFacts(image),
    key: step.key,
    task: step.task.id,
    needs: needResults(step.task, results),
    durationMs: step.expectedMs ?? 0,
    tags: [],
    time: services.clock.now().toISOString(),
  };
}

/** Writes a record. If that fails, removes the output files, because nothing else would ever remove them. */
async function writeRecord(record: TaskRecord, { step, services }: StepInput): Promise<void> {
  // With maxAge, a task's last record means that it was built here: see isNewPeriod.
  const isLatest = step.action !== 'pull' || step.task.maxAgeMs === undefined;
  try {
    await services.records.put(record, step.manifest!, isLatest);
  } catch (error) {
    if (record.filesDigest !== undefined)
      rmSync(outputFolder(services.cacheFolder, step.key), { recursive: true, force: true });
    throw error;
  }
}

/** Sets the step's tags on an image that another run built. */
async function setTags({ imageId }: TaskRecord, { step, services }: StepInput): Promise<void> {
  if (imageId === undefined || services.registryMode !== undefined) return;
  for (const tag of [step.contentTag!, ...step.newTags]) await services.engine!.tag(imageId, tag);
}
