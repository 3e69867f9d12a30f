import { runProcess } from '../engine/process.ts';
import type { Host } from './host.ts';

/** How long a program may run, how much it may print, and how deep make may call itself. */
export interface ProgramLimits {
  readonly milliseconds: number;
  readonly lines: number;
  readonly level: number;
}

export interface FinishedProgram {
  /** Undefined if there is no such program. */
  readonly code: number | undefined;
  readonly out: string;
  readonly err: string;
  /** Which limit it exceeded. */
  readonly problem?: string;
}

/** Runs a program of another tool, and returns what it printed. */
export async function runProgram(
  argv: readonly string[],
  cwd: string,
  { environment }: Host,
  signal: AbortSignal,
  limits?: ProgramLimits,
): Promise<FinishedProgram> {
  const [out, err]: [string[], string[]] = [[], []];
  const ended = new AbortController();
  let problem: string | undefined;
  const stop = (why: string): void => {
    problem ??= why;
    ended.abort();
  };
  const env = Object.entries({ ...environment, LC_ALL: 'C' }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const signals = [signal, ended.signal, ...(limits ? [AbortSignal.timeout(limits.milliseconds)] : [])];
  const exit = await runProcess({
    argv: argv as [string, ...string[]],
    cwd,
    env: Object.fromEntries(env),
    signal: AbortSignal.any(signals),
    onLine(line, stream) {
      (stream === 'stderr' ? err : out).push(line);
      if (limits === undefined) return;
      if (out.length > limits.lines) stop(`it prints more than ${limits.lines} lines`);
      if (Number(/^make\[(\d+)\]/.exec(line)?.[1]) > limits.level)
        stop(`make calls itself more than ${limits.level} times`);
    },
  });
  signal.throwIfAborted();
  if (limits !== undefined && signals[2]!.aborted)
    problem ??= `it takes more than ${limits.milliseconds / 1000} s`;
  return {
    code: exit.code,
    out: out.join('\n'),
    err: err.join('\n'),
    ...(problem === undefined ? {} : { problem }),
  };
}
