import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Where `doctor --fix` notes what it did, so that `doctor --stop` can undo it. */
const noteFile = '/var/lib/image-tasks/doctor.json';

/** What `doctor --fix` has done on this machine. */
export interface InstallState {
  readonly packages: readonly string[];
  /** `started`: the kernel's start time of the process, so that a reused pid is not taken for it. */
  readonly engine?: { readonly pid: number; readonly started: string };
}

/** What is noted, or an empty note. */
export function readInstallState(): InstallState {
  try {
    return JSON.parse(readFileSync(noteFile, 'utf8')) as InstallState;
  } catch {
    // Never written, or not ours any more: nothing to undo.
    return { packages: [] };
  }
}

/** Replaces the note; an empty one is removed. */
export function writeInstallState(note: InstallState): void {
  if (note.packages.length === 0 && note.engine === undefined) {
    rmSync(noteFile, { force: true });
    return;
  }
  mkdirSync(path.dirname(noteFile), { recursive: true });
  writeFileSync(noteFile, `${JSON.stringify(note)}\n`);
}
