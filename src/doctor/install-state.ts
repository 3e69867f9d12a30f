import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** `doctor --fix` records here what it did, so that `doctor --stop` can undo it. */
const stateFile = '/var/lib/image-tasks/doctor.json';

/** The packages that `doctor --fix` has installed and the engine that it has started. */
export interface InstallState {
  readonly packages: readonly string[];
  /** The emulators that it has registered. */
  readonly emulators?: readonly string[];
  /** `started`: the start time of the process in clock ticks, to detect a reused pid. */
  readonly engine?: { readonly pid: number; readonly started: string };
}

/** Reads the recorded state; empty if there is none. */
export function readInstallState(): InstallState {
  try {
    return JSON.parse(readFileSync(stateFile, 'utf8')) as InstallState;
  } catch {
    // Never written, or damaged: nothing to undo.
    return { packages: [] };
  }
}

/** Replaces the recorded state; an empty state removes the file. */
export function writeInstallState(state: InstallState): void {
  const { packages, emulators = [], engine } = state;
  if (packages.length === 0 && emulators.length === 0 && engine === undefined) {
    rmSync(stateFile, { force: true });
    return;
  }
  mkdirSync(path.dirname(stateFile), { recursive: true });
  writeFileSync(stateFile, `${JSON.stringify(state)}\n`);
}
