import { closeSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { TaskId } from '../model/task.ts';
import type { Warn } from './store.ts';

/** Logs that are kept of each task. */
const kept = 5;

/**
 * Opens a new log of a task, named by its time, and removes all but its newest. A line that cannot be written (a full
 * disk) is told once and ends the log, not the task.
 */
export function openLog(
  cacheFolder: string,
  task: TaskId,
  now: Date,
  warn: Warn,
): { path: string; line(text: string): void; close(): void } {
  const folder = logFolder(cacheFolder, task);
  mkdirSync(folder, { recursive: true });
  for (const old of logsOf(cacheFolder, task).slice(kept - 1)) rmSync(old, { force: true });
  const file = path.join(folder, `${now.toISOString().replace(/:/g, '-')}.log`);
  const descriptor = openSync(file, 'a');
  let isBroken = false;
  return {
    path: file,
    line: (text) => {
      if (isBroken) return;
      try {
        writeSync(descriptor, `${text}\n`);
      } catch (error) {
        isBroken = true;
        warn(`the log of ${task} ends here: ${(error as Error).message} (${file})`);
      }
    },
    close: () => closeSync(descriptor),
  };
}

/** Paths of a task's logs, newest first. */
export function logsOf(cacheFolder: string, task: TaskId): string[] {
  const folder = logFolder(cacheFolder, task);
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.log'))
      .sort()
      .reverse()
      .map((name) => path.join(folder, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function logFolder(cacheFolder: string, task: TaskId): string {
  return path.join(cacheFolder, 'logs', task.replaceAll('/', '%').replace(':', '@'));
}
