import { type Graph, type ImageTask, type Task, type TaskId, versionIdOf } from '../model/task.ts';
import { compareVersions } from '../model/versions.ts';

/** What an alias points to in the registry. */
export interface AliasTarget {
  /** The task that built the image, from its label; undefined if `tasks` did not build it. */
  readonly task?: TaskId;
}

/** The decision for one alias, such as `16` of the image `postgres`. */
export interface AliasChoice {
  readonly name: string;
  readonly alias: string;
  /** The task that gets the alias; undefined if the alias does not move. */
  readonly task?: ImageTask;
  /** A message that says why the alias does not move. */
  readonly detail?: string;
}

/** Returns the aliases that these tasks request, without duplicates. */
export function requestedAliases(tasks: readonly Task[]): { name: string; alias: string }[] {
  const aliases = tasks.flatMap((task) =>
    task.kind === 'image' && task.publish ? task.aliases.map((alias) => ({ name: task.name, alias })) : [],
  );
  return [...new Map(aliases.map((each) => [`${each.name}:${each.alias}`, each])).values()];
}

/**
 * Decides which task gets an alias: the newest one that requests it, unless the version that has the alias now is newer.
 * `target`: what the alias points to now; undefined if it does not exist.
 */
export function chooseAlias(
  { name, alias }: { name: string; alias: string },
  tasks: readonly Task[],
  graph: Graph,
  target: AliasTarget | undefined,
): AliasChoice {
  const candidates = tasks.filter(
    (task): task is ImageTask => task.kind === 'image' && task.name === name && task.aliases.includes(alias),
  );
  const newest = candidates.reduce((a, b) => ((compareTasks(a.id, b.id, graph) ?? 0) > 0 ? a : b));
  const current = target?.task;
  if (current === undefined || current === versionIdOf(newest.id) || !current.startsWith(`${name}:`))
    return { name, alias, task: newest };
  const order = compareTasks(newest.id, current, graph);
  if (order !== undefined && order >= 0) return { name, alias, task: newest };
  const detail =
    order === undefined
      ? `cannot tell whether ${newest.version} is newer`
      : `${newest.version} is older, and aliases never move to an older version`;
  return { name, alias, detail: `${name}:${alias} stays at ${current.slice(name.length + 1)}: ${detail}` };
}

/** Returns the aliases that a first release of tasks sets, by the task that gets them. */
export function firstAliases(tasks: readonly Task[], graph: Graph): ReadonlyMap<TaskId, readonly string[]> {
  const aliases = new Map<TaskId, string[]>();
  for (const requested of requestedAliases(tasks)) {
    const { task } = chooseAlias(requested, tasks, graph, undefined);
    if (task !== undefined) aliases.set(task.id, [...(aliases.get(task.id) ?? []), requested.alias]);
  }
  return aliases;
}

/** Compares versions; falls back to the order in the definition. Returns undefined if neither decides. */
function compareTasks(a: TaskId, b: TaskId, graph: Graph): number | undefined {
  const version = (id: TaskId): string => versionIdOf(id).slice(id.indexOf(':') + 1);
  if (version(a) === version(b)) return 0;
  const order = compareVersions(version(a), version(b));
  if (order !== undefined && order !== 0) return order;
  const listed = [...graph.tasks.values()]
    .filter(({ name }) => a.startsWith(`${name}:`))
    .map(({ version }) => version);
  const [left, right] = [listed.indexOf(version(a)), listed.indexOf(version(b))];
  return left < 0 || right < 0 ? undefined : left - right;
}
