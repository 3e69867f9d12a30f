/** How long an engine may be silent, in milliseconds. */
export interface Timeouts {
  /** Before it answers a question, and between two parts of the answer. */
  readonly response: number;
  /** Before it has made a change: to remove a large image takes its time. */
  readonly change: number;
  /** Between two words of a download or an upload: layers are packed before the first byte moves. */
  readonly transfer: number;
  /** Before it has removed what an interrupt leaves; the reaper goes on with it. */
  readonly cleanup: number;
  /** Between two looks whether an engine still answers that is busy with something of no known length. */
  readonly pingInterval: number;
}

export const timeouts: Timeouts = {
  response: 20_000,
  change: 120_000,
  transfer: 900_000,
  cleanup: 5_000,
  pingInterval: 15_000,
};

/** An engine that takes the connection and says nothing. */
export class IdleTimeoutError extends Error {
  override readonly name = 'Silence';

  constructor(limitMs: number) {
    super(`no answer in ${limitMs / 1000} s`);
  }
}

/** Calls `onSilence` once nothing was heard for so long. `heard` begins anew, `stop` ends it. */
export function startIdleTimer(
  limitMs: number,
  onSilence: (error: IdleTimeoutError) => void,
): { heard(): void; stop(): void } {
  const timer = setTimeout(() => onSilence(new IdleTimeoutError(limitMs)), limitMs);
  return { heard: () => void timer.refresh(), stop: () => clearTimeout(timer) };
}
