import type { Memo } from '../incremental/memo.ts';
import type { Owner } from '../model/owner.ts';
import type { Clock, ConnectedNode, Engine, Processes, Records } from '../model/ports.ts';
import type { Credentials, Registry } from '../model/registry.ts';
import type { SshSource, TaskId } from '../model/task.ts';

/** An open log of a task. */
export interface Log {
  readonly path: string;
  line(text: string): void;
  close(): void;
}

export interface Logs {
  open(task: TaskId): Log;
}

/** Locks that keep two runs in one project from doing the same work at once. */
export interface Locks {
  /** Acquires the lock with this name, waiting for other holders. Returns a function that releases it. @throws on abort */
  acquire(name: string, signal: AbortSignal): Promise<() => Promise<void>>;
}

/** Builder nodes, and the registry that alone has their images. */
export interface RegistryMode {
  /** The nodes that build; none if nothing is to be built. */
  readonly nodes: readonly ConnectedNode[];
  /** Connects to the nodes, for tests: whether one has to run is known late. @throws TasksError exit 3 if none answers */
  connect(): Promise<readonly ConnectedNode[]>;
  readonly registry: Registry;
  /** The repository for the build caches of nodes, if they are kept. */
  readonly cacheTo?: string;
}

/** The services that running a plan needs. */
export interface Services {
  /** Undefined if the project builds no images. */
  readonly engine: Engine | undefined;
  /** What builds in place of the engine, and has the images; undefined if no builder is named. */
  readonly registryMode?: RegistryMode;
  readonly processes: Processes;
  readonly records: Records;
  readonly logs: Logs;
  readonly locks: Locks;
  /** Returns an identity of this process, for things that may outlive it. */
  newOwner(): Owner;
  /** Returns true if that process certainly no longer runs. */
  isGone(owner: Owner): boolean;
  /** The ID of the run, for its records. */
  readonly runId: string;
  readonly clock: Clock;
  readonly memo: Memo;
  /** The absolute path of the project root. */
  readonly root: string;
  readonly cacheFolder: string;
  /** Returns the credentials for the registry of an image name, for pushes and pulls by the engine. */
  credentials(name: string): Promise<Credentials | undefined>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Returns the socket of an SSH agent. Agents are started for the sources of the tasks that a run builds. */
  sshSocket(source: SshSource): string;
  /** Prints a warning. */
  warn(message: string): void;
}
