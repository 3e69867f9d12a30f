import type { Clock } from '../../src/model/ports.ts';
import { settle } from './fake-engine.ts';

interface Sleeper {
  readonly until: number;
  readonly wake: () => void;
}

export interface ManualClock extends Clock {
  /** Lets time pass and wakes who sleeps, in order. */
  advance(ms: number): Promise<void>;
  /** How many sleep now. */
  sleeping(): number;
}

/** Returns a clock that stands still. `start`: ISO 8601. */
export function manualClock(start = '2026-01-01T00:00:00.000Z'): ManualClock {
  let now = Date.parse(start);
  const sleepers = new Set<Sleeper>();
  return {
    now: () => new Date(now),
    sleep: (ms, signal) =>
      new Promise<void>((resolve, reject) => {
        const sleeper = { until: now + ms, wake: resolve };
        sleepers.add(sleeper);
        signal.addEventListener('abort', () => {
          sleepers.delete(sleeper);
          reject(signal.reason);
        });
      }),
    async advance(ms) {
      const end = now + ms;
      for (;;) {
        const [next] = [...sleepers].sort((a, b) => a.until - b.until);
        if (next === undefined || next.until > end) break;
        now = next.until;
        sleepers.delete(next);
        next.wake();
        await settle();
      }
      now = end;
    },
    sleeping: () => sleepers.size,
  };
}
