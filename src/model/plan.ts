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
 * `not-needed`: no task to be built needs it. `unreadable`: its inputs cannot be read. `missing-file`: a file that its Dockerfile or
 * its command needs does not exist. `not-executable`: the program of its command cannot be executed. `no-emulator`: it runs programs
 * for a platform that the engine does not run. `need-blocked`: a task that it needs is blocked. Five are notes beside another reason:
 * `broken-test`: its test cannot run. `impure`: its result can change although no inputs change. `vague`: the key covers more than the
 * build uses. `suspect`: the build context may hold files by mistake, or a label or build arg contains the current commit or time.
 * `not-applied`: an engine builds it without its attestations and annotations.
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
  | 'missing-file'
  | 'not-executable'
  | 'broken-test'
  | 'need-blocked'
  | 'no-emulator'
  | 'not-applied';

/** One task's part of a plan. */
export interface Step {
  readonly task: Task;
  readonly action: Action;
  readonly reasons: readonly Reason[];
  readonly selected: boolean;
  /** Empty if the inputs could not be read (`blocked`). */
  readonly key: Key;
  readonly manifest?: Manifest;
  /** The record of the result that is reused. */
  readonly record?: TaskRecord;
  /** The image in the registry, if that is the result to use. */
  readonly remote?: RemoteImage;
  /** True if the registry records that the image passed its test. */
  readonly testPassed?: boolean;
  /** The digest of a different image under the content tag in the registry. That image is not used and may be overwritten. */
  readonly replacesDigest?: string;
  /** References to the image after the run. Empty for internal and unselected tasks. */
  readonly tags: readonly string[];
  /** Tags that this run sets on the image: run tags, and the content tag if it is missing. */
  readonly newTags: readonly string[];
  /** The immutable reference to the image in the engine; undefined for files. */
  readonly contentTag?: string;
  /** The immutable reference to the image in a registry; undefined for files. */
  readonly registryTag?: string;
  /** True if the build does not use BuildKit's cache: it is forced, or a new `maxAge` period has started. */
  readonly noCache: boolean;
  /** With `maxAge`, the builder node that built the task last. Builds on others do not use BuildKit's cache. */
  readonly cacheNode?: string;
  /** True if --force applies to the task. A result of another run is then not reused. */
  readonly forced: boolean;
  /** The existing result that the step replaces. */
  readonly outdatedRecord?: TaskRecord;
  /** How long the task took the last time, in milliseconds. */
  readonly expectedMs?: number;
  /** The size of the task's last result, in bytes. */
  readonly previousBytes?: number;
}

/** Steps for the selected tasks and everything they need, needs first. */
export interface Plan {
  readonly steps: ReadonlyMap<TaskId, Step>;
}

/** Counts the steps per action. */
export function countActions(plan: Plan): Record<Action, number> {
  const counts = Object.fromEntries(ACTIONS.map((action) => [action, 0])) as Record<Action, number>;
  for (const step of plan.steps.values()) counts[step.action]++;
  return counts;
}
