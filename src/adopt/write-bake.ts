import { asTag } from '../graph/names.ts';
import type { ObservedImage } from '../model/observed.ts';
import { normalizePlatform } from '../model/platform.ts';
import { withoutTag } from '../model/reference.ts';
import {
  type ContextSource,
  type ImageTask,
  makesFiles,
  type SecretSource,
  type SshSource,
  type Task,
  type TaskId,
  versionIdOf,
} from '../model/task.ts';

/** A task of a project with what decides its image. */
export interface ExportedTask {
  readonly task: Task;
  /** Undefined for a command. */
  readonly observed?: ObservedImage;
  /** The name that builds of dependents see. */
  readonly contentTag?: string;
}

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

interface ImageToExport extends ExportedTask {
  readonly task: ImageTask;
  readonly observed: ObservedImage;
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

const contextSuffix = /-context$/;

/**
 * Returns the fields of a target that is only there for others. It has a tag of its own: buildx 0.13 stores it in a docker engine
 * nevertheless, without a tag under its digest, and docker 26 fails if two targets do that with equal images (`already exists`).
 */
function unpublished(tag: string): Json {
  return { tags: [tag], output: ['type=cacheonly'] };
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

interface BakeNames {
  readonly names: ReadonlyMap<TaskId, string>;
  readonly byId: ReadonlyMap<TaskId, ExportedTask>;
  readonly repo: string;
}

/** Returns the target of one version. The platforms of a version differ only in the digests of base images. */
function bakeTarget(platforms: readonly ImageToExport[], { names, byId, repo }: BakeNames): Json {
  const [{ task, observed }] = platforms as [ImageToExport, ...ImageToExport[]];
  const args: Record<string, string> = { ...task.args };
  const contexts: Record<string, string> = Object.fromEntries(
    Object.entries(task.contexts ?? {}).map(([name, source]) => [name, addressOf(source)]),
  );
  for (const { task: each, observed: own } of platforms)
    for (const { reference, digest, context, platform } of own.bases) {
      if (digest === undefined) continue;
      const pinned = `${withoutTag(reference)}@${digest}`;
      const name = context ?? reference;
      // A frontend is no image of a stage: contexts do not replace it.
      if (reference === own.frontend) args.BUILDKIT_SYNTAX ??= pinned;
      else if (platforms.length === 1 || platform === 'any') contexts[name] = `docker-image://${pinned}`;
      else contexts[`${name}::${normalizePlatform(each.platform)}`] = `docker-image://${pinned}`;
    }
  const images = task.needs.filter(({ kind }) => kind === 'image');
  const references = new Map(
    images.flatMap(({ name, isReference, tasks: [id] }) => (isReference ? [[id!, name]] : [])),
  );
  for (const {
    name,
    isReference,
    tasks: [id],
  } of images) {
    // One context for one image, as far as the Dockerfile allows: buildx has trouble with two (see `separateTwins`).
    const used = isReference ? name : (references.get(id!) ?? byId.get(id!)?.contentTag ?? id!);
    if (!isReference) args[name] = used;
    contexts[used] = `target:${names.get(id!)}`;
  }
  for (const { task: id, context } of observed.neededImages ?? [])
    if (context !== undefined) contexts[context] = `target:${names.get(id)}`;
  const tags = task.publish
    ? [...task.tags, ...task.aliases].map((tag) => `${repo}/${task.name}:${tag}`)
    : [];
  const { network, shmSize, ulimits = {}, cgroupParent, allow, addHosts = [], secrets, ssh = {} } = task;
  const { attest: { provenance, sbom } = {}, annotations = {} } = task;
  return filled({
    context: task.context,
    ...(task.dockerfileText === undefined
      ? { dockerfile: relativePath(task.context, task.dockerfile) }
      : { 'dockerfile-inline': task.dockerfileText }),
    target: task.target,
    args,
    contexts,
    labels: { ...task.volatileLabels, ...task.labels },
    tags,
    platforms: platforms.map((each) => each.task.platform),
    network: network === 'default' ? undefined : network,
    'extra-hosts': Object.fromEntries(addHosts.map((host) => host.split(/=(.*)/).slice(0, 2))),
    'shm-size': shmSize?.toString(),
    ulimits: Object.entries(ulimits).map(([name, limit]) => `${name}=${limit}`),
    'cgroup-parent': cgroupParent,
    entitlements: allow,
    secret: Object.entries(secrets).map(([id, source]) => secretText(id, source)),
    attest: [
      ...(provenance === undefined ? [] : [`type=provenance,mode=${provenance}`]),
      ...(sbom === undefined ? [] : [sbom === true ? 'type=sbom' : `type=sbom,generator=${sbom}`]),
    ],
    annotations: Object.entries(annotations).map(([name, value]) => `${name}=${value}`),
    ssh: Object.entries(ssh).map(([id, source]) => sshText(id, source)),
    ...(makesFiles(task)
      ? { output: [`type=local,dest=out/${names.get(task.id)}`] }
      : task.publish
        ? {}
        : unpublished(`${repo}/${task.name}:${asTag(task.version)}-context`)),
  });
}

/** Bake looks for a Dockerfile from its context. */
function relativePath(context: string, file: string): string {
  const [from, to] = [context, file].map((each) =>
    each.split('/').filter((part) => part !== '' && part !== '.'),
  ) as [string[], string[]];
  let common = 0;
  while (common < from.length && from[common] === to[common]) common++;
  return [...from.slice(common).map(() => '..'), ...to.slice(common)].join('/');
}

function addressOf(source: ContextSource): string {
  return 'folder' in source
    ? source.folder
    : 'image' in source
      ? `docker-image://${source.image}`
      : source.git;
}

function secretText(id: string, source: SecretSource): string {
  return 'env' in source ? `id=${id},env=${source.env}` : `id=${id},src=${source.file}`;
}

function sshText(id: string, source: SshSource): string {
  return 'key' in source ? `${id}=${source.key}` : id;
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

/** Leaves out what is empty: it is the default. */
function filled(fields: Json): Json {
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) =>
        value !== undefined && (typeof value !== 'object' || Object.keys(value as object).length > 0),
    ),
  );
}

/** Bake evaluates `${…}` and `%{…}` in all texts of a JSON file, keys included. */
function escaped(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/\$(?=\{)/g, '$$$$').replace(/%(?=\{)/g, '%%');
  if (Array.isArray(value)) return value.map(escaped);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [escaped(name), escaped(each)]));
}
