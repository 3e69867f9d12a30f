import type { Declarations } from '../define/types.ts';
import { DefinitionError, type Problem } from '../model/errors.ts';
import { type Graph, type Project, type Task, versionIdOf } from '../model/task.ts';
import { compareVersions } from '../model/versions.ts';
import { expandDefinitions } from './expand.ts';
import { checkProject } from './fields.ts';
import { repositoryFault } from './names.ts';
import { indexDrafts, problemLocation, resolveNeeds } from './needs.ts';
import { orderTasks } from './order.ts';

/**
 * Expands and checks all definitions, resolves their needs, and returns the graph of their tasks. Images without `platforms`
 * are built for `machinePlatform` (`linux/amd64`), that of this machine.
 * @throws DefinitionError (exit 2) with all errors of the first stage that has any
 */
export function makeGraph(declarations: Declarations, machinePlatform: string): Graph {
  const drafts = expandDefinitions(declarations.definitions, machinePlatform);
  const problems: Problem[] = [];
  const index = indexDrafts(drafts);
  const tasks = drafts.map((draft) =>
    resolveNeeds(draft, index, (fault) => problems.push({ ...problemLocation(draft.declared), ...fault })),
  );
  problems.push(...findDuplicates(tasks));
  if (problems.length > 0) throw new DefinitionError(withoutDuplicates(problems));
  const { volatileLabels } = resolveProject(declarations);
  return orderTasks(
    volatileLabels === undefined ? tasks : tasks.map((task) => addVolatileLabels(task, volatileLabels)),
  );
}

/** Adds the labels of the project to those of an image, which take precedence. */
function addVolatileLabels(task: Task, labels: Readonly<Record<string, string>>): Task {
  if (task.kind !== 'image') return task;
  const isFree = ([name]: [string, string]): boolean => !Object.hasOwn(task.labels, name);
  const added = Object.fromEntries(Object.entries(labels).filter(isFree));
  return { ...task, volatileLabels: { ...added, ...task.volatileLabels } };
}

/**
 * Returns the settings from `project()`, or empty settings without one.
 * @throws DefinitionError for a second or invalid `project()`
 */
export function resolveProject(declarations: Declarations): Project {
  const [first, second] = declarations.projects;
  if (first === undefined) return {};
  const place = { file: first.where.file, definition: first.where.name };
  if (second !== undefined) {
    throw new DefinitionError([
      {
        ...place,
        message: `project() is also called in ${second.where.file} (${second.where.name})`,
        expected: 'at most one project()',
      },
    ]);
  }
  const { values, faults } = checkProject(first.project.fields);
  const problems: Problem[] = faults.map((fault) => ({ ...place, ...fault }));
  for (const field of ['repo', 'cacheRepo', 'cacheTo'] as const) {
    const repo = values?.[field];
    const expected = repo === undefined ? undefined : repositoryFault(repo);
    if (repo !== undefined && expected !== undefined)
      problems.push({ ...place, field, message: 'not a valid repository', found: repo, expected });
  }
  if (problems.length > 0) throw new DefinitionError(problems);
  return values!;
}

function findDuplicates(tasks: readonly Task[]): Problem[] {
  const problems: Problem[] = [];
  const ids = new Map<string, Task>();
  const tags = new Map<string, Task>();
  const sharedTags = new Map<string, Task[]>();
  for (const task of tasks) {
    const place = { file: task.where.file, definition: task.name };
    const twin = ids.get(task.id);
    if (twin !== undefined) {
      problems.push({
        ...place,
        exportName: task.where.name,
        message: `duplicate task ${task.id}`,
        found: `${twin.where.file} (${twin.where.name}) and ${task.where.file} (${task.where.name})`,
        expected: 'a unique name and version',
      });
      continue;
    }
    ids.set(task.id, task);
    for (const tag of new Set(task.publish ? task.tags : [])) {
      const name = `${task.name}:${tag}`;
      const other = tags.get(name);
      if (other === undefined) tags.set(name, task);
      else if (versionIdOf(other.id) !== versionIdOf(task.id))
        sharedTags.set(name, [...(sharedTags.get(name) ?? [other]), task]);
    }
  }
  const shared = [...sharedTags].map(([tag, tasks]) => sharedTagProblem(tag, tasks));
  return [...problems, ...shared, ...findAliasesOfTags(tasks, tags), ...findUnorderedAliases(tasks)];
}

/** One problem per tag, however many tasks write it. */
function sharedTagProblem(tag: string, tasks: readonly Task[]): Problem {
  const [first, second, ...more] = tasks;
  const all =
    more.length === 0
      ? `${first!.id} and ${second!.id} both`
      : `${first!.id}, ${second!.id} and ${more.length} more all`;
  return {
    file: second!.where.file,
    definition: second!.name,
    field: 'tags',
    message: `${all} write the tag ${tag}`,
    expected: 'a unique tag',
  };
}

/** Several versions may share an alias, which the newest one gets. But an alias must not be the tag of a task. */
function findAliasesOfTags(tasks: readonly Task[], owners: ReadonlyMap<string, Task>): Problem[] {
  return tasks.flatMap((task) =>
    (task.kind === 'image' && task.publish ? task.aliases : []).flatMap((alias): Problem[] => {
      const owner = owners.get(`${task.name}:${alias}`);
      if (owner === undefined) return [];
      return [
        {
          file: task.where.file,
          definition: task.name,
          field: 'aliases',
          message: `the alias ${task.name}:${alias} of ${task.id} is a tag of ${owner.id}`,
          expected: 'an alias that is not a tag',
        },
      ];
    }),
  );
}

/** The newest of several versions gets an alias, so the versions must have an order. */
function findUnorderedAliases(tasks: readonly Task[]): Problem[] {
  const byAlias = new Map<string, Task[]>();
  for (const task of tasks)
    for (const alias of new Set(task.kind === 'image' && task.publish ? task.aliases : [])) {
      const name = `${task.name}:${alias}`;
      byAlias.set(name, [...(byAlias.get(name) ?? []), task]);
    }
  return [...byAlias].flatMap(([name, tasksOfAlias]): Problem[] => {
    for (const [index, task] of tasksOfAlias.entries())
      for (const other of tasksOfAlias.slice(0, index)) {
        if (task.version === other.version || compareVersions(task.version, other.version)) continue;
        return [
          {
            file: task.where.file,
            definition: task.name,
            field: 'aliases',
            message: `${other.id} and ${task.id} share the alias ${name}, and neither version is newer`,
            expected: 'an alias of one version, or of versions that can be ordered',
            hint: 'give the alias to one of them: aliases: (version) => (version === … ? […] : [])',
          },
        ];
      }
    return [];
  });
}

/** All versions of a definition may report the same problem. */
function withoutDuplicates(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
}
