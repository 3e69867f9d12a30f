import { DefinitionError, type Problem } from '../model/errors.ts';
import type { ImageName } from '../model/observed.ts';
import { normalizeReference } from '../model/reference.ts';
import { type Graph, type ImageTask, type Need, type Task, type TaskId, versionIdOf } from '../model/task.ts';
import { matchNeedPlatforms } from './need-platforms.ts';
import { orderTasks } from './order.ts';

/** An undeclared need: a Dockerfile names an image that this project publishes. */
export interface ImpliedNeed extends ImageName {
  readonly task: TaskId;
  readonly dockerfile: string;
  readonly need: TaskId;
}

export interface LinkedGraph {
  readonly graph: Graph;
  readonly needs: readonly ImpliedNeed[];
}

/** Returns the task that gets an alias of several versions; undefined if the versions have no order. */
export type FindAliasOwner = (alias: { readonly name: string; readonly alias: string }) => TaskId | undefined;

/**
 * Adds the needs that Dockerfiles imply: the name of an image that a task publishes under one of `repos` becomes a need of
 * that task. Only tags without a suffix, and aliases, imply needs. `names` holds the images that each task's Dockerfile names,
 * except those named by digest. Needs are for the platforms for which the Dockerfile uses them.
 * @throws DefinitionError (exit 2) for a task that names its own image, an alias of several tasks, a need without a platform, or a
 * cycle
 */
export function linkImpliedNeeds(
  graph: Graph,
  names: ReadonlyMap<TaskId, readonly ImageName[]>,
  repos: readonly string[],
  aliasOwner: FindAliasOwner,
): LinkedGraph {
  const findPublished = makeFindPublished(graph, repos);
  const problems = new Map<string, Problem>();
  const needs: ImpliedNeed[] = [];
  const linked = new Map<TaskId, Task>();
  const addProblem = (problem: Problem): void => void problems.set(JSON.stringify(problem), problem);
  for (const task of graph.tasks.values()) {
    if (task.kind !== 'image') continue;
    const { id } = task;
    const images = names.get(id) ?? none;
    const declared = markReferences(task, images);
    const added = new Map<string, Need>();
    for (const name of images) {
      const { reference } = name;
      const isKnown = name.isNeed || added.has(reference) || declared.some((need) => need.name === reference);
      const found = isKnown ? undefined : findPublished(reference);
      if (found === undefined) continue;
      const need = ownerOf(found, aliasOwner);
      if (need === undefined || versionIdOf(need) === versionIdOf(id)) {
        addProblem(
          need === undefined ? ambiguousAliasProblem(task, name, found.owners) : ownImageProblem(task, name),
        );
        continue;
      }
      added.set(reference, { name: reference, isReference: true, kind: 'image', all: false, tasks: [need] });
      needs.push({ ...name, task: id, dockerfile: task.dockerfile, need });
    }
    const all = added.size > 0 ? [...declared, ...added.values()] : declared;
    const matched = matchNeedPlatforms(task, all, images, graph, addProblem);
    if (matched !== task.needs) linked.set(id, { ...task, needs: matched });
  }
  if (problems.size > 0) throw new DefinitionError([...problems.values()]);
  if (linked.size === 0) return { graph, needs };
  return { graph: orderTasks([...graph.tasks.values()].map((task) => linked.get(task.id) ?? task)), needs };
}

/**
 * A need such as `debian` can be the name of an ARG or of an image. Marks it as a reference if the Dockerfile has an image but
 * no ARG of that name.
 */
function markReferences({ needs }: ImageTask, names: readonly ImageName[]): readonly Need[] {
  const isImage = ({ name, kind, isReference }: Need): boolean =>
    kind === 'image' &&
    !isReference &&
    names.some((each) => each.reference === name && !each.isArg && !each.isNeed);
  return needs.some(isImage)
    ? needs.map((need) => (isImage(need) ? { ...need, isReference: true } : need))
    : needs;
}

const none: readonly ImageName[] = [];

interface PublishedName {
  /** The part after the colon. */
  readonly alias: string;
  /** The tasks that publish it: one, except for aliases and nested repositories. */
  readonly owners: readonly ImageTask[];
}

function ownerOf({ alias, owners }: PublishedName, aliasOwner: FindAliasOwner): TaskId | undefined {
  const [{ id, name }, ...others] = owners as [ImageTask, ...ImageTask[]];
  if (others.every((other) => versionIdOf(other.id) === versionIdOf(id))) return id;
  return others.every((other) => other.name === name) ? aliasOwner({ name, alias }) : undefined;
}

/** Returns a function that finds the tasks that publish an image name. It caches results: many tasks use the same few names. */
function makeFindPublished(
  { tasks }: Graph,
  repos: readonly string[],
): (reference: string) => PublishedName | undefined {
  const cache = new Map<string, PublishedName | undefined>();
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
    if (!cache.has(reference)) cache.set(reference, find(reference));
    return cache.get(reference);
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

function ownImageProblem(
  { where, name: definition, dockerfile, id }: ImageTask,
  { place, reference }: ImageName,
): Problem {
  return {
    file: where.file,
    definition,
    field: fieldOf(place),
    message: `${dockerfile} builds ${id} from its own image`,
    found: `${place} ${reference}`,
    expected: 'another image, or this one by digest',
  };
}

function ambiguousAliasProblem(
  { where, name: definition, dockerfile }: ImageTask,
  { place, reference }: ImageName,
  owners: readonly ImageTask[],
): Problem {
  return {
    file: where.file,
    definition,
    field: fieldOf(place),
    message: `${dockerfile} names an alias of several tasks in this project`,
    found: `${place} ${reference}: ${owners.map(({ id }) => id).join(', ')}`,
    expected: 'a tag of one of them',
  };
}

function fieldOf(place: ImageName['place']): string {
  return place === 'contexts' ? 'contexts' : 'dockerfile';
}
