import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Waits until the process whose ID is in a file has ended, which takes a moment after a kill. Only the test's own limit ends the wait. */
export async function processEnded(pidFile: string): Promise<void> {
  await until(() => hasEnded(readFileSync(pidFile, 'utf8').trim()));
}

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

/** The process may end at any time. */
function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
