import type { Key, Manifest, TaskRecord } from './record.ts';
import type { RemoteImage } from './registry.ts';
import type { Task, TaskId } from './task.ts';

/** `reuse`: it is here. `retag`, `pull`: the registry has it. `skip`: not here, and nothing that will be done needs it. */
export type Action = 'reuse' | 'retag' | 'pull' | 'build' | 'run' | 'skip' | 'blocked';

export const ACTIONS: readonly Action[] = ['build', 'run', 'pull', 'retag', 'reuse', 'skip', 'blocked'];

/** Why a step is what it is. Codes are stable words for scripts; details are for people. */
export interface Reason {
  readonly code: ReasonCode;
  readonly detail: string;
}

export type ReasonCode =
  | 'up-to-date'
  | 'in-registry'
  | 'not-built'
  | 'changed'
  | 'missing'
  | 'need-built'
  | 'need-image'
  | 'forced'
  | 'impure'
  | 'vague'
  | 'suspect'
  | 'not-needed'
  | 'unreadable'
  | 'need-blocked';

/** One task's part of a plan. */
export interface Step {
  readonly task: Task;
  readonly action: Action;
  readonly reasons: readonly Reason[];
  readonly selected: boolean;
  /** Empty where the inputs could not be read (`blocked`). */
  readonly key: Key;
  readonly manifest?: Manifest;
  /** The record that makes it reusable. */
  readonly record?: TaskRecord;
  /** The image in the registry, where that is the one that counts. */
  readonly remote?: RemoteImage;
  /** True: the registry says that its test has passed. */
  readonly testPassed?: boolean;
  /** The digest of another image under its content tag in the registry, which does not count and may be overwritten. */
  readonly replacesDigest?: string;
  /** By these references the image can be used after the run; empty for internal and unselected tasks. */
  readonly tags: readonly string[];
  /** References that are to be put on the image: run tags, and the content tag where it is missing. */
  readonly newTags: readonly string[];
  /** The immutable reference under which the engine keeps the image; undefined for files. */
  readonly contentTag?: string;
  /** The immutable reference under which a registry keeps the image; undefined for files. */
  readonly registryTag?: string;
  /** True: made from nothing, without BuildKit's cache: forced, or in a new `maxAge` period. */
  readonly noCache: boolean;
  /** True: it was asked for with --force, and no result of another run is taken instead. */
  readonly forced: boolean;
  /** The result that was here when the plan was made, although the task is to be made. */
  readonly outdatedRecord?: TaskRecord;
  /** From the last time it was built or run, milliseconds. */
  readonly expectedMs?: number;
}

/** Steps for the selected tasks and all they need, in an order that respects needs. */
export interface Plan {
  readonly steps: ReadonlyMap<TaskId, Step>;
}
