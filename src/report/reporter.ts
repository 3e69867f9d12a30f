import type { RunEvent } from '../model/events.ts';
import { sanitized } from './sanitize.ts';

/** Follows a run and shows it. It never schedules, and never decides the exit code. */
export interface Reporter {
  listen(event: RunEvent): void;
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

export const silentReporter: Reporter = { listen: () => undefined, close: async () => undefined };

/** One event per line, as JSON. `write` gets each event. */
export function jsonReporter(write: (event: RunEvent) => void): Reporter {
  return { listen: write, close: async () => undefined };
}

/** A reporter of text: it gets events in which nothing can control a terminal. */
export function sanitizing(reporter: Reporter): Reporter {
  return { listen: (event) => reporter.listen(sanitized(event)), close: reporter.close };
}

/** Several that follow the same run. */
export function together(...reporters: readonly Reporter[]): Reporter {
  return {
    listen: (event) => {
      for (const reporter of reporters) reporter.listen(event);
    },
    close: async () => {
      for (const reporter of reporters) await reporter.close();
    },
  };
}
