import type { BuilderNode } from './builder-node.ts';
import type { FailureCause, StepProgress } from './events.ts';
import type { FrontendVersion } from './frontend.ts';
import type { Output, OutputStream } from './last-lines.ts';
import type { FileEntry, ImageName, Observed, ObservedUnchanged } from './observed.ts';
import type { Owner } from './owner.ts';
import type { Key, Manifest, TaskRecord } from './record.ts';
import type { Credentials } from './registry.ts';
import type { Attestations, ImageTask, SecretSource, Task, TaskId } from './task.ts';

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

/** The Dockerfile of a build. */
export interface BuildDockerfile {
  /** The name of its file, which messages contain. */
  readonly name: string;
  readonly text: Uint8Array;
  /** Whether its syntax line selects a frontend. Otherwise the builder's own frontend reads it. */
  readonly selectsFrontend: boolean;
  /** Returns the lines of a step; undefined if it is not written in the file. */
  linesOf(step: DockerfileStep): LineRange | undefined;
}

/** A step as BuildKit numbers them, for example `[build 2/4] COPY . .`. */
export interface DockerfileStep {
  /** The name of its stage, or `stage-0` for the first one without a name; undefined if the Dockerfile has a single stage. */
  readonly stage?: string;
  /** The number of the step in its stage, from 1. */
  readonly number: number;
  /** The number of steps in its stage. */
  readonly total: number;
  /** Begins with the keyword. */
  readonly text: string;
}

/** The first and last line of a part of a file, from 1. */
export interface LineRange {
  readonly line: number;
  readonly endLine: number;
}

export interface BuildRequest {
  readonly task: TaskId;
  /** Everything that the build can see, including the folders of needed files. Parents come before children. */
  readonly context: readonly ContextEntry[];
  /** A copy of it in the context is an ordinary file. */
  readonly dockerfile: BuildDockerfile;
  /** Images in the engine to use in place of names in the Dockerfile: a reference by name. Needs the ability `namedContexts`. */
  readonly namedImages: Readonly<Record<string, string>>;
  /**
   * The named contexts of the definition, by name, or name and platform (`base::linux/amd64`): the entries of a folder, or the address
   * of an image or a git repository, `docker-image://…`. Needs the ability `namedContexts`.
   */
  readonly contexts?: Readonly<Record<string, readonly ContextEntry[] | string>>;
  readonly options?: BuildOptions;
  readonly target?: string;
  readonly platform: string;
  readonly network: string;
  readonly args: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly noCache: boolean;
  /** By ID; files are absolute paths. Values never appear in output. */
  readonly secrets: Readonly<Record<string, SecretSource>>;
  /**
   * The hosts of the registries that the build names images of: it gets logins for these only. Undefined: it cannot be told, and it gets
   * all that it asks for.
   */
  readonly registries?: readonly string[];
  /** The sockets of SSH agents, by ID. */
  readonly ssh?: Readonly<Record<string, string>>;
  /** The empty folder that the file system is exported to (`output: 'files'`). The image is then neither kept nor tagged. */
  readonly exportTo?: string;
  /**
   * The repository that a builder node pushes the image to, without a tag. A node that is told none only tells the digests of the image.
   * An engine keeps the image in its store.
   */
  readonly pushTo?: string;
  /** The tag in a registry that a builder node imports build caches from, and exports them to. Neither fails a build. */
  readonly cacheTag?: string;
  /** What a builder node attests of an image that it pushes. */
  readonly attest?: Attestations;
  /** The annotations of the manifest that a builder node pushes. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Options of RUN instructions. All but `addHosts` and `allow` need the ability `runLimits`. */
export type BuildOptions = {
  readonly [K in 'addHosts' | 'shmSize' | 'ulimits' | 'cgroupParent' | 'allow']?: ImageTask[K] | undefined;
};

/** What the BuildKit of an engine supports. */
export interface EngineAbilities {
  /** The version of the engine. */
  readonly version: string;
  /** The platform of its machine, which BuildKit's `BUILDPLATFORM` is: `linux/arm64`. */
  readonly platform: string;
  /** Its own Dockerfile frontend; undefined if that is not known. */
  readonly frontend?: FrontendVersion;
  /** Whether images can be put in place of names (`context:NAME`). */
  readonly namedContexts: boolean;
  /** Whether the size of /dev/shm, limits and the parent cgroup of RUN instructions can be set. */
  readonly runLimits: boolean;
}

/** Receives the progress of a running build or command. */
export interface Progress {
  /** Reports the start or end of a step. */
  step(progress: StepProgress): void;
  /** Reports one line of output, without its line ending, and the stream that a program wrote it to. */
  line(line: string, stream?: OutputStream): void;
}

export interface BuiltImage {
  /** The ID in the engine: the config digest, or in containerd's image store the digest of the manifest. A node's ID is the manifest's. */
  readonly imageId: string;
  /** The config digest, if it is known. */
  readonly configDigest?: string;
  /** The unpacked size. Zero if a node built it: the registry knows the size. */
  readonly bytes: number;
  /** The steps that ran, that is, were not found in BuildKit's cache: `[3/5] RUN make`. */
  readonly ran: readonly string[];
}

/**
 * Builds images and runs their tests: a docker engine, or a builder node. Every method throws a TasksError with exit code 3 if it is
 * not reachable.
 */
export interface Builder {
  /** Checks that images can be built here. @throws TasksError exit 3 */
  ready(): Promise<void>;
  /** Returns its version and what its built-in BuildKit supports. */
  abilities(): Promise<EngineAbilities>;
  /** Returns the platforms for which it can run programs, by emulation, too: `linux/arm64`. */
  platforms(): Promise<readonly string[]>;
  /** Returns whether it is configured to grant builds an entitlement, such as `security.insecure`. */
  grants(entitlement: string): Promise<boolean>;
  /**
   * Builds an image; sets no tag. Returns undefined for exports. An engine verifies the labels of what it has built.
   * @throws StepFailed; on abort, any error
   */
  build(request: BuildRequest, progress: Progress, signal: AbortSignal): Promise<BuiltImage | undefined>;
  /**
   * Runs an image's test, and keeps nothing of it.
   * @throws StepFailed if it cannot be started; on abort, any error
   */
  test(request: TestRequest, progress: Progress, signal: AbortSignal): Promise<TestResult>;
  /** Removes what is left of tests whose owner no longer runs. */
  removeLeftoverTests(isGone: (owner: Owner) => boolean): Promise<void>;
}

/**
 * Keeps images under tags, and moves them from and to registries. Every method throws a TasksError with exit code 3 if it is not
 * reachable.
 */
export interface ImageStore {
  /** Lists all images in one request. */
  images(): Promise<readonly EngineImage[]>;
  /** Returns the ID of the image that has a tag, or undefined. */
  resolve(tag: string): Promise<string | undefined>;
  /** Returns whether an image has ONBUILD instructions; undefined if the store does not have it for this platform. */
  triggers(reference: string, platform: string): Promise<boolean | undefined>;
  /** Sets a tag on an image and removes it from any other image. */
  tag(imageId: string, reference: string): Promise<void>;
  /** Removes a tag, and the image if this is its last tag. Returns false if a container still uses the image. */
  untag(reference: string): Promise<boolean>;
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
  /** Pulls `repo@sha256:…` for a platform. Returns the image's ID in the store. @throws like `push`, and RegistryError `missing` */
  pull(
    name: string,
    platform: string,
    credentials: Credentials | undefined,
    progress: Progress,
    signal: AbortSignal,
  ): Promise<string>;
}

/** A builder node that answers. What it builds goes to a registry: it keeps no images. */
export interface ConnectedNode extends BuilderNode {
  readonly builder: Builder;
}

/** A container engine: it builds, and keeps what it has built. */
export type Engine = Builder & ImageStore;

export interface TestRequest {
  /** The image's ID in the engine; for a builder node its name in a registry, `repo/name@sha256:…`. */
  readonly imageId: string;
  readonly platform: string;
  /** Copied to `/` in the container. */
  readonly files: readonly ContextEntry[];
  /** The program's path in the container. */
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
  /** The process that runs the test; a new owner for each run. */
  readonly owner: Owner;
}

export interface TestResult {
  readonly exitCode: number;
  /** True if the engine says that memory ran out. */
  readonly outOfMemory?: boolean;
}

/** What is known about a failed step. */
export interface StepFacts {
  /** Known by what noticed the failure; what a program of the user wrote may tell, too. */
  readonly cause?: FailureCause | undefined;
  /** The Dockerfile instruction that failed: `[3/5] RUN make`. */
  readonly step?: string | undefined;
  /** Its keyword, in upper case. */
  readonly instruction?: string | undefined;
  /** Its lines in the Dockerfile. */
  readonly lines?: LineRange | undefined;
  /** The text of these lines; of many, the first. */
  readonly excerpt?: readonly string[] | undefined;
  /** The exit code of its program. */
  readonly exitCode?: number | undefined;
  /** The last lines that the step wrote itself. Undefined if its output is not known apart from the rest. */
  readonly output?: Output | undefined;
  /** The path in the build context that the instruction did not find. */
  readonly missingPath?: string | undefined;
}

/** A build or command that failed. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
  readonly facts: StepFacts;

  constructor(message: string, facts: StepFacts = {}) {
    super(message);
    this.facts = facts;
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
  /** Returns the record that this machine has of a key now: another run may have written it since `get`. */
  current(key: Key): Promise<TaskRecord | undefined>;
  /** Stores a record. `isLatest`: whether it also becomes the task's last one; by default it does. */
  put(record: TaskRecord, manifest: Manifest, isLatest?: boolean): Promise<void>;
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
