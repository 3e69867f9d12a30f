import type { ExitCode } from '../model/errors.ts';
import type { RunOutcome } from '../model/events.ts';

const exitCodes: Readonly<Record<RunOutcome, ExitCode>> = {
  ok: 0,
  failed: 1,
  'not-ready': 3,
  interrupted: 130,
};

/** Returns the exit code of a command whose run ended like this. */
export function exitCodeOf(outcome: RunOutcome): ExitCode {
  return exitCodes[outcome];
}
