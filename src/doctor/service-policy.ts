import { closeSync, fchmodSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { onKillAll } from '../engine/process.ts';
import { processStartTime } from './proc.ts';

/** invoke-rc.d(8) and deb-systemd-invoke ask this program before they start a service; exit code 101 forbids it. */
const policyFile = '/usr/sbin/policy-rc.d';
/** Marks a policy as ours. */
const mark = '# Written by `tasks doctor --fix`.';

/**
 * A policy that starts no service while a process runs. `started`: its start time in clock ticks (proc(5), field 22), so that
 * another process with the same pid does not count. Once the process has ended, however it ended, services start again.
 */
export function policyText(pid: number, started: string): string {
  return `#!/bin/sh
${mark} No service starts while process ${pid} installs packages.
# The process may have been killed: this file has no effect afterwards, and can be removed.
set -- $(sed 's/.*) //' /proc/${pid}/stat 2>/dev/null)
[ "\${20:-gone}" = "${started}" ] && exit 101
exit 0
`;
}

/**
 * Keeps packages that are installed now from starting their services. Returns the function that ends this. A policy of
 * somebody else stays, and does the same or what its author wants. One that a killed run of ours left is replaced.
 */
export function preventServiceStarts(file = policyFile): () => void {
  const existing = readIfThere(file);
  if (existing?.includes(mark)) rmSync(file);
  else if (existing !== undefined) return () => undefined;
  const text = policyText(process.pid, processStartTime(process.pid) ?? '');
  // Neither follows a link nor replaces what somebody else wrote meanwhile.
  const descriptor = openSync(file, 'wx', 0o755);
  writeSync(descriptor, text);
  fchmodSync(descriptor, 0o755);
  closeSync(descriptor);
  const remove = (): void => {
    if (readIfThere(file) === text) rmSync(file, { force: true });
  };
  const forget = onKillAll(remove);
  return () => {
    forget();
    remove();
  };
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
