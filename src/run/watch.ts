import type { Clock, Watcher } from '../model/ports.ts';

/** Milliseconds without a change before the next run: an editor saves in several steps, a checkout in thousands. */
const quietMs = 100;

export interface WatchOptions {
  openWatcher(onChange: (path: string) => void): Watcher;
  /** Runs, and returns the paths to watch. `changed` holds the paths that changed since the last run; empty at first. */
  run(changed: readonly string[]): Promise<readonly string[]>;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly signal: AbortSignal;
}

/**
 * Calls `run`, and again after each change, until the signal aborts. Changes during a run do not interrupt it but cause
 * another one.
 * @throws what `run` throws
 */
export async function watchAndRun({ openWatcher, run, clock, signal }: WatchOptions): Promise<void> {
  const changes = makeChanges(signal);
  const watcher = openWatcher(changes.add);
  try {
    while (!signal.aborted) {
      const isNew = await watcher.watch(await run(changes.take()));
      // A newly watched path may have changed after it was read, so run again.
      if (!isNew) await waitForChanges(changes, clock, signal);
    }
  } finally {
    await watcher.close();
  }
}

type Changes = ReturnType<typeof makeChanges>;

function makeChanges(signal: AbortSignal) {
  const paths = new Set<string>();
  let count = 0;
  let wake = (): void => undefined;
  signal.addEventListener('abort', () => wake(), { once: true });
  return {
    add(path: string): void {
      paths.add(path);
      count++;
      wake();
    },
    take(): string[] {
      const taken = [...paths];
      paths.clear();
      return taken;
    },
    /** Returns the number of changes so far. */
    count: () => count,
    /** Resolves when there is a change or the signal aborts. */
    async any(): Promise<void> {
      if (paths.size === 0 && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}

async function waitForChanges(
  changes: Changes,
  clock: Pick<Clock, 'sleep'>,
  signal: AbortSignal,
): Promise<void> {
  await changes.any();
  try {
    for (let seen = -1; seen !== changes.count() && !signal.aborted; ) {
      seen = changes.count();
      await clock.sleep(quietMs, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
