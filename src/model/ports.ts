import type { StepProgress } from './events.ts';
import type { FileEntry, ImageName, Observed, ObservedUnchanged } from './observed.ts';
import type { Owner } from './owner.ts';
import type { Key, Manifest, TaskRecord } from './record.ts';
import type { Credentials } from './registry.ts';
import type { SecretSource, Task, TaskId } from './task.ts';

/** The time; a port so that tests can hold it still and let it pass. */
export interface Clock {
  now(): Date;
  /** Resolves after so many milliseconds; rejects on abort. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** An image as the engine lists it. */
export interface EngineImage {
  /** `sha256:…`, the config digest. */
  readonly id: string;
  /** `repo/name:tag`, as the engine shortens them. */
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly bytes: number;
  /** When it was built, milliseconds since 1970; a build found in a cache keeps its first time. */
  readonly created: number;
}

/** An entry of a build context and the file on disk that it is read from. */
export interface ContextEntry {
  readonly entry: FileEntry;
  /** Absolute path of a file's bytes; unused for other types. */
  readonly source: string;
}

export interface BuildRequest {
  readonly task: TaskId;
  /** Everything that the build may see, need folders included; parents before children. */
  readonly context: readonly ContextEntry[];
  /** The Dockerfile, by its absolute path. It is in the context where it is one of its entries, as it stands there. */
  readonly dockerfile: {
    readonly source: string;
    readonly digest: string;
    /** Makes what is built of the text, once that was found to be what was hashed. Undefined: it is built as it is. */
    readonly rewrite?: (text: string) => Promise<string>;
  };
  readonly target?: string;
  readonly platform: string;
  readonly network: string;
  readonly args: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly noCache: boolean;
  /** By id; files are absolute paths. Their values are never told to anyone. */
  readonly secrets: Readonly<Record<string, SecretSource>>;
  /** An empty folder for the build's own use, absolute; the caller removes it. */
  readonly work: string;
  /** Where the file system is exported to (`output: 'files'`); the image is then neither kept nor tagged. */
  readonly exportTo?: string;
}

/** What a running build or command tells. */
export interface Progress {
  /** A step began, or ended. */
  step(progress: StepProgress): void;
  /** One line of output, without its line end. */
  line(line: string): void;
}

export interface BuiltImage {
  readonly imageId: string;
  readonly bytes: number;
  /** The steps that were carried out, not found in BuildKit's cache: `[3/5] RUN make`. */
  readonly ran: readonly string[];
}

/** What builds and keeps images. Every method throws a TasksError with exit code 3 when the engine is gone. */
export interface Engine {
  /** Throws a TasksError with exit code 3, and what to do, where images cannot be built here. */
  ready(): Promise<void>;
  /** What its own BuildKit can do. */
  abilities(): Promise<{ readonly version: string; readonly heredocs: boolean }>;
  /** All images in one call. */
  images(): Promise<readonly EngineImage[]>;
  /** Whether an image has instructions for what is built on it (ONBUILD); undefined where it is not here for this platform. */
  triggers(reference: string, platform: string): Promise<boolean | undefined>;
  /** Builds and verifies (labels as asked). Does not tag. Undefined for exports. Throws StepFailed; on abort anything. */
  build(request: BuildRequest, progress: Progress, signal: AbortSignal): Promise<BuiltImage | undefined>;
  /** Puts a tag on an image, replacing what it pointed at. */
  tag(imageId: string, reference: string): Promise<void>;
  /** Takes a tag away, and the image with its last one. False where a container still stands on it. */
  untag(reference: string): Promise<boolean>;
  /** Runs an image's test in a throw-away container. */
  test(request: TestRequest, progress: Progress, signal: AbortSignal): Promise<{ exitCode: number }>;
  /** Removes containers of tests whose owner is gone: nothing else ever would. */
  removeLeftoverTests(isGone: (owner: Owner) => boolean): Promise<void>;
  /**
   * Pushes what a tag points at to that tag's registry; returns the digest of its manifest there, `sha256:…`.
   * @throws RegistryError `denied`, `unreachable`; StepFailed for whatever else stops it; on abort anything
   */
  push(
    tag: string,
    credentials: Credentials | undefined,
    progress: Progress,
    signal: AbortSignal,
  ): Promise<string>;
  /** Pulls `repo@sha256:…`; returns the image's id in the engine. @throws as `push` does, `missing` too */
  pull(
    name: string,
    credentials: Credentials | undefined,
    progress: Progress,
    signal: AbortSignal,
  ): Promise<string>;
}

export interface TestRequest {
  readonly imageId: string;
  /** Put below `/` in the container. */
  readonly files: readonly ContextEntry[];
  /** The program inside the container. */
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
  /** Who runs it: an owner for each run of a test. */
  readonly owner: Owner;
}

/** A build or command that ended badly. `step` is the failing Dockerfile instruction where it is known. */
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
  /** Absolute path. */
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** Runs programs. */
export interface Processes {
  /** Resolves when it exits with 0; throws StepFailed otherwise, and on abort once all its children ended. */
  run(request: CommandRequest, progress: Progress, signal: AbortSignal): Promise<void>;
}

/** Tells of changes to files; opened with what is to be told. */
export interface Watcher {
  /** Watches these paths, too: files, and folders with all that is below. Resolves once it does; false: it did before. */
  watch(paths: readonly string[]): Promise<boolean>;
  close(): Promise<void>;
}

/** Says whether an image has instructions for what is built on it (ONBUILD); undefined where nobody could be asked. */
export type HasOnbuild = (reference: string, platform: string) => Promise<boolean | undefined>;

/** Observes tasks, each after all that it needs. */
export interface Observer {
  /** The images that a task's Dockerfile names, but for those that are named by digest. None where it cannot be read. */
  names(task: Task): Promise<readonly ImageName[]>;
  /** What is known of a task without reading it: it was observed before, its needs had these keys, and nothing has moved since. */
  recall(task: Task, needKeys: readonly Key[]): ObservedUnchanged | undefined;
  /** Reads what a task is made from. Undefined: its definition is at fault, which `done` tells. */
  observe(task: Task): Promise<Exclude<Observed, ObservedUnchanged> | undefined>;
  /** Remembers, of the task observed last, its key. */
  remember(task: Task, needKeys: readonly Key[], key: Key): void;
  /** To be called at the end. @throws DefinitionError (exit 2) with all faults */
  finish(): void;
}

/** What is remembered of finished tasks. Unreadable state is set aside with a warning, never trusted. */
export interface Records {
  get(keys: readonly Key[]): Promise<ReadonlyMap<Key, TaskRecord>>;
  put(record: TaskRecord, manifest: Manifest): Promise<void>;
  /**
   * Notes what a result was made from that another run or machine made. It explains a later change; it makes nothing reusable.
   */
  noteExternalResult(record: TaskRecord, manifest: Manifest): Promise<void>;
  /** Notes that results were used: what is not used for long is trimmed. */
  markUsed(keys: readonly Key[], now: Date): void;
  /** The last record of each task and its manifest, for explanations and expected durations. */
  latest(tasks: readonly TaskId[]): Promise<ReadonlyMap<TaskId, TaskRecord>>;
  manifest(key: Key): Promise<Manifest | undefined>;
}
