#!/usr/bin/env node
import { setMaxListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { killAll } from '../engine/process.ts';
import { asMachineError, type ExitCode, TasksError } from '../model/errors.ts';
import type { Io } from './io.ts';
import { isHelp, isUsageError, runProgram } from './program.ts';

/** Put in when the program is bundled. */
declare const BUILD_ID: string;

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
  for (const stream of [process.stdout, process.stderr]) {
    // A reader that went away (`tasks list | head`) is no error of ours.
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      process.exit(0);
    });
  }
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

function makeIo(signal: AbortSignal): Io {
  // Bundled, this file stands in dist/, beside define.js.
  const packageJson = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return {
    environment: process.env,
    cwd: process.cwd(),
    defineModule: fileURLToPath(new URL('./define.js', import.meta.url)),
    programVersion: packageJson.version,
    programId: `${packageJson.version}-${BUILD_ID}`,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    terminal: process.stderr,
    outIsTerminal: process.stdout.isTTY === true,
    outColumns: process.stdout.isTTY === true ? process.stdout.columns : undefined,
    errIsTerminal: process.stderr.isTTY === true,
    now: () => new Date(),
    signal,
    cores: availableParallelism(),
  };
}

await main();
