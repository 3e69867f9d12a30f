import type { RunEvent } from '../model/events.ts';

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

/** One event per line, as JSON. */
export function jsonReporter(write: Write): Reporter {
  return { listen: (event) => write(`${JSON.stringify(event)}\n`), close: async () => undefined };
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
