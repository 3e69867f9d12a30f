import type { Environment } from '../model/environment.ts';

/** Runs a program and returns what it printed; `exitCode` is undefined if it could not be started. */
export type Probe = (
  argv: readonly [string, ...string[]],
) => Promise<{ exitCode: number | undefined; stdout: string }>;

/** Returns a probe that starts real programs with this environment, and ends them on abort. */
export function processProbe(environment: Environment, signal: AbortSignal): Probe {
  return async ([file, ...args]) => {
    const { execa } = await import('execa');
    const result = await execa(file, args, {
      reject: false,
      env: { ...environment },
      extendEnv: false,
      stdin: 'ignore',
      timeout: 20_000,
      cancelSignal: signal,
    });
    signal.throwIfAborted();
    return { exitCode: result.exitCode, stdout: typeof result.stdout === 'string' ? result.stdout : '' };
  };
}
