import { makesFiles, type Task, type TaskId, versionIdOf } from '../model/task.ts';
import {
  bakeTarget,
  contextSuffix,
  type ExportedTask,
  type ImageToExport,
  unpublished,
} from './write-bake-target.ts';

export interface BakeExport {
  /** The text of a bake file in JSON. */
  readonly text: string;
  /** What bake cannot express, a line each. If there is something, the file builds other images. */
  readonly problems: readonly string[];
}

type Json = Record<string, unknown>;

/**
 * Writes tasks as a bake file that builds the same images: needs as contexts of other targets, pinned base images as contexts with
 * their digests. `tasks`: needs first; `selected`: those of the default group; `repo`: the repository of the tags.
 */
export function writeBake(
  tasks: readonly ExportedTask[],
  selected: ReadonlySet<TaskId>,
  repo: string,
): BakeExport {
  const names = targetNames(tasks.map(({ task }) => task));
  const byId = new Map(tasks.map((each) => [each.task.id, each]));
  const problems = tasks.flatMap((each) => inexpressible(each, byId));
  const target: Json = {};
  for (const platforms of byVersion(tasks)) {
    const [main] = platforms as [ImageToExport, ...ImageToExport[]];
    target[names.get(main.task.id)!] = bakeTarget(platforms, { names, byId, repo });
  }
  const twins = separateTwins(target as Record<string, BakeTarget>);
  const group: Json = { default: { targets: defaultTargets(selected, byId, names) } };
  for (const [name, versions] of byName(tasks, names))
    if (versions.length > 1 && name !== 'default' && target[name] === undefined)
      group[name] = { targets: versions };
  return {
    text: `${JSON.stringify(escaped({ group, target: { ...target, ...twins } }), undefined, 2)}\n`,
    problems,
  };
}

/** Returns the images of each version, one for each platform; the first one counts where no platform is asked for. */
function byVersion(tasks: readonly ExportedTask[]): ImageToExport[][] {
  const versions = new Map<string, ImageToExport[]>();
  for (const each of tasks) {
    const { task, observed } = each;
    if (task.kind !== 'image' || observed === undefined) continue;
    const known = versions.get(versionIdOf(task.id)) ?? [];
    if (task.isSecondary) known.push({ ...each, task, observed });
    else known.unshift({ ...each, task, observed });
    versions.set(versionIdOf(task.id), known);
  }
  return [...versions.values()];
}

/** Returns the selected targets with a result of their own: internal images are built as contexts of others. */
function defaultTargets(
  selected: ReadonlySet<TaskId>,
  byId: ReadonlyMap<TaskId, ExportedTask>,
  names: ReadonlyMap<TaskId, string>,
): string[] {
  const images = [...selected].flatMap((id) => {
    const task = byId.get(id)?.task;
    return task?.kind === 'image' ? [task] : [];
  });
  const withResult = images.filter((task) => task.publish || makesFiles(task));
  return distinct((withResult.length > 0 ? withResult : images).map(({ id }) => names.get(id)!));
}

function distinct(names: readonly string[]): string[] {
  return [...new Set(names)];
}

interface BakeTarget {
  contexts?: Record<string, string>;
  tags?: string[];
}

/**
 * Gives each context of a target another target: buildx 0.13 passes a target to only one of several contexts that are the same
 * (seen as `unsupported context source target`). Changes the targets, and returns the other names.
 */
function separateTwins(targets: Readonly<Record<string, BakeTarget>>): Json {
  const twins: Json = {};
  for (const target of Object.values(targets)) {
    const counts = new Map<string, number>();
    for (const [name, source] of Object.entries(target.contexts ?? {})) {
      if (!source.startsWith('target:')) continue;
      const count = (counts.get(source) ?? 0) + 1;
      counts.set(source, count);
      if (count === 1) continue;
      const original = source.slice('target:'.length);
      let twin = `${original}-context-${count}`;
      while (targets[twin] !== undefined) twin += '-';
      const [tag] = targets[original]?.tags ?? [];
      twins[twin] = {
        inherits: [original],
        ...unpublished(`${tag!.replace(contextSuffix, '')}-context-${count}`),
      };
      target.contexts![name] = `target:${twin}`;
    }
  }
  return twins;
}

function inexpressible({ task, observed }: ExportedTask, byId: ReadonlyMap<TaskId, ExportedTask>): string[] {
  if (task.kind === 'command') return [`${task.id} is a command: bake runs no programs`];
  const files = task.needs.flatMap((need) => (need.kind === 'files' ? need.tasks : []));
  return [
    ...files.map((id) => `${task.id} needs the files of ${id}: bake adds no files to a build context`),
    ...(observed === undefined ? [`${task.id} cannot be read`] : []),
    ...task.needs
      .flatMap(({ tasks }) => tasks)
      .filter((id) => byId.get(id) === undefined)
      .map((id) => `${task.id} needs ${id}, which is not exported`),
  ];
}

/** Names of bake targets have letters, digits, `_` and `-`. */
function targetNames(tasks: readonly Task[]): Map<TaskId, string> {
  const byVersion = new Map<TaskId, string>();
  const taken = new Set<string>();
  return new Map(
    tasks.map(({ id, name, version }) => {
      const versionId = versionIdOf(id);
      const known = byVersion.get(versionId);
      if (known !== undefined) return [id, known];
      const base = (version === 'latest' ? name : `${name}-${version}`).replace(/[^A-Za-z0-9_-]+/g, '-');
      let unique = base;
      for (let number = 2; taken.has(unique) || unique === 'default'; number++) unique = `${base}-${number}`;
      taken.add(unique);
      byVersion.set(versionId, unique);
      return [id, unique];
    }),
  );
}

/** Returns the targets of each image name. */
function byName(
  tasks: readonly ExportedTask[],
  targets: ReadonlyMap<TaskId, string>,
): Map<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const { task } of tasks) {
    if (task.kind !== 'image') continue;
    const name = task.name.replace(/[^A-Za-z0-9_-]+/g, '-');
    groups.set(name, distinct([...(groups.get(name) ?? []), targets.get(task.id)!]));
  }
  return groups;
}

/** Bake evaluates `${…}` and `%{…}` in all texts of a JSON file, keys included. */
function escaped(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/\$(?=\{)/g, '$$$$').replace(/%(?=\{)/g, '%%');
  if (Array.isArray(value)) return value.map(escaped);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [escaped(name), escaped(each)]));
}
