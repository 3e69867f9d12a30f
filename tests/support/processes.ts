import { existsSync, readdirSync, readFileSync } from 'node:fs';

/**
 * Waits until a process has written its ID and a newline to a file. A test must wait for this before it ends the process or its
 * parent: on a busy machine, the process may not have started yet. Only the test's own limit ends the waits in this module.
 */
export async function processStarted(pidFile: string): Promise<void> {
  await until(() => hasPid(pidFile));
}

/**
 * Waits until the process whose ID is in a file has ended, which takes a moment after a kill.
 * @throws if the file has no ID: the process was ended before it wrote it
 */
export async function processEnded(pidFile: string): Promise<void> {
  if (!hasPid(pidFile)) throw new Error(`${pidFile} has no process ID: wait until the process has started`);
  await until(() => hasEnded(readFileSync(pidFile, 'utf8').trim()));
}

/** Whether a process has written its ID and a newline to a file. */
export const hasPid = (pidFile: string): boolean => /^\d+\n$/.test(readOrEmpty(pidFile));

/** Waits until no process has a text in its command line. */
export async function commandEnded(text: string): Promise<void> {
  await until(() => !readdirSync('/proc').some((pid) => /^\d+$/.test(pid) && commandOf(pid).includes(text)));
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** A zombie has ended: nobody but its parent can tell, and a container may have none that asks. */
function hasEnded(pid: string): boolean {
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || /\) [ZX] /.test(readOrEmpty(stat));
}

const commandOf = (pid: string): string => readOrEmpty(`/proc/${pid}/cmdline`);

/** Processes end at any time, and may not have written a file yet. */
function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
