import type { TaskId } from './task.ts';

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

export type Counts = Readonly<Record<Outcome, number>>;

/** What a run is about to do, for reporters. */
export interface PlannedTask {
  readonly id: TaskId;
  readonly action: string;
  readonly needs: readonly TaskId[];
  readonly expectedMs?: number;
}

/** Why a task failed, and where to read on. */
export interface TaskFailure {
  readonly message: string;
  /** The failing step, where there was one: `[3/5] RUN make`. */
  readonly step?: string;
  /** The last lines of output. */
  readonly lines?: readonly string[];
  /** Path of the complete log. */
  readonly log?: string;
}

/** A part of a task: `3` of `5`, `RUN make`. */
export interface StepProgress {
  readonly step?: number;
  readonly steps?: number;
  readonly text: string;
  /** How it ended; missing where it begins. Steps whose end cannot be told only begin. */
  readonly ended?: 'done' | 'cached' | 'failed';
}

/** The parts of a run, in their order: a build has the first, a test the first two, a push all. */
export type Phase = 'build' | 'test' | 'upload' | 'publish';

/** What every event of a task has. `time` is ISO 8601 in UTC. */
interface TaskEvent {
  readonly time: string;
  readonly phase: Phase;
  readonly id: TaskId;
}

/**
 * A fact that happened in a run. A command is one run: it starts and finishes once, with its phases between. Task events belong
 * to a phase. The counts of a run count each task of the plan once.
 */
export type RunEvent =
  | {
      readonly type: 'run-started';
      readonly time: string;
      readonly command: string;
      readonly jobs: number;
      readonly tasks: readonly PlannedTask[];
    }
  | {
      readonly type: 'phase-started';
      readonly time: string;
      readonly phase: Phase;
      readonly jobs: number;
      readonly tasks: readonly PlannedTask[];
    }
  | (TaskEvent & { readonly type: 'task-started'; readonly action: string })
  | (TaskEvent & { readonly type: 'task-progress' } & StepProgress)
  | (TaskEvent & { readonly type: 'task-output'; readonly line: string })
  | (TaskEvent & {
      readonly type: 'task-finished';
      readonly outcome: Outcome;
      readonly ms: number;
      readonly imageId?: string;
      readonly bytes?: number;
      readonly tags?: readonly string[];
      readonly error?: TaskFailure;
    })
  | {
      readonly type: 'phase-finished';
      readonly time: string;
      readonly phase: Phase;
      readonly ok: boolean;
      readonly counts: Counts;
      readonly ms: number;
    }
  | {
      readonly type: 'run-finished';
      readonly time: string;
      readonly ok: boolean;
      readonly counts: Counts;
      readonly ms: number;
    };

/** An event before the clock has stamped it. */
export type EventBody = RunEvent extends infer E ? (E extends RunEvent ? Omit<E, 'time'> : never) : never;

/** Whoever follows a run. */
export type Listener = (event: RunEvent) => void;
