import { DefinitionError, type Problem } from '../model/errors.ts';
import type { ImageName } from '../model/observed.ts';
import { fullName } from '../model/reference.ts';
import type { Graph, ImageTask, Need, Task, TaskId } from '../model/task.ts';
import { orderTasks } from './order.ts';

/** A need that no definition declares: a Dockerfile names an image that this project publishes. */
export interface ImpliedNeed extends ImageName {
  readonly task: TaskId;
  readonly dockerfile: string;
  readonly need: TaskId;
}

export interface Implied {
  readonly graph: Graph;
  readonly needs: readonly ImpliedNeed[];
}

/** Who gets an alias that several tasks claim; undefined: nobody can tell. */
export type AliasOwner = (alias: { readonly name: string; readonly alias: string }) => TaskId | undefined;

/**
 * Completes a graph with the needs that its Dockerfiles imply: a name of an image that one of the project's own tasks publishes
 * under one of `repos` means that task. Only plain tags and aliases count: what a dev build, or a push with a suffix, publishes is
 * not what a Dockerfile means. `names`: the images that each task's Dockerfile names, none of them by digest.
 * @throws DefinitionError (exit 2) for a task that names its own image, an alias that several tasks claim, and cycles
 */
export function linkImplied(
  graph: Graph,
  names: ReadonlyMap<TaskId, readonly ImageName[]>,
  repos: readonly string[],
  aliasOwner: AliasOwner,
): Implied {
  const published = publishedNames(graph, repos);
  const problems = new Map<string, Problem>();
  const needs: ImpliedNeed[] = [];
  const linked = [...graph.tasks.values()].map((task): Task => {
    if (task.kind !== 'image') return task;
    const own = new Map<string, Need>();
    for (const name of names.get(task.id) ?? []) {
      const found = published.get(fullName(name.reference) ?? '');
      if (found === undefined) continue;
      const need = found.owners.length === 1 ? found.owners[0]! : aliasOwner(found);
      if (need === undefined || need === task.id) {
        const problem = need === task.id ? ownImage(task, name) : severalOwners(task, name, found.owners);
        problems.set(JSON.stringify(problem), problem);
        continue;
      }
      if (own.has(name.reference)) continue;
      own.set(name.reference, {
        name: name.reference,
        isReference: true,
        kind: 'image',
        all: false,
        tasks: [need],
      });
      needs.push({ ...name, task: task.id, dockerfile: task.dockerfile, need });
    }
    return own.size === 0 ? task : { ...task, needs: [...task.needs, ...own.values()] };
  });
  if (problems.size > 0) throw new DefinitionError([...problems.values()]);
  return needs.length === 0 ? { graph, needs } : { graph: orderTasks(linked), needs };
}

interface PublishedName {
  readonly name: string;
  /** What stands after the colon. */
  readonly alias: string;
  readonly owners: TaskId[];
}

/** What stands behind each name that is published, in full. */
function publishedNames({ tasks }: Graph, repos: readonly string[]): ReadonlyMap<string, PublishedName> {
  const names = new Map<string, PublishedName>();
  for (const task of tasks.values()) {
    if (task.kind !== 'image' || !task.publish) continue;
    for (const repo of new Set(repos))
      for (const tag of new Set([...task.tags, ...task.aliases])) {
        const full = fullName(`${repo}/${task.name}:${tag}`);
        if (full === undefined) continue;
        const known = names.get(full);
        if (known === undefined) names.set(full, { name: task.name, alias: tag, owners: [task.id] });
        else if (!known.owners.includes(task.id)) known.owners.push(task.id);
      }
  }
  return names;
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
  owners: readonly TaskId[],
): Problem {
  return {
    file: where.file,
    definition,
    field: 'dockerfile',
    message: `${dockerfile} names an alias that several tasks of this project claim`,
    found: `${place} ${reference}: ${owners.join(', ')}`,
    expected: 'a tag of one of them',
  };
}
