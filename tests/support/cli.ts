import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { tempFolder, writeFiles } from './temp.ts';

const program = path.resolve('dist/tasks.js');
/** How long `printed` waits, in milliseconds; long enough for a busy machine. */
const printLimitMs = 120_000;

export interface CliResult {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface CliProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<CliResult>;
  /** Resolves when the text appears on standard error; rejects if the process ends without it, or after two minutes. */
  printed(text: string): Promise<void>;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The program to run, instead of that of this checkout. */
  readonly program?: string;
}

/** Returns a small environment, without variables that were set for this test run. */
function environment(extra: Readonly<Record<string, string>> = {}): Record<string, string | undefined> {
  const kept = ['PATH', 'HOME', 'DOCKER_HOST', 'DOCKER_CONFIG'];
  return { ...Object.fromEntries(kept.map((name) => [name, process.env[name]])), ...extra };
}

/** Starts a tasks process with the built program. */
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
      for (const wait of waiting) wait.reject(new Error(`ended without printing "${wait.text}":\n${err}`));
      resolve({ code, out, err });
    });
  });
  const printed = async (text: string): Promise<void> => {
    if (err.includes(text)) return;
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        waiting.push({ text, resolve, reject });
        timer = setTimeout(() => reject(new Error(`did not print "${text}":\n${err}`)), printLimitMs);
      });
    } finally {
      clearTimeout(timer);
    }
  };
  return { child, ended, printed };
}

/** Runs a tasks process and waits for its end. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return await startCli(args, options).ended;
}

/** Creates a project with the given definitions in `tasks/images.ts`, and files. Returns its root. */
export function makeProject(
  definitions: string,
  files: Readonly<Record<string, string | { link: string }>> = {},
): string {
  const root = tempFolder();
  mkdirSync(path.join(root, 'tasks'));
  writeFiles(root, { 'tasks/images.ts': definitions, ...files });
  return root;
}
