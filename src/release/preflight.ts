import { taskLabel } from '../model/labels.ts';
import { type Registry, RegistryError } from '../model/registry.ts';
import type { Graph, Task, TaskId } from '../model/task.ts';
import type { PushTags } from '../plan/input.ts';
import { type Naming, repositoryOf, runTags } from '../plan/refs.ts';
import { type AliasTarget, chooseAlias, requestedAliases } from './aliases.ts';
import { journalName } from './journal.ts';
import { forEachLimit } from './tags.ts';

/** Throws where we may not push to all that a push of these tasks writes to; leaves nothing there. @throws RegistryError */
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
  // One registry that is out of reach, or does not know us, says it once.
  await registry.mayPush(first!);
  await forEachLimit(others, (repository) => registry.mayPush(repository));
}

/** The tags that a push sets, and what they point at before it. */
export interface TargetTags {
  readonly published: ReadonlyMap<TaskId, PushTags>;
  /** Those of the names that are aliases. */
  readonly aliases: ReadonlySet<string>;
  /** Why an alias stays where it is, for people. */
  readonly notes: readonly string[];
}

/** Asks the registry what the tags of a push point at. A release (no suffix) moves aliases, too. @throws RegistryError */
export async function resolveTargetTags(
  registry: Registry,
  selected: readonly Task[],
  graph: Graph,
  naming: Naming,
): Promise<TargetTags> {
  const published = new Map<TaskId, Map<string, string | undefined>>();
  for (const task of selected)
    if (task.publish) published.set(task.id, new Map(runTags(task, naming).map((name) => [name, undefined])));
  const names = [...published].flatMap(([id, tags]) => [...tags.keys()].map((name) => ({ id, name })));
  await forEachLimit(
    names,
    async ({ id, name }) => void published.get(id)!.set(name, await registry.head(name)),
  );
  const aliases = new Set<string>();
  const notes: string[] = [];
  if (naming.suffix !== '') return { published, aliases, notes };
  const asked = requestedAliases(selected).map((wanted) => ({
    ...wanted,
    ref: `${naming.repo}/${wanted.name}:${wanted.alias}`,
  }));
  const holders = new Map<string, Holder | undefined>();
  await forEachLimit(asked, async ({ ref }) => void holders.set(ref, await holderOf(registry, ref)));
  for (const { ref, ...wanted } of asked) {
    const now = holders.get(ref);
    const choice = chooseAlias(wanted, selected, graph, now);
    if (choice.detail !== undefined) notes.push(choice.detail);
    if (choice.task === undefined) continue;
    aliases.add(ref);
    published.get(choice.task.id)!.set(ref, now?.digest);
  }
  return { published, aliases, notes };
}

/** What an alias points at, and who made that. */
interface Holder extends AliasTarget {
  readonly digest: string;
}

/** Whatever stands there, for whichever platform. @throws RegistryError */
async function holderOf(registry: Registry, ref: string): Promise<Holder | undefined> {
  try {
    const found = await registry.contents(ref);
    if (found === undefined) return undefined;
    const task = found.images.map(({ labels }) => labels[taskLabel]).find((each) => each !== undefined);
    return { digest: found.digest, ...(task !== undefined ? { task } : {}) };
  } catch (error) {
    if (!(error instanceof RegistryError) || error.problem !== 'broken') throw error;
    // No image at all: it is nobody's, and moves.
    const digest = await registry.head(ref);
    return digest === undefined ? undefined : { digest };
  }
}
