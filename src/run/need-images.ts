import type { Plan } from '../model/plan.ts';
import { StepFailed } from '../model/ports.ts';
import { resultId } from '../model/record.ts';
import type { Task, TaskId } from '../model/task.ts';
import { exactTag } from '../plan/refs.ts';
import type { Results } from './needs.ts';
import type { Services } from './services.ts';

interface Input {
  readonly plan: Plan;
  readonly results: Results;
  readonly services: Services;
}

/** Returns the content tag of a task's image. */
export function contentTagOf(id: TaskId, plan: Plan): string {
  return plan.steps.get(id)!.contentTag!;
}

/** Returns the exact tag of a task's image. It contains the image's ID, so it never belongs to another image. */
export function exactTagOf(id: TaskId, { plan, results }: Pick<Input, 'plan' | 'results'>): string {
  return exactTag(contentTagOf(id, plan), resultId(results.get(id)!));
}

/**
 * Sets exact tags on the images of needs: unlike content tags, they do not move to another image if another run builds one during
 * the build. Returns them by task.
 */
export async function tagNeedImages(
  ids: Iterable<TaskId>,
  input: Input,
): Promise<ReadonlyMap<TaskId, string>> {
  const tags = [...new Set(ids)].map((id) => [id, exactTagOf(id, input)] as const);
  await Promise.all(
    tags.map(([id, tag]) => input.services.engine!.tag(resultId(input.results.get(id)!), tag)),
  );
  return new Map(tags);
}

/** The tags under which a build uses the images of needs. */
export interface UsedTags {
  /** Exact tags by task: this run has just set them. */
  readonly exact: ReadonlyMap<TaskId, string>;
  /** The needs that are used by their content tags. */
  readonly unpinned: readonly TaskId[];
}

/**
 * Calls `work`, which uses the images of needs by these tags.
 * @throws StepFailed if a tag was moved before or during `work`, which may then have used the wrong image
 */
export async function withStableNeeds<T>(
  { exact, unpinned }: UsedTags,
  input: Input,
  work: () => Promise<T>,
): Promise<T> {
  const contentTags = new Map(unpinned.map((id) => [id, contentTagOf(id, input.plan)]));
  await checkTags(contentTags, input);
  const result = await work();
  await checkTags(contentTags, input);
  await checkTags(exact, input);
  return result;
}

async function checkTags(
  tags: ReadonlyMap<TaskId, string>,
  { results, services }: Pick<Input, 'results' | 'services'>,
): Promise<void> {
  await Promise.all(
    [...tags].map(async ([id, tag]) => {
      if ((await services.engine!.resolve(tag)) !== resultId(results.get(id)!))
        throw new StepFailed(`another run replaced the image of ${id} (${tag}) during this run; run again`);
    }),
  );
}

/** Returns the IDs of the tasks whose images a task needs. */
export function imageNeedIds({ needs }: Task): TaskId[] {
  return needs.flatMap(({ kind, tasks }) => (kind === 'image' ? tasks : []));
}
