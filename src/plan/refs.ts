import type { Key } from '../model/record.ts';
import type { ImageTask, Project, Task } from '../model/task.ts';

/** The repository and suffix that a run uses in references. */
export interface Naming {
  /** For example `citus` or `registry.example:5000/team`. */
  readonly repo: string;
  /** The repository for all content tags, if the project sets one. */
  readonly cacheRepo?: string;
  /** The repository for the build caches of builder nodes, if the project sets one. */
  readonly cacheTo?: string;
  /** Appended to every tag: `-dev202611232030`, or empty for a release. */
  readonly suffix: string;
  /** True if the suffix contains the time of the run. */
  readonly timed: boolean;
}

/**
 * Returns the tags that a run sets on a task's image in the engine, such as `citus/extbuilder:16.13-dev202611232030`: none for
 * another platform than that which counts there.
 */
export function runTags(task: Task, naming: Naming): string[] {
  return task.isSecondary ? [] : publishedTags(task, naming);
}

/** Returns the tags that a push sets for a task's version in the registry. */
export function publishedTags(task: Task, naming: Naming): string[] {
  if (!task.publish) return [];
  return task.tags.map((tag) => `${naming.repo}/${task.name}:${tag}${naming.suffix}`);
}

/** Returns those of an image's tags that some build or release set for a task in this repository. */
export function filterRunTags(tags: readonly string[], task: Task, { repo }: Naming): string[] {
  return tags.filter((tag) =>
    task.tags.some((each) => {
      const plain = familiarName(`${repo}/${task.name}:${each}`);
      return (
        tag === plain || (tag.startsWith(`${plain}-dev`) && /^\d{12}$/.test(tag.slice(plain.length + 4)))
      );
    }),
  );
}

/** A host that cannot exist (RFC 2606), so that a missing image is never pulled. */
const contentHost = 'tasks.invalid';

/**
 * Returns the immutable tag of an image in the engine. It contains no repository, because it appears in the build args and
 * layers of dependents, which must not change with `--repo`.
 */
export function contentTag(task: Pick<Task, 'name' | 'version'>, key: Key): string {
  return `${contentHost}/${task.name}:${versionTag(task, key)}`;
}

/** Returns the immutable tag of an image in a registry. */
export function registryTag(task: Pick<Task, 'name' | 'version'>, key: Key, naming: Naming): string {
  const version = versionTag(task, key);
  if (naming.cacheRepo !== undefined)
    return `${naming.cacheRepo}:${task.name.replaceAll('/', '-')}-${version}`;
  return `${naming.repo}/${task.name}:${version}`;
}

function versionTag({ version }: Pick<Task, 'version'>, key: Key): string {
  return `${version.replaceAll('~', '')}-k${key.slice(0, 12)}`;
}

/** The limit of registries and engines, in characters. */
export const maxTagLength = 128;

/**
 * Returns the tag of a task's build cache in a repository. Each platform has its own, since an export replaces what the tag had. Two
 * tasks may get the same one, for example `a-b:1` and `a:b-1`: they replace each other's cache, which costs time and no more.
 */
export function buildCacheTag(
  { name, version, platform }: Pick<ImageTask, 'name' | 'version' | 'platform'>,
  repository: string,
): string {
  const tag = [name, version.replaceAll('~', ''), platform].join('-').replaceAll('/', '-');
  return `${repository}:${tag.slice(0, maxTagLength)}`;
}

/** Returns an exact tag of an image in the engine. It contains a digest of the image, so it never moves to another image. */
export function exactTag(content: string, digest: string): string {
  return `${content}-i${digest.replace(/^sha256:/, '').slice(0, 12)}`;
}

/** Returns a tag that says which config digest an image has, for an image store that names images by other digests. */
export function configTag({ name }: Pick<Task, 'name'>, configDigest: string): string {
  return `${contentHost}/${name}:${configDigest.replace(':', '-')}`;
}

/** Returns the config digest that an image's tags say. The inverse of `configTag`. */
export function taggedConfigDigest(task: Pick<Task, 'name'>, tags: readonly string[]): string | undefined {
  const hex = tags
    .map((tag) => familiarName(tag))
    .filter((tag) => tag.startsWith(configTag(task, '')))
    .map((tag) => /:sha256-([0-9a-f]{64})$/.exec(tag)?.[1])
    .find((each) => each !== undefined);
  return hex === undefined ? undefined : `sha256:${hex}`;
}

/** Returns the suffix of dev tags, `-devYYYYmmddHHMM` in UTC. */
export function devSuffix(now: Date): string {
  return `-dev${now.toISOString().replace(/\D/g, '').slice(0, 12)}`;
}

/** Combines the settings of the command (from flags and environment) with those of the project, which they override. */
export function resolveNaming(
  settings: { repo?: string | undefined; suffix?: string | undefined; release: boolean },
  project: Project,
  now: Date,
): Naming {
  const timed = settings.suffix === undefined && !settings.release;
  return {
    repo: settings.repo ?? project.repo ?? 'local',
    ...(project.cacheRepo !== undefined ? { cacheRepo: project.cacheRepo } : {}),
    ...(project.cacheTo !== undefined ? { cacheTo: project.cacheTo } : {}),
    suffix: settings.suffix ?? (settings.release ? '' : devSuffix(now)),
    timed,
  };
}

/**
 * Returns the tag that records a passed test next to an image. `digest` is the digest of the test's content, args and version.
 */
export function testPassTag(content: string, digest: string): string {
  return `${content}-t${digest.slice(0, 12)}`;
}

/** Returns the repository of a reference: `host:5000/team/app` for `host:5000/team/app:1.0`. */
export function repositoryOf(reference: string): string {
  return reference.replace(/@.*$/, '').replace(/:[^:/]*$/, '');
}

/** Returns the name of an image by its digest: `host/team/app@sha256:…` for its tag `host/team/app:1.0`. */
export function nameByDigest(tag: string, digest: string): string {
  return `${repositoryOf(tag)}@${digest}`;
}

/** Returns a reference in Docker's familiar form: without the host name of Docker Hub. */
export function familiarName(reference: string): string {
  if (!reference.startsWith('docker.io/') && !reference.startsWith('index.docker.io/')) return reference;
  return reference.replace(/^(index\.)?docker\.io\/(library\/)?/, '');
}
