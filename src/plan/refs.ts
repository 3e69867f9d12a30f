import type { Key } from '../model/record.ts';
import type { Project, Task } from '../model/task.ts';

/** How references are named in a run. */
export interface Naming {
  /** `citus`, `registry.example:5000/team`. */
  readonly repo: string;
  /** Where the project keeps all content tags in one repository. */
  readonly cacheRepo?: string;
  /** What stands behind every tag: `-dev202611232030`, or nothing for a release. */
  readonly suffix: string;
  /** True where the suffix changes with the time of the run. */
  readonly timed: boolean;
}

/** The tags that a run gives to a task's image, `citus/extbuilder:16.13-dev202611232030`. */
export function runTags(task: Task, naming: Naming): string[] {
  if (!task.publish) return [];
  return task.tags.map((tag) => `${naming.repo}/${task.name}:${tag}${naming.suffix}`);
}

/** Those of an image's tags that a build or a release gave to a task under this repository, whenever it was. */
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

/** A host that cannot exist (RFC 2606): an image that is missing under it is never pulled from somewhere. */
const neutralHost = 'tasks.invalid';

/**
 * The immutable tag under which an engine keeps an image of this key. No repository is in it: it stands in the build args of
 * what is built on the image, and so in layers, which must not change with `--repo`.
 */
export function contentTag(task: Pick<Task, 'name' | 'version'>, key: Key): string {
  return `${neutralHost}/${task.name}:${versionTag(task, key)}`;
}

/** The immutable tag under which a registry keeps an image of this key. */
export function registryTag(task: Pick<Task, 'name' | 'version'>, key: Key, naming: Naming): string {
  const version = versionTag(task, key);
  if (naming.cacheRepo !== undefined)
    return `${naming.cacheRepo}:${task.name.replaceAll('/', '-')}-${version}`;
  return `${naming.repo}/${task.name}:${version}`;
}

function versionTag({ version }: Pick<Task, 'version'>, key: Key): string {
  return `${version.replaceAll('~', '')}-k${key.slice(0, 12)}`;
}

/** An engine's tag for one image of a key: its name holds the image's ID, so it never moves to another image. */
export function imageIdTag(content: string, imageId: string): string {
  return `${content}-i${imageId.replace(/^sha256:/, '').slice(0, 12)}`;
}

/** `-devYYYYmmddHHMM` in UTC. */
export function devSuffix(now: Date): string {
  return `-dev${now.toISOString().replace(/\D/g, '').slice(0, 12)}`;
}

/** The environment's settings over the project's, flags over both. */
export function resolveNaming(
  settings: { repo?: string | undefined; suffix?: string | undefined; release: boolean },
  project: Project,
  now: Date,
): Naming {
  const timed = settings.suffix === undefined && !settings.release;
  return {
    repo: settings.repo ?? project.repo ?? 'local',
    ...(project.cacheRepo !== undefined ? { cacheRepo: project.cacheRepo } : {}),
    suffix: settings.suffix ?? (settings.release ? '' : devSuffix(now)),
    timed,
  };
}

/** On which a test's pass is kept beside an image: `digest` is of the test's content and what it is told. */
export function testPassTag(content: string, digest: string): string {
  return `${content}-t${digest.slice(0, 12)}`;
}

/** `host:5000/team/app:1.0` → `host:5000/team/app`. */
export function repositoryOf(reference: string): string {
  return reference.replace(/@.*$/, '').replace(/:[^:/]*$/, '');
}

/** A reference as engines list it: without Docker Hub's host name. */
export function familiarName(reference: string): string {
  if (!reference.startsWith('docker.io/') && !reference.startsWith('index.docker.io/')) return reference;
  return reference.replace(/^(index\.)?docker\.io\/(library\/)?/, '');
}
