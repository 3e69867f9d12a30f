/** Time and chance; a port so that tests need neither. */
export interface Timing {
  /** Milliseconds since 1970. */
  now(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** From 0 to 1. */
  random(): number;
}

/** How long to go on. */
export interface RetryPolicy {
  readonly timing: Timing;
  readonly signal: AbortSignal;
  /** How often anything is tried at most, the first time included. */
  readonly tries: number;
}

/** Says that another try is worth it, after so many milliseconds at least. */
export class Retry {
  readonly waitMs: number;

  constructor(waitMs = 0) {
    this.waitMs = waitMs;
  }
}

const firstPauseMs = 300;

/** Tries until something comes of it, each time later. On the last try the attempt must give or throw something. */
export async function retry<T>(
  { timing, signal, tries }: RetryPolicy,
  attempt: (isLast: boolean) => Promise<T | Retry>,
): Promise<T> {
  for (let tried = 1; ; tried++) {
    const outcome = await attempt(tried >= tries);
    if (!(outcome instanceof Retry)) return outcome;
    const pause = firstPauseMs * 2 ** (tried - 1) * (0.5 + timing.random());
    await timing.sleep(Math.max(pause, outcome.waitMs), signal);
  }
}
