import type { Clock } from '../model/ports.ts';

/** Milliseconds before the first retry. The wait doubles with each retry, up to the maximum. */
const firstWaitMs = 5_000;
const maxWaitMs = 120_000;

export interface RetryOptions {
  /** The maximum number of retries. */
  readonly retries: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  shouldRetry(error: unknown): boolean;
  /** Called with a message before each wait. */
  onRetry(text: string): void;
}

/**
 * Calls `attempt`, and retries it after failures for which `shouldRetry` returns true.
 * @throws the last failure, or the signal's reason
 */
export async function withRetries<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let retried = 0; ; retried++) {
    try {
      return await attempt();
    } catch (error) {
      if (retried >= options.retries || options.signal.aborted || !options.shouldRetry(error)) throw error;
      const waitMs = Math.min(maxWaitMs, firstWaitMs * 2 ** retried);
      options.onRetry(
        `network failure: retrying in ${waitMs / 1000} s (retry ${retried + 1} of ${options.retries})`,
      );
      await options.clock.sleep(waitMs, options.signal);
    }
  }
}
