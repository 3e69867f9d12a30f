import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { tempFolder, writeFiles } from './temp.ts';

const program = path.resolve('dist/tasks.js');

export interface CliResult {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface CliProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<CliResult>;
  /** Resolves when the text has appeared on standard error; rejects when the program ends without it. */
  printed(text: string): Promise<void>;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Another than that of this checkout. */
  readonly program?: string;
}

/** What a person's shell would pass on, without what this run of the tests was given. */
function environment(extra: Readonly<Record<string, string>> = {}): Record<string, string | undefined> {
  const kept = ['PATH', 'HOME', 'DOCKER_HOST', 'TASKS_DOCKER', 'DOCKER_CONFIG'];
  return { ...Object.fromEntries(kept.map((name) => [name, process.env[name]])), ...extra };
}

/** Starts the command line of the built program. */
export function startCli(args: readonly string[], options: CliOptions = {}): CliProcess {
  const child = spawn(process.execPath, [options.program ?? program, ...args], {
    cwd: options.cwd ?? tempFolder(),
    env: environment(options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  const waiting: { text: string; resolve: () => void; reject: (error: Error) => void }[] = [];
  child.stdout.on('data', (data) => (out += data));
  child.stderr.on('data', (data) => {
    err += data;
    for (const wait of waiting) if (err.includes(wait.text)) wait.resolve();
  });
  const ended = new Promise<CliResult>((resolve) => {
    child.on('close', (code) => {
      for (const wait of waiting) wait.reject(new Error(`ended without saying "${wait.text}":\n${err}`));
      resolve({ code, out, err });
    });
  });
  const printed = (text: string): Promise<void> =>
    err.includes(text)
      ? Promise.resolve()
      : new Promise((resolve, reject) => waiting.push({ text, resolve, reject }));
  return { child, ended, printed: printed };
}

/** Runs it to its end. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return await startCli(args, options).ended;
}

/** A project with the given definitions in `tasks/images.ts`, and files. */
export function makeProject(
  definitions: string,
  files: Readonly<Record<string, string | { link: string }>> = {},
): string {
  const root = tempFolder();
  mkdirSync(path.join(root, 'tasks'));
  writeFiles(root, { 'tasks/images.ts': definitions, ...files });
  return root;
}
