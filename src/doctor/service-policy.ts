import { closeSync, fchmodSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { onKillAll } from '../engine/process.ts';
import { processStartTime } from './proc.ts';

/** invoke-rc.d(8) and deb-systemd-invoke ask this program before they start a service; exit code 101 forbids it. */
const policyFile = '/usr/sbin/policy-rc.d';
/** Identifies a policy file that tasks wrote. */
const marker = '# Written by `tasks doctor --fix`.';

/**
 * Returns a policy script that forbids service starts while a process runs, and has no effect once it has ended. `started` is
 * the start time of the process in clock ticks (proc(5), field 22): another process with the same pid does not count.
 */
export function policyText(pid: number, started: string): string {
  return `#!/bin/sh
${marker} Services do not start while process ${pid} installs packages.
# Once that process has ended, this file has no effect and can be removed.
set -- $(sed 's/.*) //' /proc/${pid}/stat 2>/dev/null)
[ "\${20:-gone}" = "${started}" ] && exit 101
exit 0
`;
}

/**
 * Prevents packages that are being installed from starting their services. Returns a function that ends this. An existing policy
 * stays in effect, unless a killed run left it: then it is replaced.
 */
export function preventServiceStarts(file = policyFile): () => void {
  const existing = readIfThere(file);
  if (existing?.includes(marker)) rmSync(file);
  else if (existing !== undefined) return () => undefined;
  const text = policyText(process.pid, processStartTime(process.pid) ?? '');
  // 'wx' does not follow a link, nor replace a file that another process has just created.
  const descriptor = openSync(file, 'wx', 0o755);
  writeSync(descriptor, text);
  fchmodSync(descriptor, 0o755);
  closeSync(descriptor);
  const remove = (): void => {
    if (readIfThere(file) === text) rmSync(file, { force: true });
  };
  const unregister = onKillAll(remove);
  return () => {
    unregister();
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
