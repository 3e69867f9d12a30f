/** The clock and random numbers, which tests replace. */
export interface Timing {
  /** Milliseconds since 1970. */
  now(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** From 0 to 1. */
  random(): number;
}

/** How often to retry. */
export interface RetryPolicy {
  readonly timing: Timing;
  readonly signal: AbortSignal;
  /** The maximum number of attempts, the first one included. */
  readonly tries: number;
}

/** Returned by an attempt that should be retried, after at least this many milliseconds. */
export class Retry {
  readonly waitMs: number;

  constructor(waitMs = 0) {
    this.waitMs = waitMs;
  }
}

const firstPauseMs = 300;

/** Calls `attempt` until it returns anything but a Retry, with growing pauses. The last attempt must return or throw. */
export async function retry<T>(
  { timing, signal, tries }: RetryPolicy,
  attempt: (isLast: boolean) => Promise<T | Retry>,
): Promise<T> {
  for (let count = 1; ; count++) {
    const result = await attempt(count >= tries);
    if (!(result instanceof Retry)) return result;
    const pause = firstPauseMs * 2 ** (count - 1) * (0.5 + timing.random());
    await timing.sleep(Math.max(pause, result.waitMs), signal);
  }
}
