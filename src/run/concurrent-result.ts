import { keyLabel, needsLabel } from '../model/labels.ts';
import { resultId, resultIds, type TaskRecord } from '../model/record.ts';
import { needIds } from '../model/task.ts';
import { readOutputDigests } from '../observe/outputs.ts';
import { parseNeedsLabel } from '../plan/existing.ts';
import type { StepInput } from './image-step.ts';

type Input = Pick<StepInput, 'step' | 'results' | 'services'>;

/**
 * The result of this step's key that another run made since the plan was made, if it is here and was made with the very results
 * of needs that this run has. What was seen then is compared with what is there now; no clock is asked. What a person forced
 * is never taken from another run.
 */
export async function findConcurrentResult({
  step,
  results,
  services,
}: Input): Promise<TaskRecord | undefined> {
  if (step.forced) return undefined;
  const record = (await services.records.get([step.key])).get(step.key);
  if (record === undefined || record.shared || isOutdated(record, step.outdatedRecord)) return undefined;
  if (record.filesDigest !== undefined) {
    const digests = readOutputDigests(services.cacheFolder, [step.key], services.memo);
    const isHere = digests.get(step.key) === record.filesDigest;
    return isHere && isMadeWith(record.needs, { step, results }) ? record : undefined;
  }
  const image = (await services.engine!.images()).find(({ id }) => id === record.imageId);
  if (image?.labels[keyLabel] !== step.key) return undefined;
  // What a pull is to fetch is one image, whatever else was made of the key.
  if (step.remote !== undefined) return step.remote.ids.includes(image.id) ? record : undefined;
  // The image itself says what it was made with: a record may come from a store that anybody writes to.
  const needs = parseNeedsLabel(image.labels[needsLabel]);
  return needs !== undefined && isMadeWith(needs, { step, results }) ? { ...record, needs } : undefined;
}

/** True for the result that the plan saw, and decided to make again. */
function isOutdated(record: TaskRecord, seen: TaskRecord | undefined): boolean {
  return seen !== undefined && resultIds(seen).includes(resultId(record)) && isSame(record.needs, seen.needs);
}

function isSame(one: TaskRecord['needs'], other: TaskRecord['needs']): boolean {
  const ids = Object.keys(one);
  return ids.length === Object.keys(other).length && ids.every((id) => one[id] === other[id]);
}

/** True where these are the results that this run would make it with. */
function isMadeWith(needs: TaskRecord['needs'], { step, results }: Omit<Input, 'services'>): boolean {
  return needIds(step.task).every((id) => resultIds(results.get(id)!).includes(needs[id]!));
}
