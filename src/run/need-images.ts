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
 * Gives the images of needs tags that never move to another image, for a build that takes them by these: another run may move
 * their content tags meanwhile. Returns the tags by task.
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
 * Runs what can name images of needs only by their content tags.
 * @throws StepFailed where another run moved one of those, before or meanwhile: what was made may stand on either image
 */
export async function withStableNeeds<T>(
  ids: readonly TaskId[],
  input: Input,
  make: () => Promise<T>,
): Promise<T> {
  await checkTags(ids, input);
  const made = await make();
  await checkTags(ids, input);
  return made;
}

async function checkTags(ids: readonly TaskId[], { plan, results, services }: Input): Promise<void> {
  if (ids.length === 0) return;
  const images = await services.engine!.images();
  for (const id of ids) {
    const tag = plan.steps.get(id)!.contentTag!;
    const image = images.find(({ tags }) => tags.includes(tag));
    if (image === undefined || image.id !== resultId(results.get(id)!))
      throw new StepFailed(
        `${tag} is no longer the image of ${id} that this run began with: another run replaced it; run again`,
      );
  }
}

/** The needs of a task that are images. */
export function imageNeedIds({ needs }: Task): TaskId[] {
  return needs.flatMap(({ kind, tasks }) => (kind === 'image' ? tasks : []));
}
