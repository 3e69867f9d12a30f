import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Owner } from '../model/owner.ts';

/** This process, read once: every log of a run has an owner. */
let thisProcess: Omit<Owner, 'id'> | undefined;

/** Returns this process as the owner of a new lock, log or container. */
export function newOwner(): Owner {
  thisProcess ??= { place: place(), pid: process.pid, started: startTime(process.pid) ?? '' };
  return { id: randomUUID(), ...thisProcess };
}

/** Returns whether an owner's process is running; undefined if it belongs to another machine or container. */
export function isAlive(owner: Owner): boolean | undefined {
  if (owner.place !== place()) return undefined;
  if (owner.started !== '') return startTime(owner.pid) === owner.started;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    // EPERM: the process exists and belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Returns what a pid is unique within: the host, its boot, and the pid namespace. */
function place(): string {
  return [
    hostname(),
    readOrEmpty(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    readOrEmpty(() => readlinkSync('/proc/self/ns/pid')),
  ].join(' ');
}

/** Returns the start time of a process in clock ticks (proc(5), field 22); undefined if it has ended, or without /proc. */
function startTime(pid: number): string | undefined {
  const fields = readOrEmpty(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
    .replace(/^.*\) /s, '')
    .split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

/** Returns an empty string if the read fails: the system has no /proc, or the process has ended. */
function readOrEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
