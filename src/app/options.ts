import type { Listener } from '../model/events.ts';

/** How the images of a run are named. */
export interface NameOptions {
  /** Wins over the `repo` of `project()`. */
  readonly repo?: string | undefined;
  /** Appended to every tag. Default: `-devYYYYmmddHHMM`, nothing for a release. */
  readonly suffix?: string | undefined;
  readonly release: boolean;
}

/** A builder: its name or address, and where that comes from, for messages. */
export interface BuilderName {
  readonly name: string;
  readonly origin: string;
}

/** What to plan. */
export interface PlanOptions {
  /** Empty: all published images, and every task that nothing needs. */
  readonly selectors: readonly string[];
  readonly names: NameOptions;
  /** Build the selected tasks from scratch. */
  readonly force: boolean;
  /** Wins over the `builder` of `project()`. */
  readonly builder?: BuilderName | undefined;
  /** Whether to look for content tags in the registry. With a builder they are looked for in any case. */
  readonly fromRegistry: boolean;
  readonly signal: AbortSignal;
}

/** How to run a plan. */
export interface RunOptions {
  /** How many tasks run at once. */
  readonly jobs: number;
  /** How many of each kind (`build`, `run`, `pull`, `upload`) run at once, where that is limited too. */
  readonly limits: Readonly<Record<string, number>>;
  /** After a failure, continue with tasks that don't depend on it. */
  readonly keepGoing: boolean;
  readonly signal: AbortSignal;
  readonly onEvent: Listener;
}
