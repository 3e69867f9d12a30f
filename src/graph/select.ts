import { closestWords } from '../model/did-you-mean.ts';
import { UnknownSelector } from '../model/errors.ts';
import { normalizePlatform } from '../model/platform.ts';
import { type Graph, needIds, type Task, type TaskId, versionIdOf } from '../model/task.ts';
import { matchesWildcard } from '../model/wildcard.ts';

/**
 * Returns the tasks that selectors match, in the graph's order. Selectors are `name`, `name:version` and globs, each with
 * `@platform` behind it or without; `+sel` adds needs and `sel+` adds dependents. Without selectors it returns all published images
 * and every task that no other task needs.
 * @throws UnknownSelector (exit 2) for a selector that matches nothing
 */
export function resolveSelectors(graph: Graph, selectors: readonly string[]): ReadonlySet<TaskId> {
  const chosen =
    selectors.length === 0 ? defaultTasks(graph) : new Set(selectors.flatMap((text) => matches(graph, text)));
  return new Set([...graph.tasks.keys()].filter((id) => chosen.has(id)));
}

/** Returns the given tasks and all tasks that they need, directly or indirectly. */
export function withNeeds(graph: Graph, ids: Iterable<TaskId>): ReadonlySet<TaskId> {
  return reachable(ids, (id) => needIds(graph.tasks.get(id)!));
}

/** Returns the given tasks and all tasks that need them, directly or indirectly. */
function withDependents(graph: Graph, ids: Iterable<TaskId>): ReadonlySet<TaskId> {
  return reachable(ids, (id) => graph.dependents.get(id) ?? []);
}

function defaultTasks(graph: Graph): Set<TaskId> {
  return new Set(
    [...graph.tasks.values()]
      .filter((task) => task.publish || !graph.dependents.has(task.id))
      .map((task) => task.id),
  );
}

function matches(graph: Graph, text: string): TaskId[] {
  const needs = text.startsWith('+');
  const dependents = text.endsWith('+') && text.length > 1;
  const pattern = text.slice(needs ? 1 : 0, dependents ? -1 : undefined);
  const [names, platform] = splitPlatform(pattern);
  const named = [...graph.tasks.values()]
    .filter((task) => matchesWildcard(names, names.includes(':') ? versionIdOf(task.id) : task.name))
    .filter((task) => platform === undefined || isForPlatform(task, platform))
    .map((task) => task.id);
  if (named.length === 0) throw noMatchError(graph, text, pattern);
  return [
    ...named,
    ...(needs ? withNeeds(graph, named) : []),
    ...(dependents ? withDependents(graph, named) : []),
  ];
}

function splitPlatform(pattern: string): [names: string, platform: string | undefined] {
  const at = pattern.indexOf('@');
  return at < 0 ? [pattern, undefined] : [pattern.slice(0, at) || '*', pattern.slice(at + 1)];
}

/** Files that serve every platform are for none. */
function isForPlatform({ platform }: Task, pattern: string): boolean {
  if (platform === undefined) return false;
  return matchesWildcard(pattern, platform) || matchesWildcard(pattern, normalizePlatform(platform));
}

function noMatchError(graph: Graph, text: string, pattern: string): UnknownSelector {
  const names = new Set([...graph.tasks.values()].map((task) => task.name));
  const near = closestWords(pattern, pattern.includes(':') ? [...graph.tasks.keys(), ...names] : names);
  const hint =
    near.length > 0
      ? `did you mean ${near.join(', ')}?`
      : `tasks are ${[...names].slice(0, 20).join(', ')} (see \`tasks list\`)`;
  return new UnknownSelector(text, hint);
}

function reachable(start: Iterable<TaskId>, next: (id: TaskId) => readonly TaskId[]): ReadonlySet<TaskId> {
  const seen = new Set(start);
  for (const id of seen) for (const other of next(id)) seen.add(other);
  return seen;
}
