import type { RunEvent } from '../model/events.ts';
import { sanitizeEvent } from './sanitize.ts';

/** Follows a run and shows it. It never schedules, and never decides the exit code. */
export interface Reporter {
  onEvent(event: RunEvent): void;
  /** Called once after the run; resolves when everything is on the screen. */
  close(): Promise<void>;
}

/** Where a reporter writes; whole texts, line ends included. */
export type Write = (text: string) => void;

/** The colours that reporters use. */
export interface Paint {
  good(text: string): string;
  bad(text: string): string;
  dim(text: string): string;
  bold(text: string): string;
  warn(text: string): string;
}

export const silentReporter: Reporter = { onEvent: () => undefined, close: async () => undefined };

/** One event per line, as JSON. `write` gets each event. */
export function jsonReporter(write: (event: RunEvent) => void): Reporter {
  return { onEvent: write, close: async () => undefined };
}

/** A reporter of text: it gets events in which nothing can control a terminal. */
export function sanitizingReporter(reporter: Reporter): Reporter {
  return { onEvent: (event) => reporter.onEvent(sanitizeEvent(event)), close: reporter.close };
}

/** Several that follow the same run. */
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
