import type { Readable } from 'node:stream';
import { createLineReader } from './line-reader.ts';

/** What a program is started with. */
export interface ProcessOptions {
  readonly argv: readonly [string, ...string[]];
  readonly cwd?: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly onLine: (line: string) => void;
  /** Milliseconds between the interrupt and the kill. */
  readonly graceMs?: number;
}

export interface ProcessExit {
  /** Undefined where a signal ended it, or it could not be started. */
  readonly code: number | undefined;
  readonly signal: string | undefined;
  /** Why it could not be started. */
  readonly problem: string | undefined;
}

/** Process groups that run now. */
const groups = new Set<number>();

/** What to undo before the program ends at once. */
const undos = new Set<() => void>();

/** Registers something to undo, synchronously, by `killAll`. Returns the function that forgets it. */
export function onKillAll(undo: () => void): () => void {
  undos.add(undo);
  return () => void undos.delete(undo);
}

/** Kills everything that `runProcess` started and that still runs: for a program that is about to end at once. */
export function killAll(): void {
  for (const undo of undos) undo();
  for (const pid of groups) signalGroup(pid, 'SIGKILL');
}

/**
 * Runs a program in a process group of its own to its end, and that of all it started. On abort the whole group gets SIGINT, then SIGKILL after the
 * grace time: an interrupt alone leaves some docker clients building (seen with 20.10). Throws nothing: callers look at the
 * signal.
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
  let over = false;
  const kill = (): void => {
    if (over) return;
    signalGroup(child.pid, 'SIGKILL');
    // A grandchild that left the group may still hold the pipes open; nobody waits for it.
    setTimeout(() => child.all?.destroy(), 500).unref();
  };
  // What the program left in the background ends with it, before anyone looks at what they wrote.
  child.once('exit', kill);
  const end = (): void => {
    signalGroup(child.pid, 'SIGINT');
    setTimeout(kill, options.graceMs ?? 300);
  };
  options.signal.addEventListener('abort', end, { once: true });
  if (options.signal.aborted) end();
  const lines = follow(child.all!, options.onLine);
  const [result] = await Promise.all([child, lines]);
  over = true;
  if (child.pid !== undefined) groups.delete(child.pid);
  options.signal.removeEventListener('abort', end);
  const problem =
    result.exitCode === undefined && result.signal === undefined ? result.originalMessage : undefined;
  return { code: result.exitCode, signal: result.signal, problem };
}

async function follow(stream: Readable, onLine: (line: string) => void): Promise<void> {
  const reader = createLineReader(onLine);
  stream.on('data', (data: Buffer) => reader.write(data));
  await new Promise<void>((resolve) => {
    stream.on('close', resolve);
    stream.on('end', resolve);
    stream.on('error', resolve);
  });
  reader.end();
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // ESRCH: the group has ended already.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
