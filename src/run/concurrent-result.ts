import { keyLabel, needsLabel } from '../model/labels.ts';
import { isSameResult, resultId, resultIds, type TaskRecord } from '../model/record.ts';
import { needIds, needNameOf } from '../model/task.ts';
import { readOutputDigests } from '../observe/outputs.ts';
import { parseNeedsLabel } from '../plan/existing.ts';
import type { StepInput } from './step-input.ts';

type Input = Pick<StepInput, 'step' | 'results' | 'services'>;

/**
 * Returns the record of this step's key if another run has written it since the plan was made, the result exists here, and it
 * was made with the same results of needs that this run has. Compares records, not times. Returns undefined for a forced step.
 */
export async function findConcurrentResult({
  step,
  results,
  services,
}: Input): Promise<TaskRecord | undefined> {
  if (step.forced) return undefined;
  const record = await services.records.current(step.key);
  if (record === undefined || record.shared || isOutdated(record, step.outdatedRecord)) return undefined;
  if (record.filesDigest !== undefined) {
    const digests = readOutputDigests(services.cacheFolder, [step.key], services.memo);
    const isHere = digests.get(step.key) === record.filesDigest;
    return isHere && hasSameNeeds(record.needs, { step, results }) ? record : undefined;
  }
  if (services.registryMode !== undefined) return undefined;
  const image = (await services.engine!.images()).find(({ id }) => id === record.imageId);
  if (image?.labels[keyLabel] !== step.key) return undefined;
  // A pull fetches one specific image, not any image with this key.
  if (step.remote !== undefined) return step.remote.ids.includes(image.id) ? record : undefined;
  // Use the needs from the image's label, because the record may come from a shared store.
  const needs = parseNeedsLabel(image.labels[needsLabel]);
  return needs !== undefined && hasSameNeeds(needs, { step, results }) ? { ...record, needs } : undefined;
}

/** Returns true for the outdated result that the step replaces. */
function isOutdated(record: TaskRecord, outdated: TaskRecord | undefined): boolean {
  return (
    outdated !== undefined &&
    resultIds(outdated).includes(resultId(record)) &&
    isSame(record.needs, outdated.needs)
  );
}

function isSame(one: TaskRecord['needs'], other: TaskRecord['needs']): boolean {
  const ids = Object.keys(one);
  return (
    ids.length === Object.keys(other).length &&
    ids.every((id) => isSameResult(one[id], other[id]?.split(' ') ?? []))
  );
}

/** Returns true if this run has the same results of needs. */
function hasSameNeeds(needs: TaskRecord['needs'], { step, results }: Omit<Input, 'services'>): boolean {
  return needIds(step.task).every((id) =>
    isSameResult(needs[needNameOf(step.task, id)], resultIds(results.get(id)!)),
  );
}
