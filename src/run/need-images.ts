import type { Plan } from '../model/plan.ts';
import { StepFailed } from '../model/ports.ts';
import { resultId } from '../model/record.ts';
import type { Task, TaskId } from '../model/task.ts';
import { exactTag, nameByDigest } from '../plan/refs.ts';
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

/**
 * Returns a name of a task's image that never belongs to another one: its exact tag, which contains the image's ID, or its digest in the
 * registry.
 */
export function exactNameOf(id: TaskId, { plan, results, services }: Input): string {
  if (services.registryMode !== undefined)
    return nameByDigest(plan.steps.get(id)!.registryTag!, results.get(id)!.manifestDigest!);
  return exactTag(contentTagOf(id, plan), resultId(results.get(id)!));
}

/**
 * Returns the exact names of the images of needs, by task. In an engine they are tags, which are set: unlike content tags, they do not
 * move to another image if another run builds one during the build.
 */
export async function nameNeedImages(
  ids: Iterable<TaskId>,
  input: Input,
): Promise<ReadonlyMap<TaskId, string>> {
  const tags = [...new Set(ids)].map((id) => [id, exactNameOf(id, input)] as const);
  if (input.services.registryMode !== undefined) return new Map(tags);
  await Promise.all(
    tags.map(([id, tag]) => input.services.engine!.tag(resultId(input.results.get(id)!), tag)),
  );
  return new Map(tags);
}

/** The names under which a build uses the images of needs. */
export interface UsedTags {
  /** Exact names by task: this run has just set the tags. */
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
  if (input.services.registryMode !== undefined) {
    if (unpinned.length === 0) return await work();
    throw new StepFailed(
      `a builder cannot be given the images of ${unpinned.join(', ')}, because the Dockerfile is not fully understood`,
    );
  }
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
