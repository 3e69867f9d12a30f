import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import type { Transport } from '../buildkit/connect.ts';
import type { Environment } from '../model/environment.ts';
import { signalGroup } from './process.ts';

/** A program that connects to the engine failed. The message is the end of its error output. */
export class DialFailed extends Error {
  override readonly name = 'DialFailed';
  /** Whether it was connected before. */
  readonly wasConnected: boolean;

  constructor(message: string, wasConnected: boolean) {
    super(message);
    this.wasConnected = wasConnected;
  }
}

/** How many characters of the program's error output are kept. */
const maxErrorLength = 2_000;
/** How long a connection that `unref` released is kept, in milliseconds. */
const idleLimit = 30_000;
/** How long error output may take after the end, in milliseconds: a process that ssh leaves (ControlPersist) may hold it open. */
const errorGrace = 500;

/** The streams of a process are sockets. */
type Handle = { ref(): void; unref(): void };

/**
 * Starts a program that connects its standard streams to an engine, and returns them as a transport. The program finds its
 * connection closed when this process ends, however it ends. `onAnswer` is called once: at its first output, or its end.
 */
export function openStdio(
  file: string,
  args: readonly string[],
  environment: Environment,
  idleMs = idleLimit,
  onAnswer: () => void = () => undefined,
): Transport {
  const child = spawn(file, args, {
    env: { ...environment },
    // Ctrl-C in the terminal must not end it: the connection is still needed to clean up in the engine.
    detached: true,
  });
  return new StdioTransport(file, child, idleMs, onAnswer);
}

class StdioTransport extends Duplex {
  bytesRead = 0;
  bytesWritten = 0;
  readonly #file: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #idleMs: number;
  #onAnswer: (() => void) | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #endTimer: NodeJS.Timeout | undefined;
  #errorOutput = '';

  constructor(file: string, child: ChildProcessWithoutNullStreams, idleMs: number, onAnswer: () => void) {
    // The end of the program is the end of both directions.
    super({ allowHalfOpen: false });
    this.#file = file;
    this.#child = child;
    this.#idleMs = idleMs;
    this.#onAnswer = onAnswer;
    const { stdin, stdout, stderr } = child;
    stdout.on('data', (data: Buffer) => {
      this.#answered();
      this.bytesRead += data.length;
      if (!this.push(data)) stdout.pause();
    });
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errorOutput = (this.#errorOutput + text).slice(-maxErrorLength);
    });
    // The exit of the process reports the failure.
    for (const stream of [stdin, stdout, stderr]) stream.on('error', () => undefined);
    child.on('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'ENOENT' ? 'it is not on PATH' : error.message;
      this.destroy(new DialFailed(`cannot start ${file}: ${reason}`, false));
    });
    child.on('close', () => this.#end());
    let [hasExited, hasEnded] = [false, false];
    const endSoon = (): void => {
      if (hasExited && hasEnded && !this.destroyed)
        this.#endTimer = setTimeout(() => this.#end(), errorGrace);
    };
    child.on('exit', () => {
      hasExited = true;
      endSoon();
    });
    stdout.on('end', () => {
      hasEnded = true;
      endSoon();
    });
  }

  override _read(): void {
    this.#child.stdout.resume();
  }

  override _write(data: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.bytesWritten += data.length;
    this.#child.stdin.write(data, () => done());
  }

  override _final(done: () => void): void {
    this.#child.stdin.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#answered();
    clearTimeout(this.#idleTimer);
    clearTimeout(this.#endTimer);
    const { pid, exitCode, signalCode, stdin, stdout, stderr } = this.#child;
    if (exitCode === null && signalCode === null) signalGroup(pid, 'SIGTERM');
    for (const stream of [stdin, stdout, stderr]) stream.destroy();
    this.#child.unref();
    done(error);
  }

  /** Lets this process end while nothing uses the connection, which then ends after a while. */
  unref(): void {
    for (const handle of this.#handles()) handle.unref();
    this.#idleTimer ??= setTimeout(() => this.destroy(), this.#idleMs).unref();
  }

  ref(): void {
    for (const handle of this.#handles()) handle.ref();
    clearTimeout(this.#idleTimer);
    this.#idleTimer = undefined;
  }

  #answered(): void {
    this.#onAnswer?.();
    this.#onAnswer = undefined;
  }

  #handles(): Handle[] {
    const { stdin, stdout, stderr } = this.#child;
    return [this.#child, ...([stdin, stdout, stderr] as unknown as Handle[])];
  }

  #end(): void {
    clearTimeout(this.#endTimer);
    if (this.destroyed) return;
    const { exitCode, signalCode } = this.#child;
    if (exitCode === 0) {
      this.push(null);
      return;
    }
    const outcome = signalCode === null ? `failed with exit code ${exitCode}` : `was killed by ${signalCode}`;
    const message = this.#errorOutput.trim() || `${this.#file} ${outcome}`;
    this.destroy(new DialFailed(message, this.bytesRead > 0));
  }
}
