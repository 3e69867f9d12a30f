import type { StepProgress } from './events.ts';
import type { FileEntry, ImageName, Observed, ObservedUnchanged } from './observed.ts';
import type { Owner } from './owner.ts';
import type { Key, Manifest, TaskRecord } from './record.ts';
import type { Credentials } from './registry.ts';
import type { SecretSource, Task, TaskId } from './task.ts';

/** The clock. Tests replace it to control time. */
export interface Clock {
  now(): Date;
  /** Resolves after `ms` milliseconds; rejects on abort. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** An image as the engine lists it. */
export interface EngineImage {
  /** `sha256:…`, the config digest. */
  readonly id: string;
  /** `repo/name:tag` in Docker's familiar form, without `docker.io/`. */
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly bytes: number;
  /** When the image was built, in milliseconds since 1970. A build found in a cache keeps its original time. */
  readonly created: number;
}

/** An entry of a build context and the file on disk that it is read from. */
export interface ContextEntry {
  readonly entry: FileEntry;
  /** The absolute path of the file; unused for other types. */
  readonly source: string;
}

export interface BuildRequest {
  readonly task: TaskId;
  /** Everything that the build can see, including the folders of needed files. Parents come before children. */
  readonly context: readonly ContextEntry[];
  /**
   * The Dockerfile. `source` is its absolute path; `digest` is checked before the build uses it. A copy in the context is never
   * rewritten.
   */
  readonly dockerfile: {
    readonly source: string;
    readonly digest: string;
    /** Rewrites the text after its digest was checked. Undefined: the text is built unchanged. */
    readonly rewrite?: (text: string) => Promise<string>;
  };
  readonly target?: string;
  readonly platform: string;
  readonly network: string;
  readonly args: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly noCache: boolean;
  /** By ID; files are absolute paths. Values never appear in output. */
  readonly secrets: Readonly<Record<string, SecretSource>>;
  /** An empty folder for the build's own use, as an absolute path. The caller removes it. */
  readonly work: string;
  /** The folder that the file system is exported to (`output: 'files'`). The image is then neither kept nor tagged. */
  readonly exportTo?: string;
}

/** Receives the progress of a running build or command. */
export interface Progress {
  /** Reports the start or end of a step. */
  step(progress: StepProgress): void;
  /** Reports one line of output, without its line ending. */
  line(line: string): void;
}

export interface BuiltImage {
  readonly imageId: string;
  readonly bytes: number;
  /** The steps that ran, that is, were not found in BuildKit's cache: `[3/5] RUN make`. */
  readonly ran: readonly string[];
}

/** The container engine. Every method throws a TasksError with exit code 3 if the engine is not reachable. */
export interface Engine {
  /** Checks that images can be built here. @throws TasksError exit 3 */
  ready(): Promise<void>;
  /** Returns the engine's version and what its built-in BuildKit supports. */
  abilities(): Promise<{ readonly version: string; readonly heredocs: boolean }>;
  /** Lists all images in one request. */
  images(): Promise<readonly EngineImage[]>;
  /** Returns whether an image has ONBUILD instructions; undefined if the engine does not have it for this platform. */
  triggers(reference: string, platform: string): Promise<boolean | undefined>;
  /**
   * Builds an image and verifies its labels; sets no tag. Returns undefined for exports.
   * @throws StepFailed; on abort, any error
   */
  build(request: BuildRequest, progress: Progress, signal: AbortSignal): Promise<BuiltImage | undefined>;
  /** Sets a tag on an image and removes it from any other image. */
  tag(imageId: string, reference: string): Promise<void>;
  /** Removes a tag, and the image if this is its last tag. Returns false if a container still uses the image. */
  untag(reference: string): Promise<boolean>;
  /** Runs an image's test in a temporary container. */
  test(request: TestRequest, progress: Progress, signal: AbortSignal): Promise<{ exitCode: number }>;
  /** Removes test containers whose owner no longer runs. */
  removeLeftoverTests(isGone: (owner: Owner) => boolean): Promise<void>;
  /**
   * Pushes the image under a tag to that tag's registry. Returns the digest of its manifest there, `sha256:…`.
   * @throws RegistryError `denied`, `unreachable`; StepFailed for other failures; on abort, any error
   */
  push(
    tag: string,
    credentials: Credentials | undefined,
    progress: Progress,
    signal: AbortSignal,
  ): Promise<string>;
  /** Pulls `repo@sha256:…`. Returns the image's ID in the engine. @throws like `push`, and RegistryError `missing` */
  pull(
    name: string,
    credentials: Credentials | undefined,
    progress: Progress,
    signal: AbortSignal,
  ): Promise<string>;
}

export interface TestRequest {
  readonly imageId: string;
  /** Copied to `/` in the container. */
  readonly files: readonly ContextEntry[];
  /** The program's path in the container. */
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
  /** The process that runs the test; a new owner for each run. */
  readonly owner: Owner;
}

/** A build or command that failed. `step` is the Dockerfile instruction that failed, if known. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
  readonly step: string | undefined;

  constructor(message: string, step?: string) {
    super(message);
    this.step = step;
  }
}

export interface CommandRequest {
  readonly task: TaskId;
  readonly argv: readonly [string, ...string[]];
  /** An absolute path. */
  readonly cwd: string;
  /** The complete environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** Runs programs. */
export interface Processes {
  /** Resolves when the program exits with 0. @throws StepFailed otherwise; on abort, after all its child processes have ended */
  run(request: CommandRequest, progress: Progress, signal: AbortSignal): Promise<void>;
}

/** Watches files for changes. */
export interface Watcher {
  /** Also watches these files, and these folders recursively. Resolves once they are watched, with false if they already were. */
  watch(paths: readonly string[]): Promise<boolean>;
  close(): Promise<void>;
}

/** Returns whether an image has ONBUILD instructions; undefined if neither the engine nor a registry could be queried. */
export type HasOnbuild = (reference: string, platform: string) => Promise<boolean | undefined>;

/** Reads the inputs of tasks. Tasks must be observed after everything they need. */
export interface Observer {
  /**
   * Returns the images that a task's Dockerfile names, except those named by digest. Returns none if the Dockerfile cannot be
   * read.
   */
  names(task: Task): Promise<readonly ImageName[]>;
  /** Returns the remembered key and notes of a task whose inputs and need keys have not changed; otherwise undefined. */
  recall(task: Task, needKeys: readonly Key[]): ObservedUnchanged | undefined;
  /** Reads a task's inputs. Returns undefined if its definition has an error, which `finish` throws. */
  observe(task: Task): Promise<Exclude<Observed, ObservedUnchanged> | undefined>;
  /** Remembers the key of the task that was observed last. */
  remember(task: Task, needKeys: readonly Key[], key: Key): void;
  /** Must be called after the last task. @throws DefinitionError (exit 2) with all errors */
  finish(): void;
}

/** The records of finished tasks. A file that cannot be read is set aside with a warning. */
export interface Records {
  get(keys: readonly Key[]): Promise<ReadonlyMap<Key, TaskRecord>>;
  put(record: TaskRecord, manifest: Manifest): Promise<void>;
  /**
   * Stores the manifest of a result that was built elsewhere. It explains a later change but does not make the result reusable.
   */
  noteExternalResult(record: TaskRecord, manifest: Manifest): Promise<void>;
  /** Updates the last-used time of results. Results that were not used for a long time are trimmed. */
  markUsed(keys: readonly Key[], now: Date): void;
  /** Returns the last record of each task, for explanations and expected durations. */
  latest(tasks: readonly TaskId[]): Promise<ReadonlyMap<TaskId, TaskRecord>>;
  manifest(key: Key): Promise<Manifest | undefined>;
}
