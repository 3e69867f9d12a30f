import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import lockfile from 'proper-lockfile';

/** A lock whose owner has not renewed it for so long, milliseconds, belongs to a killed process. */
const stale = 10_000;
const retryEvery = 200;
const lockOptions = {
  realpath: false,
  stale,
  update: stale / 4,
  // Another run took over because this process was held up (suspended, say). Both then make the same thing: that costs
  // time, and records are whole either way.
  onCompromised: () => undefined,
};

/**
 * Locks between processes, by name, in a project's cache folder. `acquire` waits while another process holds the lock,
 * and takes over from one that was killed; `onWait` is called once when it has to wait.
 */
export function openLocks(cacheFolder: string, onWait: (name: string) => void) {
  const folder = path.join(cacheFolder, 'locks');
  return {
    async acquire(name: string, signal: AbortSignal): Promise<() => Promise<void>> {
      mkdirSync(folder, { recursive: true });
      const file = path.join(folder, name.slice(0, 16));
      for (let waited = false; ; waited = true) {
        signal.throwIfAborted();
        try {
          return await lockfile.lock(file, lockOptions);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
        }
        if (!waited) onWait(name);
        await delay(retryEvery, undefined, { signal });
      }
    },
  };
}
