import { DefinitionError, type Problem } from '../model/errors.ts';
import type { ImageName } from '../model/observed.ts';
import { normalizeReference } from '../model/reference.ts';
import type { Graph, ImageTask, Need, Task, TaskId } from '../model/task.ts';
import { orderTasks } from './order.ts';

/** A need that no definition declares: a Dockerfile names an image that this project publishes. */
export interface ImpliedNeed extends ImageName {
  readonly task: TaskId;
  readonly dockerfile: string;
  readonly need: TaskId;
}

export interface LinkedGraph {
  readonly graph: Graph;
  readonly needs: readonly ImpliedNeed[];
}

/** Who gets an alias that several tasks claim; undefined: nobody can tell. */
export type FindAliasOwner = (alias: { readonly name: string; readonly alias: string }) => TaskId | undefined;

/**
 * Completes a graph with the needs that its Dockerfiles imply: a name of an image that one of the project's own tasks publishes
 * under one of `repos` means that task. Only plain tags and aliases count: what a dev build, or a push with a suffix, publishes is
 * not what a Dockerfile means. `names`: the images that each task's Dockerfile names, none of them by digest.
 * @throws DefinitionError (exit 2) for a task that names its own image, an alias that several tasks claim, and cycles
 */
export function linkImpliedNeeds(
  graph: Graph,
  names: ReadonlyMap<TaskId, readonly ImageName[]>,
  repos: readonly string[],
  aliasOwner: FindAliasOwner,
): LinkedGraph {
  const published = publishedNames(graph, repos);
  const problems = new Map<string, Problem>();
  const needs: ImpliedNeed[] = [];
  const linked = new Map<TaskId, Task>();
  for (const [id, own] of names) {
    const task = graph.tasks.get(id)!;
    if (task.kind !== 'image') continue;
    const declared = byReference(task, own);
    const added = new Map<string, Need>();
    for (const name of own) {
      const { reference } = name;
      const isKnown = added.has(reference) || declared.some((need) => need.name === reference);
      const found = isKnown ? undefined : published(reference);
      if (found === undefined) continue;
      const need = ownerOf(found, aliasOwner);
      if (need === undefined || need === id) {
        const problem = need === id ? ownImage(task, name) : severalOwners(task, name, found.owners);
        problems.set(JSON.stringify(problem), problem);
        continue;
      }
      added.set(reference, { name: reference, isReference: true, kind: 'image', all: false, tasks: [need] });
      needs.push({ ...name, task: id, dockerfile: task.dockerfile, need });
    }
    if (added.size > 0 || declared !== task.needs)
      linked.set(id, { ...task, needs: [...declared, ...added.values()] });
  }
  if (problems.size > 0) throw new DefinitionError([...problems.values()]);
  if (linked.size === 0) return { graph, needs };
  return { graph: orderTasks([...graph.tasks.values()].map((task) => linked.get(task.id) ?? task)), needs };
}

/** A name without a tag, such as `debian`, can be that of an ARG or of an image. It is an image's where only images have it. */
function byReference({ needs }: ImageTask, names: readonly ImageName[]): readonly Need[] {
  const isImage = ({ name, kind, isReference }: Need): boolean =>
    kind === 'image' && !isReference && names.some(({ reference, isArg }) => reference === name && !isArg);
  return needs.some(isImage)
    ? needs.map((need) => (isImage(need) ? { ...need, isReference: true } : need))
    : needs;
}

interface PublishedName {
  /** What stands after the colon. */
  readonly alias: string;
  /** The tasks that publish it; one, but for aliases and repositories within one another. */
  readonly owners: readonly ImageTask[];
}

function ownerOf({ alias, owners }: PublishedName, aliasOwner: FindAliasOwner): TaskId | undefined {
  const [{ id, name }, ...others] = owners as [ImageTask, ...ImageTask[]];
  if (others.length === 0) return id;
  return others.every((other) => other.name === name) ? aliasOwner({ name, alias }) : undefined;
}

/** Finds what of the project a name means. Many tasks share a few names: each is looked up once. */
function publishedNames(
  { tasks }: Graph,
  repos: readonly string[],
): (reference: string) => PublishedName | undefined {
  const known = new Map<string, PublishedName | undefined>();
  let images: Map<string, ImageTask[]> | undefined;
  const prefixes = new Set(
    repos.flatMap((repo) => normalizeReference(`${repo}/x`)?.replace(/x:latest$/, '') ?? []),
  );
  const find = (reference: string): PublishedName | undefined => {
    const full = normalizeReference(reference) ?? '';
    const colon = full.lastIndexOf(':');
    const alias = full.slice(colon + 1);
    const owners = [...prefixes].flatMap((prefix) => {
      if (!full.startsWith(prefix)) return [];
      images ??= publishedImages(tasks.values());
      const versions = images.get(full.slice(prefix.length, colon)) ?? [];
      return versions.filter((task) => task.tags.includes(alias) || task.aliases.includes(alias));
    });
    return owners.length === 0 ? undefined : { alias, owners };
  };
  return (reference) => {
    if (!known.has(reference)) known.set(reference, find(reference));
    return known.get(reference);
  };
}

function publishedImages(tasks: Iterable<Task>): Map<string, ImageTask[]> {
  const images = new Map<string, ImageTask[]>();
  for (const task of tasks) {
    if (task.kind !== 'image' || !task.publish) continue;
    const versions = images.get(task.name);
    if (versions === undefined) images.set(task.name, [task]);
    else versions.push(task);
  }
  return images;
}

function ownImage(
  { where, name: definition, dockerfile, id }: ImageTask,
  { place, reference }: ImageName,
): Problem {
  return {
    file: where.file,
    definition,
    field: 'dockerfile',
    message: `${dockerfile} builds ${id} from its own image`,
    found: `${place} ${reference}`,
    expected: 'another image, or that of one build by its digest',
  };
}

function severalOwners(
  { where, name: definition, dockerfile }: ImageTask,
  { place, reference }: ImageName,
  owners: readonly ImageTask[],
): Problem {
  return {
    file: where.file,
    definition,
    field: 'dockerfile',
    message: `${dockerfile} names an alias that several tasks of this project claim`,
    found: `${place} ${reference}: ${owners.map(({ id }) => id).join(', ')}`,
    expected: 'a tag of one of them',
  };
}
