import type { RunEvent } from '../model/events.ts';
import { sanitizeEvent } from './sanitize.ts';

/** Shows the events of a run. A reporter has no influence on the run or its exit code. */
export interface Reporter {
  onEvent(event: RunEvent): void;
  /** Called once after the run. Resolves when everything is written. */
  close(): Promise<void>;
}

/** Writes text that includes its line ends. */
export type Write = (text: string) => void;

/** Functions that color text by its meaning. */
export interface Paint {
  good(text: string): string;
  bad(text: string): string;
  dim(text: string): string;
  bold(text: string): string;
  warn(text: string): string;
}

export const silentReporter: Reporter = { onEvent: () => undefined, close: async () => undefined };

/** Returns a reporter that passes each event to `write`, which prints it as a line of JSON. */
export function jsonReporter(write: (event: RunEvent) => void): Reporter {
  return { onEvent: write, close: async () => undefined };
}

/** Returns a reporter that removes terminal control sequences from events before it passes them on. */
export function sanitizingReporter(reporter: Reporter): Reporter {
  return { onEvent: (event) => reporter.onEvent(sanitizeEvent(event)), close: reporter.close };
}

/** Returns a reporter that passes each event to all of these, in order. */
export function combineReporters(...reporters: readonly Reporter[]): Reporter {
  return {
    onEvent: (event) => {
      for (const reporter of reporters) reporter.onEvent(event);
    },
    close: async () => {
      for (const reporter of reporters) await reporter.close();
    },
  };
}
