/** How long to wait for the engine, in milliseconds. */
export interface Timeouts {
  /** For a query: until the response starts, and between two parts of it. */
  readonly response: number;
  /** For a change: removing a large image takes a while. */
  readonly change: number;
  /** Between two progress messages of a push or pull: layers are compressed before the first byte is sent. */
  readonly transfer: number;
  /** For removing a test container after an interrupt; after that the reaper removes it. */
  readonly cleanup: number;
  /** Between two liveness checks during work of unknown length. */
  readonly pingInterval: number;
}

export const timeouts: Timeouts = {
  response: 20_000,
  change: 120_000,
  transfer: 900_000,
  cleanup: 5_000,
  pingInterval: 15_000,
};

/** The engine accepted the connection but sent nothing in time. */
export class IdleTimeoutError extends Error {
  override readonly name = 'IdleTimeoutError';

  constructor(timeoutMs: number) {
    super(`no response in ${timeoutMs / 1000} s`);
  }
}

/** `performance` would load a module of Node that a run with nothing to do does not need. */
const uptimeMs = (): number => process.uptime() * 1000;

/**
 * Calls `onTimeout` unless `reset` or `stop` is called within `timeoutMs` milliseconds. `reset` restarts the timer. A timer that
 * fires late starts again: this process was busy, for example with hashing large files, and has not read what the engine sent.
 */
export function startIdleTimer(
  timeoutMs: number,
  onTimeout: (error: IdleTimeoutError) => void,
): { reset(): void; stop(): void } {
  let start = uptimeMs();
  const reset = (): void => {
    start = uptimeMs();
    timer.refresh();
  };
  const timer = setTimeout(() => {
    if (uptimeMs() - start > 1.5 * timeoutMs) reset();
    else onTimeout(new IdleTimeoutError(timeoutMs));
  }, timeoutMs);
  return { reset, stop: () => clearTimeout(timer) };
}
