/** A task's name and version joined by a colon, `extbuilder:16.13`; unique in a graph. */
export type TaskId = string;

/** The coordinates of a task in its definition's matrix. A plain version list has the one axis `version`. */
export type Axes = Readonly<Record<string, string>>;

/** Where a definition stands, for messages: the file (relative to the project root) and the export's name. */
export interface SourceLocation {
  readonly file: string;
  readonly name: string;
}

/** What a task needs under one name: one task, or several at once (`all`, files only). */
export interface Need {
  /** The build arg of an image need; the folder's name of a files need; the image's name of a reference. */
  readonly name: string;
  /** True: the Dockerfile names the needed task's image itself, as it is published; no build arg holds it. */
  readonly isReference?: true;
  /** What arrives: the needed image's tag, or a folder of files. */
  readonly kind: 'image' | 'files';
  /** True when several tasks are needed together: the folder then holds `<name>/<version>/…`. */
  readonly all: boolean;
  readonly tasks: readonly TaskId[];
}

/** Where a secret's value is: an environment variable, or a file (relative to the project root). */
export type SecretSource = { readonly env: string } | { readonly file: string };

interface TaskBase {
  readonly id: TaskId;
  readonly name: string;
  readonly version: string;
  readonly axes: Axes;
  readonly where: SourceLocation;
  readonly description?: string;
  readonly needs: readonly Need[];
  /** Order only: these run first when they are planned too; they add no task and no key. */
  readonly after: readonly TaskId[];
  /** Milliseconds after which the task is ended and counts as failed. */
  readonly timeoutMs?: number;
  /** How often it is tried again after failures of the network. */
  readonly retries: number;
  /** True: its failure blocks its dependents but does not fail the run. */
  readonly allowFailure: boolean;
  /** By id. Only the ids are ever in a key, a record or a log. */
  readonly secrets: Readonly<Record<string, SecretSource>>;
  /** Milliseconds after which a result is too old: the number of the period, counted from 1970, is in the key. */
  readonly maxAgeMs?: number;
}

/** A task that builds one container image (or exports a build's file system, `output: 'files'`). */
export interface ImageTask extends TaskBase {
  readonly kind: 'image';
  /** The context folder, relative to the project root. */
  readonly context: string;
  /** The Dockerfile, relative to the project root. */
  readonly dockerfile: string;
  readonly target?: string;
  readonly args: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly network: string;
  readonly platform: string;
  readonly output: 'image' | 'files';
  /** A test script, or a folder with an executable `run`; relative to the project root. */
  readonly test?: string;
  /** False: an internal image, never given a dev or release tag. */
  readonly publish: boolean;
  /** What stands after the colon of the tags, before the run's suffix. */
  readonly tags: readonly string[];
  /** Moving tags that a release sets too; they never go back to an older version. */
  readonly aliases: readonly string[];
}

/** A task that runs a program which leaves files in `$TASKS_OUT`. */
export interface CommandTask extends TaskBase {
  readonly kind: 'command';
  readonly run: readonly [string, ...string[]];
  /** Globs relative to the project root; the content of what they match is in the key. */
  readonly inputs: readonly string[];
  /** Names of environment variables that are passed on and keyed. */
  readonly env: readonly string[];
  readonly publish: false;
  readonly tags: readonly [];
}

export type Task = ImageTask | CommandTask;

/** True for a task whose result is a folder of files rather than an image. */
export function makesFiles(task: Task): boolean {
  return task.kind === 'command' || task.output === 'files';
}

/** All task ids that a task needs, in order, each once. */
export function needIds({ needs }: Task): readonly TaskId[] {
  // Asked many times a task; most have one need or none.
  if (needs.length === 0) return nothing;
  if (needs.length === 1) return needs[0]!.tasks;
  return [...new Set(needs.flatMap((need) => need.tasks))];
}

const nothing: readonly TaskId[] = [];

/** The immutable DAG of tasks, in an order in which each task stands after all it needs or runs after. */
export interface Graph {
  readonly tasks: ReadonlyMap<TaskId, Task>;
  /** Who needs a task directly (not `after`). */
  readonly dependents: ReadonlyMap<TaskId, readonly TaskId[]>;
}

/** What `project()` said, defaults filled in. */
export interface Project {
  readonly repo?: string;
  readonly cacheRepo?: string;
}
