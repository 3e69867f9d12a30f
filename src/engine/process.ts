import type { Readable } from 'node:stream';
import { createLineReader } from '../model/line-reader.ts';

/** How to run a program. */
export interface ProcessOptions {
  readonly argv: readonly [string, ...string[]];
  readonly cwd?: string;
  /** The complete environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly onLine: (line: string) => void;
  /** Milliseconds between SIGINT and SIGKILL on abort; 300 by default. */
  readonly graceMs?: number;
}

/** How a program ended. */
export interface ProcessExit {
  /** Undefined if a signal killed the program, or it could not be started. */
  readonly code: number | undefined;
  readonly signal: string | undefined;
  /** Why the program could not be started. */
  readonly problem: string | undefined;
}

/** The running process groups. */
const groups = new Set<number>();

/** Functions that `killAll` calls. */
const cleanups = new Set<() => void>();

/** Registers a synchronous cleanup for `killAll`. Returns a function that unregisters it. */
export function onKillAll(cleanup: () => void): () => void {
  cleanups.add(cleanup);
  return () => void cleanups.delete(cleanup);
}

/** Runs the registered cleanups and kills everything that `runProcess` started, before this process exits immediately. */
export function killAll(): void {
  for (const cleanup of cleanups) cleanup();
  for (const pid of groups) signalGroup(pid, 'SIGKILL');
}

/**
 * Runs a program in its own process group until it exits; background processes that it leaves are killed. On abort the whole
 * group gets SIGINT, then SIGKILL after the grace period: SIGINT alone leaves some docker clients building (seen with 20.10).
 * Never throws: callers check the signal and the result.
 */
export async function runProcess(options: ProcessOptions): Promise<ProcessExit> {
  const { execa } = await import('execa');
  const [file, ...args] = options.argv;
  const child = execa(file, args, {
    ...(options.cwd !== undefined ? { cwd: options.cwd } : {}),
    env: { ...options.env },
    extendEnv: false,
    reject: false,
    buffer: false,
    detached: true,
    stdin: 'ignore',
    all: true,
  });
  if (child.pid !== undefined) groups.add(child.pid);
  let hasEnded = false;
  const kill = (): void => {
    if (hasEnded) return;
    signalGroup(child.pid, 'SIGKILL');
    // A grandchild that left the group may still hold the pipe open; don't wait for it.
    setTimeout(() => child.all?.destroy(), 500).unref();
  };
  // Background processes of the program must be gone before the caller reads the files that they write.
  child.once('exit', kill);
  const interrupt = (): void => {
    signalGroup(child.pid, 'SIGINT');
    setTimeout(kill, options.graceMs ?? 300);
  };
  options.signal.addEventListener('abort', interrupt, { once: true });
  if (options.signal.aborted) interrupt();
  const output = readOutput(child.all!, options.onLine);
  const [result] = await Promise.all([child, output]);
  hasEnded = true;
  if (child.pid !== undefined) groups.delete(child.pid);
  options.signal.removeEventListener('abort', interrupt);
  const problem =
    result.exitCode === undefined && result.signal === undefined ? result.originalMessage : undefined;
  return { code: result.exitCode, signal: result.signal, problem };
}

async function readOutput(stream: Readable, onLine: (line: string) => void): Promise<void> {
  const reader = createLineReader(onLine);
  stream.on('data', (data: Buffer) => reader.write(data));
  await new Promise<void>((resolve) => {
    stream.on('close', resolve);
    stream.on('end', resolve);
    stream.on('error', resolve);
  });
  reader.end();
}

/** Sends a signal to a process group, unless it has ended. */
export function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // ESRCH: the group has already ended.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
