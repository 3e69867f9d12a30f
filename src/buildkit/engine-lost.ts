/**
 * Why an engine is lost.
 *
 * - `unreachable`: no connection could be made.
 * - `closed`: the connection ended during a build.
 * - `silent`: nothing was received for too long, not even a health check.
 * - `session`: the engine ended the session of the build.
 */
export type LossReason = 'unreachable' | 'closed' | 'silent' | 'session';

/** The engine cannot be reached, or is gone. It is no fault of the build. */
export class EngineLost extends Error {
  override readonly name = 'EngineLost';
  readonly reason: LossReason;

  constructor(reason: LossReason, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.reason = reason;
  }
}

/** Returns the loss of an engine whose connection ended before it answered. `reason`: what ended the connection, if that is known. */
export function connectionClosed(reason: Error | undefined, cause: unknown = reason): EngineLost {
  const message = reason?.message ?? 'the connection to the engine was closed during the build';
  return new EngineLost('closed', message, { cause });
}
