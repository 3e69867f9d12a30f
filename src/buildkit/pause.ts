/** Resolves after some milliseconds; after an abort it never does. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return;
    const stop = (): void => clearTimeout(timer);
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}

/**
 * Waits until Node has read what a stream had buffered when HTTP/2 started on it: Node 20 throws if the HTTP/2 session is destroyed
 * before (lib/internal/http2/core.js, "bytes already in buffer").
 */
export function nextTick(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
