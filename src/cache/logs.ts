import { closeSync, constants, mkdirSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { isLink } from '../disk/disk.ts';
import type { TaskId } from '../model/task.ts';
import { fitFileName } from './file-name.ts';
import type { Warn } from './file-store.ts';
import { logFileName } from './name-patterns.ts';

/** How many logs of each task are kept, the new one included. */
const maxLogs = 5;

/**
 * Creates a log file for a task, named by the time, and removes the task's oldest logs. If a line cannot be written (disk full),
 * warns once and drops the rest of the log; the task continues.
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
    for (const old of listLogs(cacheFolder, task).slice(maxLogs - 1)) rmSync(old, { force: true });
  const { file, descriptor } = createLog(path.join(folder, now.toISOString().replace(/:/g, '-')));
  let hasFailed = false;
  return {
    path: file,
    line: (text) => {
      if (hasFailed) return;
      try {
        writeSync(descriptor, `${text}\n`);
      } catch (error) {
        hasFailed = true;
        warn(`cannot write the log of ${task}: ${(error as Error).message} (${file})`);
      }
    },
    close: () => closeSync(descriptor),
  };
}

/** Creates a file that did not exist: another run may create a log at the same time. Never follows a link. */
function createLog(prefix: string): { file: string; descriptor: number } {
  const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  for (let number = 1; ; number++) {
    const file = `${prefix}${number === 1 ? '' : `-${number}`}.log`;
    try {
      return { file, descriptor: openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** Returns the paths of a task's logs, newest first. */
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
