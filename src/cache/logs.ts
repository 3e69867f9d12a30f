import { closeSync, constants, mkdirSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { isLink } from '../disk/disk.ts';
import type { TaskId } from '../model/task.ts';
import { fitFileName } from './file-name.ts';
import type { Warn } from './file-store.ts';
import { logFileName } from './name-patterns.ts';

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
  if (!isLink(folder) && !isLink(path.dirname(folder)))
    for (const old of listLogs(cacheFolder, task).slice(kept - 1)) rmSync(old, { force: true });
  const { file, descriptor } = openNew(path.join(folder, now.toISOString().replace(/:/g, '-')));
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

/** A log that was not there before: another run may have begun one at the same time, and a link is never followed. */
function openNew(start: string): { file: string; descriptor: number } {
  const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  for (let number = 1; ; number++) {
    const file = `${start}${number === 1 ? '' : `-${number}`}.log`;
    try {
      return { file, descriptor: openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** Paths of a task's logs, newest first. */
export function listLogs(cacheFolder: string, task: TaskId): string[] {
  const folder = logFolder(cacheFolder, task);
  try {
    return readdirSync(folder)
      .filter((name) => logFileName.test(name))
      .sort()
      .reverse()
      .map((name) => path.join(folder, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function logFolder(cacheFolder: string, task: TaskId): string {
  return path.join(cacheFolder, 'logs', fitFileName(task.replaceAll('/', '%').replace(':', '@')));
}
