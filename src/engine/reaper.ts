import { spawn } from 'node:child_process';
import type { Environment } from '../model/environment.ts';

/** Removes test containers when this process ends, even if it is killed. */
export interface Reaper {
  /** Must be called before the container is created. */
  watch(name: string): void;
  /** Must be called after the container is removed. */
  release(name: string): void;
}

/** The reaper reads lines: `+name` to watch a container, `-name` to release it. */
export const watchPrefix = '+';
const releasePrefix = '-';

/**
 * Returns a reaper that runs in its own process, which outlives this one until the containers are removed. The process starts
 * with the first container. `script` is the path of its bundled script.
 */
export function startReaper(script: string, environment: Environment): Reaper {
  let input: NodeJS.WritableStream | undefined;
  const send = (line: string): void => {
    input ??= spawnReaper(script, environment);
    input.write(`${line}\n`);
  };
  return {
    watch: (name) => send(`${watchPrefix}${name}`),
    release: (name) => send(`${releasePrefix}${name}`),
  };
}

function spawnReaper(script: string, environment: Environment): NodeJS.WritableStream {
  const child = spawn(process.execPath, [script], {
    // Node's options are for the program that was started with them, for example to debug it.
    env: { ...environment, NODE_OPTIONS: '' },
    stdio: ['pipe', 'ignore', 'ignore'],
    // Signals to this process group must not end it.
    detached: true,
  });
  // If the reaper cannot run, the next run removes the containers of a killed run by their label.
  child.on('error', () => undefined);
  child.stdin.on('error', () => undefined);
  child.unref();
  // The pipe must not keep this process alive.
  (child.stdin as unknown as { unref(): void }).unref();
  return child.stdin;
}
