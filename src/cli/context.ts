import { dockerConnections, type Host, type Program, systemClock } from '../app/host.ts';
import { type Notice, warnWith } from '../app/notices.ts';
import { findProject, type OpenProject, openProject } from '../app/open-project.ts';
import type { PlanOptions, RunOptions } from '../app/options.ts';
import type { Environment } from '../model/environment.ts';
import type { OwnCommand } from './error-text.ts';
import { noticeText } from './notice-text.ts';
import { readSettings, type Settings, type SharedFlags } from './settings.ts';

/** The standard streams, as commands use them. */
export interface Terminal {
  /** Writes to standard output. Foreign text in it cannot control the terminal. */
  out(text: string): void;
  /** Writes a value to standard output as one line of JSON. */
  json(value: unknown): void;
  /** Writes to standard error, as safely as `out`. */
  err(text: string): void;
  /** Writes whole lines to standard error that are commands for the CI service; foreign text in them is escaped. */
  ciCommand(text: string): void;
  /** Standard error, for the live view. */
  readonly errStream: NodeJS.WriteStream;
  readonly outIsTerminal: boolean;
  /** The width of the terminal on standard output; undefined if it is not a terminal. */
  readonly outColumns: number | undefined;
  readonly errIsTerminal: boolean;
  /** Calls back at the exit of the process, however it ends, except for SIGKILL. Returns a function that prevents that. */
  onExit(callback: () => void): () => void;
}

/** The process that runs the command line; made in main.ts alone. */
export interface Shell {
  readonly environment: Environment;
  /** Where the process was started, absolute: paths in arguments are relative to it. */
  readonly cwd: string;
  /** Changes the working directory. */
  enter(folder: string): void;
  readonly program: Program & { readonly version: string };
  readonly terminal: Terminal;
  /** Aborted by the first interrupt. */
  readonly own: OwnCommand;
  readonly signal: AbortSignal;
  /** To be called by a build that found nothing to do. */
  onIdle(): void;
}

/** What a command works with. */
export interface Context {
  readonly settings: Settings;
  readonly host: Host;
  readonly terminal: Terminal;
  readonly own: OwnCommand;
  readonly signal: AbortSignal;
  readonly cwd: string;
  enter(folder: string): void;
  onIdle(): void;
}

/** Reads flags and environment, once for a command. @throws TasksError with exit code 2 */
export function makeContext(
  { environment, cwd, enter, program, terminal, own, signal, onIdle }: Shell,
  flags: SharedFlags,
): Context {
  const { outIsTerminal, errIsTerminal } = terminal;
  const settings = readSettings(flags, { environment, cwd, outIsTerminal, errIsTerminal });
  const notify = (notice: Notice): void => {
    // CI alone asks for the registry without promising that there is one.
    if (notice.kind === 'no-repository' && !settings.isFromRegistryExplicit) return;
    terminal.err(`${own.pasteable(noticeText(notice))}\n`);
  };
  const { reaper } = program;
  const connections = dockerConnections(environment, {
    reaper,
    cacheUrl: settings.cacheUrl,
    warn: warnWith(notify),
  });
  const host = { environment, clock: systemClock, program, connections, notify };
  return { settings, host, terminal, own, signal, cwd, enter, onIdle };
}

/** Opens the project that the command is about, and makes its root the working directory. @throws TasksError */
export async function openHere({ settings, host, enter }: Context): Promise<OpenProject> {
  const root = findProject(settings.start);
  // Definitions may read files by relative paths, wherever the command was started.
  enter(root);
  return await openProject({ root, profile: settings.profile }, host);
}

/** Returns what to plan. */
export function planOptions({ settings, signal }: Context, selectors: readonly string[]): PlanOptions {
  const { names, builder, force, fromRegistry } = settings;
  return { selectors, names, builder, force, fromRegistry, signal };
}

/** Returns how to run a plan. */
export function runOptions({ settings, signal }: Context, onEvent: RunOptions['onEvent']): RunOptions {
  const { jobs, limits, keepGoing } = settings;
  return { jobs, limits, keepGoing, signal, onEvent };
}

/** Whether text about the course of a command is wanted on standard error. */
export function isVocal({ settings }: Context): boolean {
  return !['json', 'silent'].includes(settings.output.reporter);
}
