import type { Clock, Watcher } from '../model/ports.ts';

/** Milliseconds without a change before it is looked: an editor saves in several steps, a checkout in thousands. */
const quiet = 100;

export interface WatchOptions {
  openWatcher(onChange: (path: string) => void): Watcher;
  /** Makes what is to be made and returns what is to be watched. `changed`: paths since the last look; none at first. */
  run(changed: readonly string[]): Promise<readonly string[]>;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly signal: AbortSignal;
}

/**
 * Looks, and looks again after each change, until the signal. A look is never cut short: what changes during one is seen by
 * the next.
 * @throws what `look` throws
 */
export async function watchAndRun({ openWatcher, run, clock, signal }: WatchOptions): Promise<void> {
  const changes = makeChanges(signal);
  const watcher = openWatcher(changes.add);
  try {
    while (!signal.aborted) {
      const isNew = await watcher.watch(await run(changes.take()));
      // Something may have changed after it was read and before it was watched.
      if (!isNew) await settled(changes, clock, signal);
    }
  } finally {
    await watcher.close();
  }
}

type Changes = ReturnType<typeof makeChanges>;

function makeChanges(signal: AbortSignal) {
  const paths = new Set<string>();
  let number = 0;
  let wake = (): void => undefined;
  signal.addEventListener('abort', () => wake(), { once: true });
  return {
    add(path: string): void {
      paths.add(path);
      number++;
      wake();
    },
    take(): string[] {
      const taken = [...paths];
      paths.clear();
      return taken;
    },
    /** How many came so far. */
    number: () => number,
    /** Resolves once there is one, or at the signal. */
    async any(): Promise<void> {
      if (paths.size === 0 && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}

async function settled(changes: Changes, clock: Pick<Clock, 'sleep'>, signal: AbortSignal): Promise<void> {
  await changes.any();
  try {
    for (let seen = -1; seen !== changes.number() && !signal.aborted; ) {
      seen = changes.number();
      await clock.sleep(quiet, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
