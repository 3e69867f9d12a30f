import { taskLabel } from '../model/labels.ts';
import { type Registry, RegistryError } from '../model/registry.ts';
import { type Graph, type Task, type TaskId, versionIdOf } from '../model/task.ts';
import type { PushTags } from '../plan/input.ts';
import { type Naming, publishedTags, repositoryOf } from '../plan/refs.ts';
import { type AliasTarget, chooseAlias, requestedAliases } from './aliases.ts';
import { journalName } from './journal.ts';
import { forEachLimit } from './tags.ts';

/**
 * Checks that we can push to every repository that a push of these tasks writes to. Leaves nothing there.
 * @throws RegistryError `denied` or `unreachable`
 */
export async function checkPermission(
  registry: Registry,
  tasks: readonly Task[],
  naming: Naming,
): Promise<void> {
  const images = tasks.filter(({ kind }) => kind === 'image');
  const [first, ...others] = new Set([
    ...(naming.cacheRepo !== undefined ? [naming.cacheRepo] : []),
    ...images
      .filter(({ publish }) => publish || naming.cacheRepo === undefined)
      .map(({ name }) => `${naming.repo}/${name}`),
    repositoryOf(journalName(naming)),
  ]);
  // The first request goes alone, so that an unreachable registry or a missing login is reported once.
  await registry.mayPush(first!);
  await forEachLimit(others, (repository) => registry.mayPush(repository));
}

/** The tags that a push sets, and what they pointed to before. */
export interface TargetTags {
  /** By task. Of a version for several platforms, one task has the tags of all, and the others have none. */
  readonly published: ReadonlyMap<TaskId, PushTags>;
  /** The tags in `published` that are aliases. */
  readonly aliases: ReadonlySet<string>;
  /** Messages that say why an alias does not move. */
  readonly notes: readonly string[];
}

/** Returns the tags of a push that sets none. */
export function noTags(selected: readonly Task[]): TargetTags {
  const published = selected.filter(({ publish }) => publish);
  return { published: new Map(published.map(({ id }) => [id, new Map()])), aliases: new Set(), notes: [] };
}

/** Queries what the tags of a push point to now. A release (no suffix) also moves aliases. @throws RegistryError */
export async function resolveTargetTags(
  registry: Registry,
  selected: readonly Task[],
  graph: Graph,
  naming: Naming,
): Promise<TargetTags> {
  const published = new Map<TaskId, Map<string, string | undefined>>();
  const leaders = new Map<string, TaskId>();
  for (const task of selected) {
    if (!task.publish) continue;
    const leader = leaders.get(versionIdOf(task.id));
    const tags = leader === undefined ? publishedTags(task, naming) : [];
    published.set(task.id, new Map(tags.map((name) => [name, undefined])));
    if (leader === undefined) leaders.set(versionIdOf(task.id), task.id);
  }
  const names = [...published].flatMap(([id, tags]) => [...tags.keys()].map((name) => ({ id, name })));
  await forEachLimit(
    names,
    async ({ id, name }) => void published.get(id)!.set(name, await registry.head(name)),
  );
  const aliases = new Set<string>();
  const notes: string[] = [];
  if (naming.suffix !== '') return { published, aliases, notes };
  const requested = requestedAliases(selected).map((alias) => ({
    ...alias,
    ref: `${naming.repo}/${alias.name}:${alias.alias}`,
  }));
  const targets = new Map<string, CurrentTarget | undefined>();
  await forEachLimit(requested, async ({ ref }) => void targets.set(ref, await queryTarget(registry, ref)));
  for (const { ref, ...alias } of requested) {
    const target = targets.get(ref);
    const choice = chooseAlias(alias, selected, graph, target);
    if (choice.detail !== undefined) notes.push(choice.detail);
    if (choice.task === undefined) continue;
    aliases.add(ref);
    published.get(leaders.get(versionIdOf(choice.task.id))!)!.set(ref, target?.digest);
  }
  return { published, aliases, notes };
}

/** What an alias points to now. */
interface CurrentTarget extends AliasTarget {
  readonly digest: string;
}

/** Queries what an alias points to, for any platform. @throws RegistryError */
async function queryTarget(registry: Registry, ref: string): Promise<CurrentTarget | undefined> {
  try {
    const found = await registry.contents(ref);
    if (found === undefined) return undefined;
    const task = found.images.map(({ labels }) => labels[taskLabel]).find((each) => each !== undefined);
    return { digest: found.digest, ...(task !== undefined ? { task } : {}) };
  } catch (error) {
    if (!(error instanceof RegistryError) || error.problem !== 'broken') throw error;
    // It is not an image, so no task has the alias and it can move.
    const digest = await registry.head(ref);
    return digest === undefined ? undefined : { digest };
  }
}
