import { StepFailed } from '../model/ports.ts';

/** A step exceeded its timeout. This is never a network failure, whatever its output says. */
export class StepTimeout extends StepFailed {
  constructor(ms: number) {
    super(`took longer than its timeout of ${ms / 1000} s`);
  }
}

/**
 * Calls `work` with a signal that also aborts after `ms` milliseconds, if given.
 * @throws StepTimeout; what `work` throws
 */
export async function withTimeout<T>(
  signal: AbortSignal,
  ms: number | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (ms === undefined) return await work(signal);
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(new StepTimeout(ms)), ms);
  try {
    return await work(AbortSignal.any([signal, timeout.signal]));
  } catch (error) {
    throw timeout.signal.aborted && !signal.aborted ? timeout.signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}
