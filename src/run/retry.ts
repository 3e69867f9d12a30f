import { type Clock, StepFailed } from '../model/ports.ts';
import { StepTimeout } from './timeout.ts';

/** Messages of programs after a failure of the network or a remote server. */
const networkErrors = [
  /could not resolve host|temporary failure (in name resolution|resolving)|no such host|server misbehaving/i,
  /connection (reset|refused|timed out)|ECONNRESET|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|broken pipe/i,
  /TLS handshake timeout|i\/o timeout|deadline exceeded|network is unreachable|no route to host|unexpected EOF/i,
  /(too many requests|toomanyrequests|502 bad gateway|503 service unavailable|504 gateway time-?out)/i,
  /unable to connect to|failed to fetch http|operation timed out|transfer closed with/i,
];

/** Instructions that may use the network. */
const usesNetwork = /^\[[^\]]*\] (FROM|RUN|ADD)\b/;

/**
 * Returns true for a failure that a retry may fix: the step can use the network, and its message or its last lines of output
 * mention a network error.
 */
export function isNetworkFailure(error: unknown, lines: readonly string[]): boolean {
  if (!(error instanceof StepFailed) || error instanceof StepTimeout) return false;
  const { step } = error.facts;
  if (step !== undefined && !usesNetwork.test(step)) return false;
  return networkErrors.some(
    (pattern) => pattern.test(error.message) || lines.some((line) => pattern.test(line)),
  );
}

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
