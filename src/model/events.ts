import type { Action, Reason } from './plan.ts';
import type { Axes, TaskId } from './task.ts';

/**
 * How a task ended. `built`: built, run, tested or uploaded. `reused`: its result was already here. `retagged`: only tags were
 * set. `pulled`: taken from the registry. `skipped`: nothing to do. `failed`: it was tried and did not succeed. `blocked`: not
 * tried, because its inputs could not be read or a task that it needs did not succeed. `cancelled`: stopped, or never started.
 */
export type Outcome =
  | 'built'
  | 'reused'
  | 'retagged'
  | 'pulled'
  | 'skipped'
  | 'failed'
  | 'blocked'
  | 'cancelled';

export const OUTCOMES: readonly Outcome[] = [
  'built',
  'reused',
  'retagged',
  'pulled',
  'skipped',
  'failed',
  'blocked',
  'cancelled',
];

/** How a run ended, or a part of it. `not-ready`: the machine, the engine or the registry failed, not a task. */
export type RunOutcome = 'ok' | 'failed' | 'not-ready' | 'interrupted';

/** @asType integer */
type Integer = number;

/** The number of tasks per outcome. */
export type Counts = Readonly<Record<Outcome, Integer>>;

/** Returns counts that are all zero. */
export function zeroCounts(): Record<Outcome, number> {
  return Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>;
}

/** What a phase does with a task: an action of the plan, `test` in the phase `test`, or `upload` in the phase `upload`. */
export type EventAction = Action | 'test' | 'upload';

/** A task that a run or a phase is about to work on. */
export interface PlannedTask {
  readonly id: TaskId;
  readonly action: EventAction;
  /** The tasks it needs directly. The phase `test` may leave them out. */
  readonly needs: readonly TaskId[];
  /** The duration of its last build, in milliseconds. Missing if there is none. */
  readonly expectedMs?: number;
  /** Why the task has its action: the first reason of the plan. Only in `run-started` and in the phase `build`. */
  readonly reason?: Reason;
  /** The size of its last result, in bytes. Missing if it is not known. Only in `run-started` and in the phase `build`. */
  readonly previousBytes?: Integer;
  /** True if the run is to test the image. Only in `run-started`. */
  readonly tested?: true;
  /** Its values on the axes of its definition's matrix. Only in `run-started`, and missing for a plain list of versions. */
  readonly axes?: Axes;
}

/**
 * The kind of a failure. `network`: a server could not be reached, was overloaded, or the connection to it failed. `registry`:
 * the registry has no such image, or an invalid one. `credentials`: the registry requires a login, or does not accept it.
 * `disk-full`: the disk of the engine or of this machine. `out-of-memory`: the kernel ended the program. `missing-file`: an
 * instruction names a file that does not exist. `not-executable`: a program, or its interpreter, could not be found or started.
 * `unknown-instruction`, `syntax`: the Dockerfile is wrong. `timeout`: the task took longer than its `timeout`. `lost`: the
 * engine could not be reached, was stopped, or does not respond.
 */
export type FailureCause =
  | 'network'
  | 'registry'
  | 'credentials'
  | 'disk-full'
  | 'out-of-memory'
  | 'missing-file'
  | 'not-executable'
  | 'unknown-instruction'
  | 'syntax'
  | 'timeout'
  | 'lost';

/** Why a task failed, and where to read more. */
export interface TaskFailure {
  readonly message: string;
  /** What kind of failure it is. Missing if that is not known. */
  readonly cause?: FailureCause;
  /** The failing build step, such as `[3/5] RUN make`. */
  readonly step?: string;
  /** The keyword of the failing instruction, in upper case: `RUN`. */
  readonly instruction?: string;
  /** The Dockerfile of the failing step, relative to the project root. */
  readonly file?: string;
  /** The first line of the failing instruction, from 1. */
  readonly line?: Integer;
  /** Its last line. */
  readonly endLine?: Integer;
  /** The text of these lines; of more than six, the first six. */
  readonly excerpt?: readonly string[];
  /** The exit code of the program that the step ran. */
  readonly exitCode?: Integer;
  /** The last lines of output: those of the failing step, if they are known. Secrets are replaced by `***`. */
  readonly lines?: readonly string[];
  /** Those of `lines` that came on standard error. Missing if that is not known. */
  readonly stderr?: readonly string[];
  /** The path of the complete log. */
  readonly log?: string;
}

/** A part of a task: step `3` of `5`, `RUN make`. It begins, has transferred bytes, or ends. */
export interface StepProgress {
  /** The number of the step, counted from 1. */
  readonly step?: Integer;
  /** The number of steps. */
  readonly steps?: Integer;
  /** The instruction, or what is being done. */
  readonly text: string;
  /** The line of the instruction in the Dockerfile. */
  readonly line?: Integer;
  /** The number of bytes that a running step has transferred. */
  readonly bytes?: Integer;
  /** How many there are, if that is known. */
  readonly totalBytes?: Integer;
  /** What the lines of the step begin with in `task-output`: `#7 `. Missing if its lines cannot be told from others. */
  readonly prefix?: string;
  /** How the step ended. Missing if it begins. A step whose end is not known only begins. */
  readonly ended?: 'done' | 'cached' | 'failed';
}

/** The phases of a run, in their order: `tasks build` has the first, `tasks test` the first two, `tasks push` all. */
export type Phase = 'build' | 'test' | 'upload' | 'publish';

interface Timed {
  /**
   * When it happened: ISO 8601 in UTC, with milliseconds.
   * @format date-time
   */
  readonly time: string;
}

interface TaskEvent extends Timed {
  readonly phase: Phase;
  readonly id: TaskId;
  /** The builder node that works on the task. Missing for work on this machine and in an engine. */
  readonly node?: string;
}

/** A run starts. It is the first event; a command is one run. */
export interface RunStarted extends Timed {
  readonly type: 'run-started';
  /** The command, such as `build` or `push`. */
  readonly command: string;
  /** The maximum number of tasks that run at the same time. */
  readonly jobs: Integer;
  /** Every task of the plan. A task comes after the tasks it needs. */
  readonly tasks: readonly PlannedTask[];
}

/** A phase starts. Phases do not overlap. */
export interface PhaseStarted extends Timed {
  readonly type: 'phase-started';
  readonly phase: Phase;
  /** The maximum number of tasks that the phase works on at the same time. */
  readonly jobs: Integer;
  /** The tasks of this phase. */
  readonly tasks: readonly PlannedTask[];
  /** The names of the builder nodes that work on them. Missing if this machine or an engine does. */
  readonly nodes?: readonly string[];
}

/**
 * Work on a task starts. A task without work, such as one that is up to date, only finishes. A task whose builder node was lost starts
 * a second time, on another node.
 */
export interface TaskStarted extends TaskEvent {
  readonly type: 'task-started';
  readonly action: EventAction;
}

/** A step of a task begins or ends. */
export interface TaskProgress extends TaskEvent, StepProgress {
  readonly type: 'task-progress';
}

/** A task printed a line. */
export interface TaskOutput extends TaskEvent {
  readonly type: 'task-output';
  /** The line, without its line break. Secrets are replaced by `***`. */
  readonly line: string;
}

/** A task is finished in this phase. */
export interface TaskFinished extends TaskEvent {
  readonly type: 'task-finished';
  readonly outcome: Outcome;
  /** How long it took, in milliseconds. */
  readonly ms: Integer;
  /** The image ID: the digest of the image's config, `sha256:…`. */
  readonly imageId?: string;
  /** The size of the image or of the files, in bytes. */
  readonly bytes?: Integer;
  /** The references under which the image is available. In the phase `publish`: those that are set in the registry. */
  readonly tags?: readonly string[];
  /** Why the task failed or is blocked. */
  readonly error?: TaskFailure;
}

/** A phase ends. All of its tasks have finished. */
export interface PhaseFinished extends Timed {
  readonly type: 'phase-finished';
  readonly phase: Phase;
  readonly ok: boolean;
  /** The number of tasks of this phase per outcome. */
  readonly counts: Counts;
  /** How long the phase took, in milliseconds. */
  readonly ms: Integer;
}

/** A run ends. It is the last event. */
export interface RunFinished extends Timed {
  readonly type: 'run-finished';
  readonly ok: boolean;
  /** The number of tasks of the plan per outcome. Each task counts once, whatever number of phases worked on it. */
  readonly counts: Counts;
  /** How long the run took, in milliseconds. */
  readonly ms: Integer;
}

/**
 * A fact that happened in a run. A run starts and finishes once, with its phases in between. Events of tasks belong to a
 * phase.
 */
export type RunEvent =
  | RunStarted
  | PhaseStarted
  | TaskStarted
  | TaskProgress
  | TaskOutput
  | TaskFinished
  | PhaseFinished
  | RunFinished;

/** An event without its time. */
export type EventBody = RunEvent extends infer E ? (E extends RunEvent ? Omit<E, 'time'> : never) : never;

/** Receives the events of a run. */
export type Listener = (event: RunEvent) => void;
