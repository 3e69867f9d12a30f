import { setMaxListeners } from 'node:events';
import path from 'node:path';
import { format } from 'node:util';
import { killAll } from '../engine/process.ts';
import { type ExitCode, fromSystemError, TasksError } from '../model/errors.ts';
import { jsonLine } from '../report/sanitize.ts';
import type { Shell, Terminal } from './context.ts';
import { withAbsolutePaths } from './environment.ts';
import type { OwnCommand } from './error-text.ts';
import { ownCommand } from './own-command.ts';
import { printError } from './print-error.ts';
import { isHelp, isUsageError, runProgram } from './program.ts';
import { hasColor } from './settings.ts';
import { obeysCommands, type SafeStream, type StreamFailure, safeStream } from './streams.ts';

/** Replaced when the program is bundled. */
declare const BUILD_ID: string;
declare const VERSION: string;
/** Passed by launch.ts: the folder of the bundle; Node's own `import`, which compiled code lacks; callbacks for what a run does. */
declare const PLACE: string;
declare const loadModule: (url: string) => Promise<unknown>;
declare const onIdle: () => void;
declare const onLongRun: () => void;
declare const onBuilt: () => void;

/** Why the run must end before its work is done. */
type Stop =
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'output'; readonly failure: StreamFailure };

/** The only code that touches the process: its arguments, environment, streams, signals and exit code. */
async function main(): Promise<void> {
  const interrupt = new AbortController();
  // Every running task adds a listener.
  setMaxListeners(0, interrupt.signal);
  let stop: Stop | undefined;
  const streams = openStreams((failure) => {
    stop ??= { kind: 'output', failure };
    if (!failure.isReaderGone)
      streams.err.write(`error: cannot write to ${failure.stream}: ${failure.message}\n`);
    interrupt.abort(new Error(`cannot write to ${failure.stream}`));
  });
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stop?.kind === 'signal') {
      killAll();
      process.exit(exitCodeOf(stop, 130));
    }
    stop = { kind: 'signal', signal };
    streams.err.write('\ninterrupted: stopping… (press Ctrl-C again to force)\n');
    interrupt.abort(new Error('interrupted'));
  };
  // Definitions and libraries may print: that text is foreign too, and a failed write of it counts.
  // Shells take what completion prints for candidates.
  const printed = process.argv[2] === 'complete' ? streams.err : streams.out;
  for (const name of ['log', 'info', 'debug'] as const)
    console[name] = (...values: unknown[]) => printed.write(`${format(...values)}\n`);
  for (const name of ['warn', 'error'] as const)
    console[name] = (...values: unknown[]) => streams.err.write(`${format(...values)}\n`);
  // From code that nothing awaits, such as promises of definitions. Node would print it unchanged and leave children behind.
  process.on('uncaughtException', (error) => {
    streams.err.write(`error: uncaught exception\n${stackOf(error)}\n`);
    killAll();
    process.exit(1);
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  const exitCode = await run(streams, interrupt.signal);
  process.exitCode = exitCodeOf(stop, exitCode);
  // A failed write is reported later than the write, which may have been the last thing that the run did.
  process.once('exit', () => {
    process.exitCode = exitCodeOf(stop, exitCode);
  });
}

/** Returns the exit code of the process for that of the command. A run whose output was lost is never a success. */
function exitCodeOf(stop: Stop | undefined, exitCode: ExitCode): ExitCode {
  if (stop?.kind === 'signal' && exitCode === 130) return stop.signal === 'SIGINT' ? 130 : 143;
  if (stop?.kind === 'output' && !stop.failure.isReaderGone) return 3;
  // The command was not interrupted: nothing reads its output any more.
  if (stop?.kind === 'output' && exitCode === 130) return 1;
  return exitCode;
}

interface Streams {
  readonly out: SafeStream;
  readonly err: SafeStream;
}

function openStreams(onFailure: (failure: StreamFailure) => void): Streams {
  const isObeyed = obeysCommands(process.env);
  return {
    out: safeStream('stdout', isObeyed, onFailure),
    err: safeStream('stderr', isObeyed, onFailure),
  };
}

async function run(streams: Streams, signal: AbortSignal): Promise<ExitCode> {
  const say = (text: string): void => streams.err.write(text);
  const argv = process.argv.slice(2);
  const own = ownCommand(argv, process.env);
  try {
    return await runProgram(argv, makeShell(streams, own, signal));
  } catch (error) {
    if (isHelp(error)) return 0;
    if (signal.aborted) return 130;
    if (isUsageError(error)) return 2;
    const known = error instanceof TasksError ? error : fromSystemError(error);
    if (known !== undefined) {
      // The flags may not have been read.
      const color = argv.includes('--no-color') ? false : argv.includes('--color') ? true : undefined;
      const terminal = makeTerminal(streams);
      const hasColors = hasColor(
        { ...(color === undefined ? {} : { color }) },
        process.env,
        terminal.errIsTerminal,
      );
      printError(known, terminal, own, hasColors);
      return known.exitCode;
    }
    say(`error: internal error\n${stackOf(error)}\n`);
    return 1;
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** @throws TasksError with exit code 2 if the working directory no longer exists */
function workingDirectory(): string {
  try {
    return process.cwd();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new TasksError(2, 'the working directory no longer exists', {
      hint: 'change to a folder that exists',
    });
  }
}

function makeShell(streams: Streams, own: OwnCommand, signal: AbortSignal): Shell {
  const cwd = workingDirectory();
  return {
    environment: withAbsolutePaths(process.env, cwd),
    cwd,
    enter: (folder) => process.chdir(folder),
    program: {
      version: VERSION,
      id: `${VERSION}-${BUILD_ID}`,
      pageFolder: path.join(PLACE, 'page'),
      typesFile: path.join(PLACE, '../types/image-tasks.d.ts'),
      reaper: path.join(PLACE, 'reaper.js'),
      loadModule,
      onLongRun,
      onBuilt,
    },
    terminal: makeTerminal(streams),
    own,
    signal,
    onIdle,
  };
}

function makeTerminal({ out, err }: Streams): Terminal {
  return {
    out: out.write,
    json: (value) => out.writeRaw(jsonLine(value)),
    err: err.write,
    ciCommand: err.writeRaw,
    get errStream() {
      return err.stream;
    },
    get outIsTerminal() {
      return out.stream.isTTY === true;
    },
    get outColumns() {
      return out.stream.isTTY === true ? out.stream.columns : undefined;
    },
    get errIsTerminal() {
      return err.stream.isTTY === true;
    },
    onExit(callback) {
      process.once('exit', callback);
      return () => void process.off('exit', callback);
    },
  };
}

void main();
