import { type Clock, StepFailed } from '../model/ports.ts';
import { StepTimeout } from './timeout.ts';

/** What programs say when the network, or a machine at its other end, failed them. */
const signs = [
  /could not resolve host|temporary failure (in name resolution|resolving)|no such host|server misbehaving/i,
  /connection (reset|refused|timed out)|ECONNRESET|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|broken pipe/i,
  /TLS handshake timeout|i\/o timeout|deadline exceeded|network is unreachable|no route to host|unexpected EOF/i,
  /(too many requests|toomanyrequests|502 bad gateway|503 service unavailable|504 gateway time-?out)/i,
  /unable to connect to|failed to fetch http|operation timed out|transfer closed with/i,
];

/** Instructions that may use the network; all others only touch what is here. */
const reachesOut = /^\[[^\]]*\] (FROM|RUN|ADD)\b/;

/**
 * True for a failure that may be gone when the same is tried again: of a step that can reach out, whose last words speak
 * of the network. `lines`: the last lines of its output.
 */
export function isNetworkFailure(error: unknown, lines: readonly string[]): boolean {
  if (!(error instanceof StepFailed) || error instanceof StepTimeout) return false;
  if (error.step !== undefined && !reachesOut.test(error.step)) return false;
  return signs.some((sign) => sign.test(error.message) || lines.some((line) => sign.test(line)));
}

/** Milliseconds before the first retry; each one after waits twice as long, up to the longest. */
const firstWait = 5_000;
const longestWait = 120_000;

export interface RetryOptions {
  /** How often it may be tried again. */
  readonly retries: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  shouldRetry(error: unknown): boolean;
  /** Told before each wait. */
  onRetry(text: string): void;
}

/** Carries something out, and again after failures that are worth it. @throws the last failure; the signal's reason */
export async function withRetries<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let tried = 0; ; tried++) {
    try {
      return await attempt();
    } catch (error) {
      if (tried >= options.retries || options.signal.aborted || !options.shouldRetry(error)) throw error;
      const wait = Math.min(longestWait, firstWait * 2 ** tried);
      options.onRetry(
        `the network failed it: again in ${wait / 1000} s (${tried + 1} of ${options.retries})`,
      );
      await options.clock.sleep(wait, options.signal);
    }
  }
}
