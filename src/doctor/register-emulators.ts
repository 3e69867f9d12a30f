import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { formatsFolder } from '../engine/emulators.ts';
import { readInstallState, writeInstallState } from './install-state.ts';
import { emulatorSettings } from './platforms.ts';
import type { Probe } from './probe.ts';

/**
 * Registers emulators with the kernel, with the lines of their packages, and records which ones. It does so itself, because neither
 * systemd nor an init script may run here; both do it when the machine starts. Where it is not possible, as in most containers,
 * `report` gets the reason.
 */
export async function registerEmulators(
  emulators: readonly string[],
  probe: Probe,
  report: (text: string) => void,
): Promise<void> {
  const folder = formatsFolder;
  if (!existsSync(path.join(folder, 'register'))) {
    report(`mounting ${folder}`);
    await probe(['mount', '-t', 'binfmt_misc', 'binfmt_misc', folder]);
  }
  for (const name of emulators) {
    try {
      register(name, readFileSync(emulatorSettings(name), 'utf8'), folder);
      const state = readInstallState();
      writeInstallState({ ...state, emulators: [...new Set([...(state.emulators ?? []), name])] });
      report(`registered ${name}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      report(`cannot register ${name}: ${(error as Error).message}`);
    }
  }
}

/** Registers one emulator, in place of an entry of its name that is disabled, or of no use in containers. */
export function register(name: string, settings: string, folder: string): void {
  const line = settings.split('\n').find((each) => each.startsWith(':'));
  if (line === undefined) throw new Error(`${emulatorSettings(name)} has no entry`);
  const entry = path.join(folder, name);
  if (existsSync(entry)) writeFileSync(entry, '-1');
  writeFileSync(path.join(folder, 'register'), withOpenInterpreter(line));
}

/** Adds the flag `F` if it is not there: the kernel opens the interpreter now, since containers do not have its file. */
function withOpenInterpreter(line: string): string {
  const separator = line[0]!;
  const fields = line.split(separator);
  const flags = fields[7] ?? '';
  return [...fields.slice(0, 7), flags.includes('F') ? flags : `${flags}F`].join(separator);
}
