import type { Key, Manifest, TaskRecord } from './record.ts';
import type { RemoteImage } from './registry.ts';
import type { Task, TaskId } from './task.ts';

/**
 * What happens to a task. `build`: build the image. `run`: run the command. `pull`: pull the image from the registry. `retag`:
 * the registry has the image; only set its tags there. `reuse`: nothing, it is up to date. `skip`: nothing, it is not here, and
 * no task to be built needs it. `blocked`: it cannot be built; the reason says why.
 */
export type Action = 'reuse' | 'retag' | 'pull' | 'build' | 'run' | 'skip' | 'blocked';

export const ACTIONS: readonly Action[] = ['build', 'run', 'pull', 'retag', 'reuse', 'skip', 'blocked'];

/** Why a task has its action. */
export interface Reason {
  readonly code: ReasonCode;
  /** An explanation for people. Its wording may change. */
  readonly detail: string;
}

/**
 * A stable word for scripts. `up-to-date`: no inputs changed. `in-registry`: the registry has the image. `not-built`: not built
 * before. `changed`: inputs changed since the last build. `missing`: it was built, but its image or files are gone. `need-built`:
 * a task that it needs will be built. `need-image`: it was built with another image of a task that it needs. `forced`: `--force`.
 * `not-needed`: no task to be built needs it. `unreadable`: its inputs cannot be read. `need-blocked`: a task that it needs is
 * blocked. Three are notes beside another reason: `impure`: its result can change although no inputs change. `vague`: the key
 * covers more than the build uses. `suspect`: the build context may hold files by mistake.
 */
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
