import type { Plan } from '../model/plan.ts';
import { StepFailed } from '../model/ports.ts';
import { resultId } from '../model/record.ts';
import type { Task, TaskId } from '../model/task.ts';
import { imageIdTag } from '../plan/refs.ts';
import type { Results } from './needs.ts';
import type { Services } from './services.ts';

interface Input {
  readonly plan: Plan;
  readonly results: Results;
  readonly services: Services;
}

/**
 * Sets tags on the images of needs that never move to another image, unlike content tags, which another run may move during the
 * build. Returns the tags by task.
 */
export async function tagNeedImages(
  ids: Iterable<TaskId>,
  { plan, results, services }: Input,
): Promise<ReadonlyMap<TaskId, string>> {
  const tags = new Map<TaskId, string>();
  for (const id of new Set(ids)) {
    const imageId = resultId(results.get(id)!);
    const tag = imageIdTag(plan.steps.get(id)!.contentTag!, imageId);
    await services.engine!.tag(imageId, tag);
    tags.set(id, tag);
  }
  return tags;
}

/**
 * Calls `work`, which uses the images of needs by their content tags.
 * @throws StepFailed if another run moved one of these tags before or during `work`, which may then have used the wrong image
 */
export async function withStableNeeds<T>(
  ids: readonly TaskId[],
  input: Input,
  work: () => Promise<T>,
): Promise<T> {
  await checkTags(ids, input);
  const result = await work();
  await checkTags(ids, input);
  return result;
}

async function checkTags(ids: readonly TaskId[], { plan, results, services }: Input): Promise<void> {
  if (ids.length === 0) return;
  const images = await services.engine!.images();
  for (const id of ids) {
    const tag = plan.steps.get(id)!.contentTag!;
    const image = images.find(({ tags }) => tags.includes(tag));
    if (image === undefined || image.id !== resultId(results.get(id)!))
      throw new StepFailed(`another run replaced the image of ${id} (${tag}) during this run; run again`);
  }
}

/** Returns the IDs of the tasks whose images a task needs. */
export function imageNeedIds({ needs }: Task): TaskId[] {
  return needs.flatMap(({ kind, tasks }) => (kind === 'image' ? tasks : []));
}
