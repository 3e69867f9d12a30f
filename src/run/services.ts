import type { Memo } from '../incremental/memo.ts';
import type { Owner } from '../model/owner.ts';
import type { Clock, Engine, Processes, Records } from '../model/ports.ts';
import type { Credentials } from '../model/registry.ts';
import type { TaskId } from '../model/task.ts';

/** A task's log while it is written. */
export interface Log {
  readonly path: string;
  line(text: string): void;
  close(): void;
}

export interface Logs {
  open(task: TaskId): Log;
}

/** Keeps two runs in one project from making the same thing at once. */
export interface Locks {
  /** Waits until nobody else holds the lock of this name; the result releases it. @throws on abort */
  acquire(name: string, signal: AbortSignal): Promise<() => Promise<void>>;
}

/** What carrying out a plan needs from outside. */
export interface Services {
  /** Undefined where the project makes no images. */
  readonly engine: Engine | undefined;
  readonly processes: Processes;
  readonly records: Records;
  readonly logs: Logs;
  readonly locks: Locks;
  /** Names this process, for what would outlive it. */
  newOwner(): Owner;
  /** True where that process surely runs no more. */
  isGone(owner: Owner): boolean;
  readonly clock: Clock;
  readonly memo: Memo;
  /** Absolute. */
  readonly root: string;
  readonly cacheFolder: string;
  /** Who we are where an image's name points to; for the engine's uploads and downloads. */
  credentials(name: string): Promise<Credentials | undefined>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Tells the user something that is no error. */
  warn(message: string): void;
}
