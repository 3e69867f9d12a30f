import { spawn } from 'node:child_process';
import type { Environment } from './endpoint.ts';
import { clientEnvironment } from './environment.ts';

/** Removes containers of ours as soon as this process is gone, in whatever way it ends. */
export interface Reaper {
  /** To be called before the container is made. */
  watch(name: string): void;
  /** The container is gone. */
  release(name: string): void;
}

/** What a reaper is told, a line each: `+name` and `-name`. */
export const watchPrefix = '+';
const releaseMark = '-';

/**
 * A reaper in a process of its own, which outlives this one by as long as the removal takes. It is started with the first
 * container. `program`: the script that it runs (cli/reaper.ts, bundled).
 */
export function startReaper(program: string, environment: Environment): Reaper {
  let input: NodeJS.WritableStream | undefined;
  const tell = (line: string): void => {
    input ??= start(program, environment);
    input.write(`${line}\n`);
  };
  return {
    watch: (name) => tell(`${watchPrefix}${name}`),
    release: (name) => tell(`${releaseMark}${name}`),
  };
}

function start(program: string, environment: Environment): NodeJS.WritableStream {
  const { TASKS_DOCKER } = environment;
  const child = spawn(process.execPath, [program], {
    env: { ...clientEnvironment(environment), ...(TASKS_DOCKER !== undefined ? { TASKS_DOCKER } : {}) },
    stdio: ['pipe', 'ignore', 'ignore'],
    // Signals to this process's group are not for it.
    detached: true,
  });
  // Without it a killed run's containers wait for the next run, which removes them by their label.
  child.on('error', () => undefined);
  child.stdin.on('error', () => undefined);
  child.unref();
  // The pipe alone must not keep this process alive.
  (child.stdin as unknown as { unref(): void }).unref();
  return child.stdin;
}
