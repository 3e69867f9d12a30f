/**
 * A task's name and version joined by a colon, such as `extbuilder:16.13`, and its platform if the version has several,
 * `extbuilder:16.13@linux/arm64`; unique in a graph.
 */
export type TaskId = string;

/**
 * Returns a task's name and version, without its platform: what keys, labels and tags call it, so that another platform changes
 * nothing for the first one.
 */
export function versionIdOf(id: TaskId): string {
  const at = id.indexOf('@');
  return at < 0 ? id : id.slice(0, at);
}

/** A task's values on the axes of its definition's matrix. A plain version list has one axis, `version`. */
export type Axes = Readonly<Record<string, string>>;

/** The location of a definition, for messages: the file (relative to the project root) and the export's name. */
export interface SourceLocation {
  readonly file: string;
  readonly name: string;
}

/** One entry of a task's `needs`: one task or, with `all` (files only), several. */
export interface Need {
  /** The build arg of an image need, the folder of a files need, or the image name of a reference. */
  readonly name: string;
  /** True if the Dockerfile uses the needed image by its published name instead of a build arg. */
  readonly isReference?: true;
  /** What the task gets: the tag of an image, or a folder of files. */
  readonly kind: 'image' | 'files';
  /** True if several tasks are needed together. The folder then contains `<name>/<version>/…`. */
  readonly all: boolean;
  readonly tasks: readonly TaskId[];
}

/** The source of a secret's value: an environment variable, or a file (relative to the project root). */
export type SecretSource = { readonly env: string } | { readonly file: string };

/** The source of a named context: a folder (relative to the project root), an image, or a git address. */
export type ContextSource =
  | { readonly folder: string }
  | { readonly image: string }
  | { readonly git: string };

/** What is attested of an image: `sbom` is true for the scanner of BuildKit, or names a scanner image. */
export interface Attestations {
  readonly provenance?: 'min' | 'max';
  readonly sbom?: true | string;
}

/** An SSH agent for a build: the user's own, or one with a single private key (a file, relative to the project root). */
export type SshSource = { readonly agent: true } | { readonly key: string };

interface TaskBase {
  readonly id: TaskId;
  readonly name: string;
  readonly version: string;
  /**
   * True if the version has another platform that counts where none is asked for: that of this machine, or else the first one. Run
   * tags in an engine are for that one.
   */
  readonly isSecondary?: true;
  readonly axes: Axes;
  readonly where: SourceLocation;
  readonly description?: string;
  readonly needs: readonly Need[];
  /** For order only: these tasks run first if they are in the plan. They add no tasks and do not change the key. */
  readonly after: readonly TaskId[];
  /** The time limit in milliseconds, after which the task is stopped and fails. */
  readonly timeoutMs?: number;
  /** How many times the task is retried after network failures. */
  readonly retries: number;
  /** True if a failure blocks the dependents but does not fail the run. */
  readonly allowFailure: boolean;
  /** By ID. Keys, records and logs contain only the IDs. */
  readonly secrets: Readonly<Record<string, SecretSource>>;
  /** The maximum age of a result in milliseconds. The number of the current period, counted from 1970, is part of the key. */
  readonly maxAgeMs?: number;
}

/** A task that builds a container image or, with `output: 'files'`, exports its file system. */
export interface ImageTask extends TaskBase {
  readonly kind: 'image';
  /** The context folder, relative to the project root. */
  readonly context: string;
  /** The Dockerfile, relative to the project root. If it has a text, a name for messages that no file has. */
  readonly dockerfile: string;
  /** The text of a Dockerfile that the definition itself contains; undefined for a file. */
  readonly dockerfileText?: string;
  readonly target?: string;
  readonly args: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Labels that are set on what is built and that are not part of the key. None of them is in `labels`. */
  readonly volatileLabels?: Readonly<Record<string, string>>;
  readonly network: string;
  /** More build contexts, by their names as `contextName` returns them. */
  readonly contexts?: Readonly<Record<string, ContextSource>>;
  /** `name=address` */
  readonly addHosts?: readonly string[];
  /** The size of /dev/shm in bytes. */
  readonly shmSize?: number;
  /** By the name of the limit: `soft:hard`. */
  readonly ulimits?: Readonly<Record<string, string>>;
  readonly cgroupParent?: string;
  /** Entitlements that RUN instructions may use: `network.host`, `security.insecure`. */
  readonly allow?: readonly string[];
  /** By ID. Keys contain only the IDs. */
  readonly ssh?: Readonly<Record<string, SshSource>>;
  /** Made by a builder when it builds the image, and in no key. */
  readonly attest?: Attestations;
  /** Set on the image's manifest by a builder when it builds the image, and in no key. */
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform: string;
  readonly output: 'image' | 'files';
  /** A test script or a folder with an executable `run`, relative to the project root. */
  readonly test?: string;
  /** False for an internal image, which gets no dev or release tags. */
  readonly publish: boolean;
  /** The tags, without the repository and the run's suffix. */
  readonly tags: readonly string[];
  /** Moving tags that a release also sets. They never move back to an older version. */
  readonly aliases: readonly string[];
}

/** A task that runs a program, which writes files to `$TASKS_OUT`. */
export interface CommandTask extends TaskBase {
  readonly kind: 'command';
  readonly run: readonly [string, ...string[]];
  /** Globs relative to the project root. The contents of the matched files are part of the key. */
  readonly inputs: readonly string[];
  /** Names of environment variables that are passed on and are part of the key. */
  readonly env: readonly string[];
  /** The platform that its files are for; undefined if they serve every platform. */
  readonly platform?: string;
  readonly publish: false;
  readonly tags: readonly [];
}

export type Task = ImageTask | CommandTask;

/** Returns a task's values on the axes of a matrix; undefined if its definition has a plain list of versions. */
export function matrixAxes({ axes, version }: Pick<Task, 'axes' | 'version'>): Axes | undefined {
  const names = Object.keys(axes);
  return names.length === 1 && axes.version === version ? undefined : axes;
}

/** Returns true for a task whose result is a folder of files rather than an image. */
export function makesFiles(task: Task): boolean {
  return task.kind === 'command' || task.output === 'files';
}

/** Returns the IDs of all tasks that a task needs, in order, each once. */
export function needIds({ needs }: Task): readonly TaskId[] {
  // A hot path: it is called many times per task, and most tasks have at most one need.
  if (needs.length === 0) return nothing;
  if (needs.length === 1) return needs[0]!.tasks;
  return [...new Set(needs.flatMap((need) => need.tasks))];
}

const nothing: readonly TaskId[] = [];

/**
 * Returns what the records and labels of a task call one of its needs: its name and version. A task that needs a version for two
 * platforms names the other platform, too.
 */
export function needNameOf(task: Task, id: TaskId): string {
  const version = versionIdOf(id);
  if (version === id || needIds(task).filter((other) => versionIdOf(other) === version).length === 1)
    return version;
  const platform = id.slice(version.length + 1);
  return platform === task.platform ? version : `${version} for ${platform}`;
}

/** The immutable graph of tasks, ordered so that each task comes after its needs and `after`. */
export interface Graph {
  readonly tasks: ReadonlyMap<TaskId, Task>;
  /** The tasks that need a task directly (not through `after`). */
  readonly dependents: ReadonlyMap<TaskId, readonly TaskId[]>;
}

/** The settings from `project()`. */
export interface Project {
  readonly repo?: string;
  readonly cacheRepo?: string;
  /** What builds in place of the docker engine. */
  readonly builder?: string;
  /** The repository for the build caches of builder nodes. */
  readonly cacheTo?: string;
  /** Labels of all images that are not part of their keys. */
  readonly volatileLabels?: Readonly<Record<string, string>>;
  /** The profiles besides `default`; undefined if any name is a profile. */
  readonly profiles?: readonly string[];
}
