import { TasksError } from '../model/errors.ts';
import type { Plan } from '../model/plan.ts';
import type { Registry } from '../model/registry.ts';
import { schemas } from '../model/schemas.ts';
import { type ImageTask, type TaskId, versionIdOf } from '../model/task.ts';
import { type Naming, repositoryOf } from '../plan/refs.ts';
import type { Results } from '../run/needs.ts';
import type { TargetTags } from './preflight.ts';
import type { VersionRelease } from './releases.ts';
import { forEachLimit } from './tags.ts';

/** Everything that a release published. Consumers pin images by it, and `tasks verify` checks the registry against it. */
export interface ReleaseFile {
  /** The version of this format. Files of version 1, whose images have no `platforms`, are still read. */
  readonly schema: 2;
  /** The repository: registry and namespace, such as `registry.example.com/team`. */
  readonly repo: string;
  /** Appended to every tag. Empty for a release without `--suffix`. */
  readonly suffix: string;
  /**
   * When the command started: ISO 8601 in UTC, with milliseconds.
   * @format date-time
   */
  readonly started: string;
  /**
   * When everything was published: ISO 8601 in UTC, with milliseconds.
   * @format date-time
   */
  readonly finished: string;
  /** Null if the project is not in a git repository that has a commit, and for a push with a suffix. */
  readonly git: GitState | null;
  /** One entry for each published version. */
  readonly images: readonly ReleasedImage[];
}

/** The state of the git repository that the images were built from. */
export interface GitState {
  /** The full commit hash. */
  readonly commit: string;
  /** True if there were changes that are not in that commit. */
  readonly dirty: boolean;
}

/** A published image, or several for different platforms. */
export interface ReleasedImage {
  /** The name and the version, `name:version`. */
  readonly task: string;
  /** The name of the definition. */
  readonly name: string;
  readonly version: string;
  /** The content key: SHA-256 in hex. Null if there are several platforms. */
  readonly key: string | null;
  /** The reference to pin, `repo/name@sha256:…`. */
  readonly image: string;
  /** The digest that the tags point to, `sha256:…`: of an index if there are several platforms. */
  readonly digest: string;
  /** The image ID: the digest of the image's config, `sha256:…`. Null if it is not known, or if there are several platforms. */
  readonly imageId: string | null;
  /** The platform, such as `linux/amd64`. Null if there are several. */
  readonly platform: string | null;
  /** The images, by platform. */
  readonly platforms: Readonly<Record<string, PlatformImage>>;
  /** The tags, as references: `repo/name:tag`. */
  readonly tags: readonly string[];
  /** The aliases: references that move on to newer versions with later releases. */
  readonly aliases: readonly string[];
  /** The test that the image passed. Null if it has no test. */
  readonly test: PassedTest | null;
  /** How long the build took, in milliseconds. Null if it is not known, such as for an image that another machine built. */
  readonly buildMs: number | null;
}

/** The image for one platform. */
export interface PlatformImage {
  /** The digest of its manifest, or of what the tags point to if it is the only one: `sha256:…`. */
  readonly digest: string;
  /** The content key: SHA-256 in hex. */
  readonly key: string;
  /** The image ID. Null if it is not known. */
  readonly imageId: string | null;
}

/** A test that an image passed. */
export interface PassedTest {
  readonly passed: true;
  /** The SHA-256 of the test's files and of the values that it receives, in hex. */
  readonly digest: string;
}

export interface ReleaseFacts {
  readonly plan: Plan;
  readonly results: Results;
  /** What was published, by the task that has the tags of a version. */
  readonly releases: readonly VersionRelease[];
  readonly passed: ReadonlyMap<TaskId, string>;
  readonly targetTags: TargetTags;
  readonly naming: Naming;
  readonly git: GitState | undefined;
  readonly started: Date;
  readonly finished: Date;
}

/** Returns the release file of a push. */
export function makeReleaseFile(facts: ReleaseFacts): ReleaseFile {
  const { naming } = facts;
  return {
    schema: schemas.release,
    repo: naming.repo,
    suffix: naming.suffix,
    started: facts.started.toISOString(),
    finished: facts.finished.toISOString(),
    git: facts.git ?? null,
    images: facts.releases.map((release) => releasedImage(release, facts)),
  };
}

function releasedImage(
  { leader, digest, members }: VersionRelease,
  { plan, results, passed, targetTags, naming }: ReleaseFacts,
): ReleasedImage {
  const { name, version } = plan.steps.get(leader)!.task;
  const ids = [...members.keys()];
  const platforms = ids.map((id): [string, PlatformImage] => {
    const { task, key } = plan.steps.get(id)!;
    return [
      (task as ImageTask).platform,
      { digest: members.get(id)!, key, imageId: results.get(id)?.imageId ?? null },
    ];
  });
  const [platform, image] = platforms.length === 1 ? platforms[0]! : [null, null];
  const tests = ids.map((id) => passed.get(id));
  const builds = ids.map((id) => results.get(id)?.durationMs || null);
  const names = [...targetTags.published.get(leader)!.keys()];
  return {
    task: versionIdOf(leader),
    name,
    version,
    key: image?.key ?? null,
    image: `${naming.repo}/${name}@${digest}`,
    digest,
    imageId: image?.imageId ?? null,
    platform,
    platforms: Object.fromEntries(platforms),
    tags: names.filter((tag) => !targetTags.aliases.has(tag)),
    aliases: names.filter((tag) => targetTags.aliases.has(tag)),
    test: tests.every((test) => test !== undefined) ? { passed: true, digest: tests[0]! } : null,
    buildMs: builds.every((ms) => ms !== null) ? builds.reduce((sum, ms) => sum + ms!, 0) : null,
  };
}

/** Parses a release file. `file`: its path, for error messages. @throws TasksError exit 2 if it is not a release file */
export function parseReleaseFile(text: string, file: string): ReleaseFile {
  const invalid = (why: string): TasksError =>
    new TasksError(2, `${file} is not a release file: ${why}`, {
      hint: '`tasks push --release` writes one and prints its path',
    });
  let value: Partial<ReleaseFile> | null;
  try {
    value = JSON.parse(text) as Partial<ReleaseFile> | null;
  } catch (error) {
    throw invalid((error as Error).message);
  }
  const schema: unknown = value?.schema;
  if (value === null || (schema !== 1 && schema !== 2))
    throw invalid(`schema is ${JSON.stringify(schema)}, expected 1 or 2`);
  const isDigest = (digest: unknown): boolean => /^sha256:[0-9a-f]{64}$/.test(String(digest));
  const isImage = (image: Partial<ReleasedImage> | null): boolean =>
    typeof image?.task === 'string' &&
    typeof image.image === 'string' &&
    isDigest(image.digest) &&
    Object.values(image.platforms ?? {}).every((each) => isDigest(each?.digest)) &&
    [image.tags, image.aliases].every((names) => names?.every((name) => typeof name === 'string'));
  if (!Array.isArray(value.images) || !value.images.every(isImage))
    throw invalid('expected images to be a list of objects with task, image, digest, tags and aliases');
  const images = value.images.map((image) => ({ ...image, platforms: image.platforms ?? {} }));
  return { ...(value as ReleaseFile), schema: schemas.release, images };
}

/** Returns all digests that a release file names: those of tags, and those of the images in indexes. */
export function releasedDigests({ images }: ReleaseFile): string[] {
  const all = images.flatMap(({ digest, platforms }) => [
    digest,
    ...Object.values(platforms).map((each) => each.digest),
  ]);
  return [...new Set(all)];
}

/** The result of checking one name of a release file. */
export interface VerifiedName {
  readonly task: string;
  readonly name: string;
  readonly expected: string;
  /** The digest in the registry; undefined if the name does not exist. */
  readonly found?: string;
  readonly ok: boolean;
  /** True for an alias, which a later release may have moved. */
  readonly isAlias: boolean;
}

/** Checks every image digest and every tag of a release file against the registry. @throws RegistryError */
export async function verifyRelease(registry: Registry, { images }: ReleaseFile): Promise<VerifiedName[]> {
  const names = images.flatMap(namesOf);
  const found = new Map<string, string | undefined>();
  await forEachLimit(names, async ({ name }) => void found.set(name, await registry.head(name)));
  return names.map((each): VerifiedName => {
    const now = found.get(each.name);
    return { ...each, ...(now !== undefined ? { found: now } : {}), ok: now === each.expected };
  });
}

function namesOf(released: ReleasedImage): Omit<VerifiedName, 'found' | 'ok'>[] {
  const { task, image, digest, platforms, tags, aliases } = released;
  const digests = new Set([digest, ...Object.values(platforms).map((each) => each.digest)]);
  const at = (name: string, expected: string, isAlias = false) => ({ task, name, expected, isAlias });
  return [
    ...[...digests].map((each) => at(`${repositoryOf(image)}@${each}`, each)),
    ...tags.map((name) => at(name, digest)),
    ...aliases.map((name) => at(name, digest, true)),
  ];
}
