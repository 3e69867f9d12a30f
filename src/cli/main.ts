import { setMaxListeners } from 'node:events';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { killAll } from '../engine/process.ts';
import { asMachineError, type ExitCode, TasksError } from '../model/errors.ts';
import type { Io } from './io.ts';
import { isHelp, isUsageError, runProgram } from './program.ts';

/** Put in when the program is bundled. */
declare const BUILD_ID: string;
declare const VERSION: string;
/** Given by launch.ts: the folder of the bundle; Node's own `import`, which compiled code lacks; who wants to know of idle runs and of many tasks. */
declare const PLACE: string;
declare const loadModule: (url: string) => Promise<unknown>;
declare const onIdle: () => void;
declare const onMany: () => void;

/** The one place that touches the process: its arguments, environment, streams, signals and exit code. */
async function main(): Promise<void> {
  const interrupt = new AbortController();
  // Each running task listens.
  setMaxListeners(0, interrupt.signal);
  const onSignal = (): void => {
    if (interrupt.signal.aborted) {
      killAll();
      process.exit(130);
    }
    process.stderr.write('\ninterrupted: ending what runs (once more: at once)\n');
    interrupt.abort(new Error('interrupted'));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  process.exitCode = await run(makeIo(interrupt.signal));
}

async function run(io: Io): Promise<ExitCode> {
  try {
    return await runProgram(process.argv.slice(2), io);
  } catch (error) {
    if (io.signal.aborted) return 130;
    if (isHelp(error)) return 0;
    if (isUsageError(error)) return 2;
    const known = error instanceof TasksError ? error : asMachineError(error);
    if (known !== undefined) {
      io.err(`error: ${known.message}\n${known.hint !== undefined ? `hint: ${known.hint}\n` : ''}`);
      return known.exitCode;
    }
    io.err(
      `error: this is a fault of tasks itself\n${error instanceof Error ? error.stack : String(error)}\n`,
    );
    return 1;
  }
}

/** A standard stream, which costs a millisecond to make: when something is first written, or asked of it. */
function lazily(name: 'stdout' | 'stderr'): () => NodeJS.WriteStream {
  let stream: NodeJS.WriteStream | undefined;
  return () => {
    if (stream === undefined) {
      stream = process[name];
      // A reader that went away (`tasks list | head`) is no error of ours.
      stream.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE') throw error;
        process.exit(0);
      });
    }
    return stream;
  };
}

function makeIo(signal: AbortSignal): Io {
  const [stdout, stderr] = [lazily('stdout'), lazily('stderr')];
  return {
    environment: process.env,
    cwd: process.cwd(),
    defineModule: path.join(PLACE, 'define.mjs'),
    loadModule,
    onIdle,
    onMany,
    pageFolder: path.join(PLACE, 'page'),
    programVersion: VERSION,
    programId: `${VERSION}-${BUILD_ID}`,
    out: (text) => void stdout().write(text),
    err: (text) => void stderr().write(text),
    get terminal() {
      return stderr();
    },
    get outIsTerminal() {
      return stdout().isTTY === true;
    },
    get outColumns() {
      return stdout().isTTY === true ? stdout().columns : undefined;
    },
    get errIsTerminal() {
      return stderr().isTTY === true;
    },
    now: () => new Date(),
    signal,
    get cores() {
      return availableParallelism();
    },
  };
}

void main();
