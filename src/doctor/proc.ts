import { readFileSync } from 'node:fs';

/** Returns the name of a process (proc(5), `comm`); undefined if it does not exist. */
export function processName(pid: number): string | undefined {
  return readProc(pid, 'comm')?.trim();
}

/**
 * Returns the start time of a process in clock ticks since boot (proc(5), field 22 of `stat`); undefined if it does not exist
 * or has ended. Pid and start time together identify a process even if the pid is reused.
 */
export function processStartTime(pid: number): string | undefined {
  const fields = readProc(pid, 'stat')
    ?.replace(/^.*\) /s, '')
    .split(' ');
  return fields === undefined || fields[0] === 'Z' ? undefined : fields[19];
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    // The process does not exist.
    return undefined;
  }
}
