import { TasksError } from '../model/errors.ts';
import type { Plan } from '../model/plan.ts';
import type { Registry } from '../model/registry.ts';
import type { TaskId } from '../model/task.ts';
import { type Naming, repositoryOf } from '../plan/refs.ts';
import type { Results } from '../run/needs.ts';
import type { TargetTags } from './preflight.ts';
import { forEachLimit } from './tags.ts';

/** A complete list of what a release published. Consumers pin digests from it; `tasks verify` checks the registry against it. */
export interface ReleaseFile {
  readonly schema: 1;
  readonly repo: string;
  /** The suffix of every tag; empty for a release. */
  readonly suffix: string;
  /** ISO 8601, UTC. */
  readonly started: string;
  readonly finished: string;
  /** Null if the project is not in a git repository. */
  readonly git: GitState | null;
  readonly images: readonly ReleasedImage[];
}

export interface GitState {
  readonly commit: string;
  /** True if there were uncommitted changes. */
  readonly dirty: boolean;
}

export interface ReleasedImage {
  readonly task: TaskId;
  readonly name: string;
  readonly version: string;
  readonly key: string;
  /** The reference to pin, `repo/name@sha256:…`. */
  readonly image: string;
  /** The manifest's digest. */
  readonly digest: string;
  /** The config's digest. */
  readonly imageId: string | null;
  readonly platform: string;
  /** `repo/name:tag` */
  readonly tags: readonly string[];
  readonly aliases: readonly string[];
  /** The SHA-256 of the test that the image passed; null if it has no test. */
  readonly test: { readonly passed: true; readonly digest: string } | null;
  /** How long the build took, in milliseconds; null if unknown. */
  readonly buildMs: number | null;
}

export interface ReleaseFacts {
  readonly plan: Plan;
  readonly results: Results;
  readonly digests: ReadonlyMap<TaskId, string>;
  readonly passed: ReadonlyMap<TaskId, string>;
  readonly wanted: TargetTags;
  readonly naming: Naming;
  readonly git: GitState | undefined;
  readonly started: Date;
  readonly finished: Date;
}

/** Returns the release file of a push. */
export function makeReleaseFile(facts: ReleaseFacts): ReleaseFile {
  const { wanted: targetTags, naming } = facts;
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
      hint: 'tasks push --release writes one and prints its path',
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
