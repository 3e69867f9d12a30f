import type { Clock } from '../model/ports.ts';

/** Calls `work` every `ms` milliseconds. Returns a function that stops that. */
export function startTicker(clock: Pick<Clock, 'sleep'>, ms: number, work: () => void): () => void {
  const stopped = new AbortController();
  const { signal } = stopped;
  const run = async (): Promise<void> => {
    for (;;) {
      try {
        await clock.sleep(ms, signal);
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      if (signal.aborted) return;
      work();
    }
  };
  void run();
  return () => stopped.abort();
}
