import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Owner } from '../model/owner.ts';

/** This process as the owner of something new. */
export function newOwner(): Owner {
  return { id: randomUUID(), place: place(), pid: process.pid, started: startOf(process.pid) ?? '' };
}

/** Undefined: it cannot be told from here, since it runs on another machine or in another container. */
export function isAlive(owner: Owner): boolean | undefined {
  if (owner.place !== place()) return undefined;
  if (owner.started !== '') return startOf(owner.pid) === owner.started;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there, and another user's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function place(): string {
  return [
    hostname(),
    reading(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    reading(() => readlinkSync('/proc/self/ns/pid')),
  ].join(' ');
}

/** The start time of a process (proc(5), field 22); undefined where it has ended, or where there is no /proc. */
function startOf(pid: number): string | undefined {
  const fields = reading(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
    .replace(/^.*\) /s, '')
    .split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

/** Empty where this system has no such thing, or no more. */
function reading(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
