import type { Declarations } from '../define/types.ts';
import { DefinitionError, type Problem } from '../model/errors.ts';
import type { Graph, Project, Task } from '../model/task.ts';
import { compareVersions } from '../model/versions.ts';
import { expandDefinitions } from './expand.ts';
import { checkProject } from './fields.ts';
import { repositoryFault } from './names.ts';
import { indexDrafts, problemLocation, resolveNeeds } from './needs.ts';
import { orderTasks } from './order.ts';

/**
 * The graph of everything declared: versions expanded, needs resolved, checked.
 * `defaultPlatform` is what images without `platforms` are built for (`linux/amd64`).
 * @throws DefinitionError (exit 2) with all faults of the first stage that has any
 */
export function makeGraph(declarations: Declarations, defaultPlatform: string): Graph {
  const drafts = expandDefinitions(declarations.definitions, defaultPlatform);
  const problems: Problem[] = [];
  const index = indexDrafts(drafts);
  const tasks = drafts.map((draft) =>
    resolveNeeds(draft, index, (fault) => problems.push({ ...problemLocation(draft.declared), ...fault })),
  );
  problems.push(...duplicates(tasks));
  if (problems.length > 0) throw new DefinitionError(unique(problems));
  return orderTasks(tasks);
}

/** The project's settings, or none. @throws DefinitionError where there are two, or a wrong one. */
export function resolveProject(declarations: Declarations): Project {
  const [first, second] = declarations.projects;
  if (first === undefined) return {};
  const place = { file: first.where.file, definition: first.where.name };
  if (second !== undefined) {
    throw new DefinitionError([
      {
        ...place,
        message: `project() stands here and in ${second.where.file} (${second.where.name})`,
        expected: 'at most one',
      },
    ]);
  }
  const { values, faults } = checkProject(first.project.fields);
  const problems: Problem[] = faults.map((fault) => ({ ...place, ...fault }));
  for (const [field, repo] of Object.entries(values ?? {})) {
    const expected = repositoryFault(repo);
    if (expected !== undefined)
      problems.push({ ...place, field, message: 'not a repository', found: repo, expected });
  }
  if (problems.length > 0) throw new DefinitionError(problems);
  return values!;
}

function duplicates(tasks: readonly Task[]): Problem[] {
  const problems: Problem[] = [];
  const ids = new Map<string, Task>();
  const tags = new Map<string, Task>();
  const twice = new Map<string, Task[]>();
  for (const task of tasks) {
    const place = { file: task.where.file, definition: task.name };
    const twin = ids.get(task.id);
    if (twin !== undefined) {
      problems.push({
        ...place,
        message: `two tasks are called ${task.id}`,
        found: `${twin.where.file} (${twin.where.name}) and ${task.where.file} (${task.where.name})`,
        expected: 'each name and version once',
      });
      continue;
    }
    ids.set(task.id, task);
    for (const tag of new Set(task.publish ? task.tags : [])) {
      const name = `${task.name}:${tag}`;
      const other = tags.get(name);
      if (other === undefined) tags.set(name, task);
      else twice.set(name, [...(twice.get(name) ?? [other]), task]);
    }
  }
  const shared = [...twice].map(([tag, writers]) => sharedTag(tag, writers));
  return [...problems, ...shared, ...aliasedTags(tasks, tags), ...contestedAliases(tasks)];
}

/** Told once a tag, however many tasks would write it. */
function sharedTag(tag: string, writers: readonly Task[]): Problem {
  const [first, second, ...more] = writers;
  const all =
    more.length === 0
      ? `${first!.id} and ${second!.id} would both`
      : `${first!.id}, ${second!.id} and ${more.length} more would all`;
  return {
    file: second!.where.file,
    definition: second!.name,
    field: 'tags',
    message: `${all} write the tag ${tag}`,
    expected: 'each tag once',
  };
}

/** An alias may be asked for by several versions, the newest gets it; but it is nobody's own tag. */
function aliasedTags(tasks: readonly Task[], owners: ReadonlyMap<string, Task>): Problem[] {
  return tasks.flatMap((task) =>
    (task.kind === 'image' && task.publish ? task.aliases : []).flatMap((alias): Problem[] => {
      const owner = owners.get(`${task.name}:${alias}`);
      if (owner === undefined) return [];
      return [
        {
          file: task.where.file,
          definition: task.name,
          field: 'aliases',
          message: `${task.id} would move ${task.name}:${alias}, which is a tag of ${owner.id}`,
          expected: 'an alias that is no tag',
        },
      ];
    }),
  );
}

/** Of several versions that ask for an alias the newest gets it: so it must be known which that is. */
function contestedAliases(tasks: readonly Task[]): Problem[] {
  const claims = new Map<string, Task[]>();
  for (const task of tasks)
    for (const alias of new Set(task.kind === 'image' && task.publish ? task.aliases : [])) {
      const name = `${task.name}:${alias}`;
      claims.set(name, [...(claims.get(name) ?? []), task]);
    }
  return [...claims].flatMap(([name, claimants]): Problem[] => {
    for (const [index, task] of claimants.entries())
      for (const other of claimants.slice(0, index)) {
        if (task.version === other.version || compareVersions(task.version, other.version)) continue;
        return [
          {
            file: task.where.file,
            definition: task.name,
            field: 'aliases',
            message: `${other.id} and ${task.id} both claim the alias ${name}, and neither version is newer`,
            expected: 'an alias of one version, or of versions that can be ordered',
            hint: 'give the alias to one of them: aliases: (version) => (version === … ? […] : [])',
          },
        ];
      }
    return [];
  });
}

/** A fault of a definition shows once, not once a version. */
function unique(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
}
