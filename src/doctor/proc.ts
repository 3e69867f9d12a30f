import { readFileSync } from 'node:fs';

/** The name of a running process (proc(5), `comm`); undefined where there is none. */
export function processName(pid: number): string | undefined {
  return readProc(pid, 'comm')?.trim();
}

/**
 * The start time of a process in clock ticks since boot (proc(5), field 22 of `stat`): with it a pid names one process even
 * after the number was used again. Undefined where there is no such process, or it has ended.
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
    // No such process (any more).
    return undefined;
  }
}
