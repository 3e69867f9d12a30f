import { asTag } from '../graph/names.ts';
import { contextName } from '../model/reference.ts';
import { type ImageTask, type Task, versionIdOf } from '../model/task.ts';
import { type Arrangement, referencesOf } from './arrange.ts';
import { comparableReference, type ReducedTarget } from './reduce.ts';
import { rootPath } from './target.ts';

/** What differs between a target and the task that stands for it, or one of the two alone. */
export interface TargetDifference {
  readonly target?: { readonly name: string; readonly place: string };
  readonly task?: string;
  /** Lines of a diff, `-` for the other tool and `+` for the definitions. */
  readonly lines: readonly string[];
}

export interface Comparison {
  readonly equal: number;
  readonly differences: readonly TargetDifference[];
}

/**
 * Compares the tasks of a project with the targets of another tool. `isComplete`: whether tasks without a target differ, too. What
 * reducing and arranging the targets left out is not compared.
 */
export function compareTargets(
  { images, repo }: Arrangement,
  tasks: Iterable<Task>,
  projectRepo: string | undefined,
  isComplete: boolean,
): Comparison {
  const ours = [...tasks].filter((task) => task.kind === 'image');
  // Of a version for several platforms, one task says all fields but the platform.
  const main = ours.filter(({ isSecondary }) => !isSecondary);
  const byId = new Map(main.map((task) => [`${task.name}:${asTag(task.version)}`, task]));
  const platforms = new Map<string, string[]>();
  for (const { id, platform } of ours)
    platforms.set(versionIdOf(id), [...(platforms.get(versionIdOf(id)) ?? []), platform]);
  const byReference = new Map(
    main.flatMap((task) => ownReferences(task, projectRepo).map((name) => [name, task] as const)),
  );
  const differences: TargetDifference[] = [];
  const matched = new Set<Task>();
  let equal = 0;
  for (const image of images)
    for (const cell of image.cells) {
      const { target } = cell;
      const references = referencesOf(image, cell, repo);
      const task =
        byId.get(`${image.name}:${asTag(cell.version)}`) ??
        references
          .map((each) => byReference.get(each))
          .find((each) => each !== undefined && !matched.has(each));
      if (task === undefined) {
        differences.push({ target, lines: [`- ${references[0] ?? image.name}`] });
        continue;
      }
      matched.add(task);
      const lines = diffLines(
        theirFields(target, references),
        ourFields(task, platforms.get(versionIdOf(task.id))!, projectRepo, target, byId),
      );
      if (lines.length === 0) equal++;
      else differences.push({ target, task: versionIdOf(task.id), lines });
    }
  if (isComplete)
    for (const task of main)
      if (!matched.has(task) && task.publish)
        differences.push({ task: versionIdOf(task.id), lines: [`+ ${versionIdOf(task.id)}`] });
  return { equal, differences };
}

function ownReferences({ name, tags, aliases, publish }: ImageTask, repo: string | undefined): string[] {
  const prefix = repo === undefined ? '' : `${repo}/`;
  return publish ? [...tags, ...aliases].map((tag) => comparableReference(`${prefix}${name}:${tag}`)) : [];
}

type Fields = ReadonlyMap<string, string>;

function theirFields(target: ReducedTarget, references: readonly string[]): Fields {
  return fieldsOf({
    context: target.context,
    dockerfile: target.dockerfileText === undefined ? target.dockerfile : 'a text',
    dockerfileText: target.dockerfileText,
    target: target.target,
    args: target.args,
    labels: target.labels,
    annotations: target.annotations,
    tags: references,
    platforms: target.platforms,
    contexts: target.contexts,
  });
}

/** A need replaces an arg or a context of the target by the same image. */
function ourFields(
  task: ImageTask,
  platforms: readonly string[],
  repo: string | undefined,
  target: ReducedTarget,
  byId: ReadonlyMap<string, ImageTask>,
): Fields {
  const args: Record<string, string> = { ...task.args };
  const contexts: Record<string, string> = {};
  const theirContexts = new Map(
    Object.entries(target.contexts).map(([name, source]) => [contextName(name), { name, source }]),
  );
  for (const [name, source] of Object.entries(task.contexts ?? {})) {
    const text =
      'folder' in source ? source.folder : 'image' in source ? `docker-image://${source.image}` : source.git;
    const their = theirContexts.get(name);
    const isTarget = their !== undefined && /^(target|service):/.test(their.source) && 'image' in source;
    contexts[their?.name ?? name] = isTarget ? their.source : text;
  }
  for (const {
    name,
    tasks: [id],
  } of task.needs) {
    const needed = byId.get(asTag(versionIdOf(id!)));
    const given = target.args[name];
    const their = theirContexts.get(contextName(name));
    const isSame =
      given !== undefined &&
      needed !== undefined &&
      ownReferences(needed, repo).includes(comparableReference(given));
    if (isSame) args[name] = given;
    if (their !== undefined) contexts[their.name] = their.source;
  }
  return fieldsOf({
    context: rootPath(task.context),
    dockerfile: task.dockerfileText === undefined ? rootPath(task.dockerfile) : 'a text',
    dockerfileText: task.dockerfileText,
    target: task.target,
    args,
    labels: task.labels,
    annotations: task.annotations,
    tags: ownReferences(task, repo),
    platforms: target.platforms.length > 0 ? platforms : [],
    contexts,
  });
}

function fieldsOf(fields: Readonly<Record<string, unknown>>): Fields {
  const rows = Object.entries(fields).flatMap(([field, value]): [string, string][] => {
    if (value === undefined) return [];
    if (Array.isArray(value)) return value.map((each) => [`${field} ${each}`, String(each)]);
    if (typeof value === 'object')
      return Object.entries(value as object).map(([name, each]) => [`${field}.${name}`, String(each)]);
    return [[field, String(value)]];
  });
  return new Map(rows);
}

function diffLines(theirs: Fields, ours: Fields): string[] {
  const names = [...new Set([...theirs.keys(), ...ours.keys()])];
  return names.flatMap((name) => {
    const [before, after] = [theirs.get(name), ours.get(name)];
    if (before === after) return [];
    const line = (value: string): string =>
      name.endsWith(` ${value}`) ? name : `${name} = ${JSON.stringify(value)}`;
    return [
      ...(before === undefined ? [] : [`- ${line(before)}`]),
      ...(after === undefined ? [] : [`+ ${line(after)}`]),
    ];
  });
}
