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
} from '../model/task.ts';

type Json = Record<string, unknown>;

/** A task of a project with what decides its image. */
export interface ExportedTask {
  readonly task: Task;
  /** Undefined for a command. */
  readonly observed?: ObservedImage;
  /** The name that builds of dependents see. */
  readonly contentTag?: string;
}

export interface ImageToExport extends ExportedTask {
  readonly task: ImageTask;
  readonly observed: ObservedImage;
}

interface BakeNames {
  readonly names: ReadonlyMap<TaskId, string>;
  readonly byId: ReadonlyMap<TaskId, ExportedTask>;
  readonly repo: string;
}

/** Returns the target of one version. The platforms of a version differ only in the digests of base images. */
export function bakeTarget(platforms: readonly ImageToExport[], { names, byId, repo }: BakeNames): Json {
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

export const contextSuffix = /-context$/;

/**
 * Returns the fields of a target that is only there for others. It has a tag of its own: buildx 0.13 stores it in a docker engine
 * nevertheless, without a tag under its digest, and docker 26 fails if two targets do that with equal images (`already exists`).
 */
export function unpublished(tag: string): Json {
  return { tags: [tag], output: ['type=cacheonly'] };
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
