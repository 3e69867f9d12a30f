import { TasksError } from '../model/errors.ts';
import type { Plan } from '../model/plan.ts';
import type { Registry } from '../model/registry.ts';
import type { TaskId } from '../model/task.ts';
import { type Naming, repositoryOf } from '../plan/refs.ts';
import type { Results } from '../run/needs.ts';
import type { TargetTags } from './preflight.ts';
import { forEachLimit } from './tags.ts';

/** Everything that a release published. Consumers pin images by it, and `tasks verify` checks the registry against it. */
export interface ReleaseFile {
  /** The version of this format. */
  readonly schema: 1;
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
  /** One entry for each published image. */
  readonly images: readonly ReleasedImage[];
}

/** The state of the git repository that the images were built from. */
export interface GitState {
  /** The full commit hash. */
  readonly commit: string;
  /** True if there were changes that are not in that commit. */
  readonly dirty: boolean;
}

/** A published image. */
export interface ReleasedImage {
  readonly task: TaskId;
  /** The name of the definition. */
  readonly name: string;
  readonly version: string;
  /** The content key: SHA-256 in hex. */
  readonly key: string;
  /** The reference to pin, `repo/name@sha256:…`. */
  readonly image: string;
  /** The digest that the tags point to, `sha256:…`. */
  readonly digest: string;
  /** The image ID: the digest of the image's config, `sha256:…`. Null if it is not known. */
  readonly imageId: string | null;
  /** The platform, such as `linux/amd64`. */
  readonly platform: string;
  /** The tags, as references: `repo/name:tag`. */
  readonly tags: readonly string[];
  /** The aliases: references that move on to newer versions with later releases. */
  readonly aliases: readonly string[];
  /** The test that the image passed. Null if it has no test. */
  readonly test: PassedTest | null;
  /** How long the build took, in milliseconds. Null if it is not known, such as for an image that another machine built. */
  readonly buildMs: number | null;
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
  readonly digests: ReadonlyMap<TaskId, string>;
  readonly passed: ReadonlyMap<TaskId, string>;
  readonly targetTags: TargetTags;
  readonly naming: Naming;
  readonly git: GitState | undefined;
  readonly started: Date;
  readonly finished: Date;
}

/** Returns the release file of a push. */
export function makeReleaseFile(facts: ReleaseFacts): ReleaseFile {
  const { targetTags, naming } = facts;
  const images = [...targetTags.published].flatMap(([id, tags]): ReleasedImage[] => {
    const digest = facts.digests.get(id);
    const step = facts.plan.steps.get(id)!;
    const { task } = step;
    if (digest === undefined || task.kind !== 'image') return [];
    const test = facts.passed.get(id);
    const record = facts.results.get(id);
    const names = [...tags.keys()];
    return [
      {
        task: id,
        name: task.name,
        version: task.version,
        key: step.key,
        image: `${naming.repo}/${task.name}@${digest}`,
        digest,
        imageId: record?.imageId ?? null,
        platform: task.platform,
        tags: names.filter((name) => !targetTags.aliases.has(name)),
        aliases: names.filter((name) => targetTags.aliases.has(name)),
        test: test === undefined ? null : { passed: true, digest: test },
        buildMs: record?.durationMs || null,
      },
    ];
  });
  return {
    schema: 1,
    repo: naming.repo,
    suffix: naming.suffix,
    started: facts.started.toISOString(),
    finished: facts.finished.toISOString(),
    git: facts.git ?? null,
    images,
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
  if (value?.schema !== 1) throw invalid(`schema is ${JSON.stringify(value?.schema)}, expected 1`);
  const isImage = (image: Partial<ReleasedImage> | null): boolean =>
    typeof image?.task === 'string' &&
    typeof image.image === 'string' &&
    /^sha256:[0-9a-f]{64}$/.test(image.digest ?? '') &&
    [image.tags, image.aliases].every((names) => names?.every((name) => typeof name === 'string'));
  if (!Array.isArray(value.images) || !value.images.every(isImage))
    throw invalid('expected images to be a list of objects with task, image, digest, tags and aliases');
  return value as ReleaseFile;
}

/** The result of checking one name of a release file. */
export interface VerifiedName {
  readonly task: TaskId;
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
  const names = images.flatMap(({ task, image, digest, tags, aliases }) => [
    { task, name: `${repositoryOf(image)}@${digest}`, expected: digest, isAlias: false },
    ...tags.map((name) => ({ task, name, expected: digest, isAlias: false })),
    ...aliases.map((name) => ({ task, name, expected: digest, isAlias: true })),
  ]);
  const found = new Map<string, string | undefined>();
  await forEachLimit(names, async ({ name }) => void found.set(name, await registry.head(name)));
  return names.map((each): VerifiedName => {
    const now = found.get(each.name);
    return { ...each, ...(now !== undefined ? { found: now } : {}), ok: now === each.expected };
  });
}
