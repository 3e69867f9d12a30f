import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { isLink } from '../disk/disk.ts';
import { writeNewFile } from '../disk/write.ts';
import type { Owner } from '../model/owner.ts';
import type { TaskId } from '../model/task.ts';
import { fitFileName } from './file-name.ts';
import type { Warn } from './file-store.ts';
import { logFileName } from './name-patterns.ts';
import { isAlive, newOwner } from './owner.ts';

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
    for (const old of listLogs(cacheFolder, task).slice(maxLogs - 1))
      for (const file of [old, markOf(old)]) rmSync(file, { force: true });
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
    close: () => {
      closeSync(descriptor);
      rmSync(markOf(file), { force: true });
    },
  };
}

/** Creates a file that did not exist: another run may create a log at the same time. Never follows a link. */
function createLog(prefix: string): { file: string; descriptor: number } {
  const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  for (let number = 1; ; number++) {
    const file = `${prefix}${number === 1 ? '' : `-${number}`}.log`;
    if (!markOpen(file)) continue;
    try {
      return { file, descriptor: openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW) };
    } catch (error) {
      rmSync(markOf(file), { force: true });
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** Whether a process is writing a log. `file`: its path. */
export function isLogOpen(file: string): boolean {
  try {
    return isAlive(JSON.parse(readFileSync(markOf(file), 'utf8')) as Owner) !== false;
  } catch {
    // Closed; or the mark could not be written.
    return false;
  }
}

/** Returns when a log was started. */
export function logTime(file: string): Date {
  const [, day, hour, minute, second] = /^(.{10}T)(\d\d)-(\d\d)-([\d.]+Z)/.exec(path.basename(file))!;
  return new Date(`${day}${hour}:${minute}:${second}`);
}

/** Returns the path of the file that exists while a log is open. It names the process that writes the log. */
function markOf(file: string): string {
  return `${file}.open`;
}

/** Written before the log, so that a log without a mark is complete. Returns false if the log's name is taken. */
function markOpen(file: string): boolean {
  try {
    writeNewFile(markOf(file), JSON.stringify(newOwner()));
    return true;
  } catch (error) {
    // Without a mark, the log cannot be followed: no reason to fail a task.
    return (error as NodeJS.ErrnoException).code !== 'EEXIST';
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
