import type { Graph, ImageTask, Task, TaskId } from '../model/task.ts';
import { compareVersions } from '../model/versions.ts';

/** What an alias points at in the registry, as far as that is known. */
export interface AliasTarget {
  /** The task that made it, from the image's label; undefined: not made by us. */
  readonly task?: TaskId;
}

/** What is done with one alias, `16` of the image `postgres`. */
export interface AliasChoice {
  readonly name: string;
  readonly alias: string;
  /** Who gets it; undefined: it stays where it is. */
  readonly task?: ImageTask;
  /** Why it stays, for people. */
  readonly detail?: string;
}

/** The aliases that these tasks ask for, each once: `postgres:16`. */
export function requestedAliases(tasks: readonly Task[]): { name: string; alias: string }[] {
  const wanted = tasks.flatMap((task) =>
    task.kind === 'image' && task.publish ? task.aliases.map((alias) => ({ name: task.name, alias })) : [],
  );
  return [...new Map(wanted.map((each) => [`${each.name}:${each.alias}`, each])).values()];
}

/**
 * Who gets an alias: the newest of the tasks that ask for it, and never one older than the version that has it now.
 * `holder`: what has it now; undefined: nobody.
 */
export function chooseAlias(
  { name, alias }: { name: string; alias: string },
  tasks: readonly Task[],
  graph: Graph,
  holder: AliasTarget | undefined,
): AliasChoice {
  const candidates = tasks.filter(
    (task): task is ImageTask => task.kind === 'image' && task.name === name && task.aliases.includes(alias),
  );
  const best = candidates.reduce((a, b) => ((compareTasks(a.id, b.id, graph) ?? 0) > 0 ? a : b));
  const current = holder?.task;
  if (current === undefined || current === best.id || !current.startsWith(`${name}:`))
    return { name, alias, task: best };
  const order = compareTasks(best.id, current, graph);
  if (order !== undefined && order >= 0) return { name, alias, task: best };
  const detail =
    order === undefined
      ? `it cannot be told whether ${best.version} is newer`
      : `${best.version} is older, and an alias never goes back`;
  return { name, alias, detail: `${name}:${alias} stays at ${current.slice(name.length + 1)}: ${detail}` };
}

/** By version; where that cannot tell of one that is there already, by the order in which the definition lists them. */
function compareTasks(a: TaskId, b: TaskId, graph: Graph): number | undefined {
  if (a === b) return 0;
  const version = (id: TaskId): string => id.slice(id.indexOf(':') + 1);
  const order = compareVersions(version(a), version(b));
  if (order !== undefined && order !== 0) return order;
  const listed = [...graph.tasks.values()].filter(({ name }) => a.startsWith(`${name}:`)).map(({ id }) => id);
  const [left, right] = [listed.indexOf(a), listed.indexOf(b)];
  return left < 0 || right < 0 ? undefined : left - right;
}
