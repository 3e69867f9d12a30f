import { accessSync, constants, lstatSync, readFileSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { writeFileAtomic } from '../disk/write.ts';
import { processProbe } from '../doctor/probe.ts';
import type { Environment } from '../model/environment.ts';
import { TasksError } from '../model/errors.ts';
import { type ShellName, scriptMark, scripts } from './completion-scripts.ts';
import type { Context } from './context.ts';

/** What was written, and what to do to use it. */
export interface Installed {
  readonly file: string;
  readonly next: string;
}

/**
 * Writes the script of a shell to a folder where the shell looks for completions, and nothing else.
 * @throws TasksError with exit code 2 if a file of someone else is there, 3 if there is no such folder that can be written
 */
export async function installCompletion(
  shell: ShellName,
  { host: { environment }, signal }: Pick<Context, 'host' | 'signal'>,
): Promise<Installed> {
  const { file, next } = await placeOf(shell, environment, signal);
  refuseForeign(file);
  try {
    writeFileAtomic(file, scripts[shell]);
  } catch (error) {
    throw new TasksError(3, `cannot write the completion: ${(error as Error).message}`, {
      hint: `make ${path.dirname(file)} a folder that you can write to`,
      cause: error,
    });
  }
  return { file, next };
}

async function placeOf(shell: ShellName, environment: Environment, signal: AbortSignal): Promise<Installed> {
  const home = environment.HOME || os.homedir();
  const inHome = (variable: string, fallback: string): string =>
    environment[variable] || path.join(home, fallback);
  switch (shell) {
    case 'bash': {
      // Since 2.12 a list of folders.
      const [folder = ''] = (environment.BASH_COMPLETION_USER_DIR ?? '').split(':');
      const base = folder || path.join(inHome('XDG_DATA_HOME', '.local/share'), 'bash-completion');
      const file = path.join(base, 'completions/tasks');
      const next = `start a new shell. Without the package bash-completion, add this line to ~/.bashrc:\n  source ${file}`;
      return { file, next };
    }
    case 'fish':
      return {
        file: path.join(inHome('XDG_CONFIG_HOME', '.config'), 'fish/completions/tasks.fish'),
        next: 'press Tab in any fish shell',
      };
    case 'zsh': {
      const file = path.join(await zshFolder(environment, signal), '_tasks');
      return { file, next: 'start a new shell. If it does not complete yet: rm -f ~/.zcompdump; compinit' };
    }
    case 'powershell':
      throw new TasksError(2, 'PowerShell has no folder for completions', {
        hint: 'add this line to $PROFILE: `tasks completion powershell` | Out-String | Invoke-Expression',
      });
  }
}

/** Returns the folder for the site's functions in the fpath that zsh has without any rc file. */
async function zshFolder(environment: Environment, signal: AbortSignal): Promise<string> {
  const { exitCode, stdout } = await processProbe(
    environment,
    signal,
  )(['zsh', '-f', '-c', 'print -rl -- $fpath']);
  if (exitCode === undefined) throw new TasksError(3, 'zsh is not installed', { hint: 'install zsh first' });
  const folders = stdout.split('\n').filter((folder) => path.basename(folder) === 'site-functions');
  const folder = folders.find(isWritable);
  if (folder !== undefined) return folder;
  const named = folders.length > 0 ? `: ${folders.join(', ')}` : '';
  throw new TasksError(3, `zsh looks for completions in no folder that you can write to${named}`, {
    hint: 'run `mkdir -p ~/.zfunc`, then `tasks completion zsh > ~/.zfunc/_tasks`, and add this line to ~/.zshrc in place of compinit:\n  fpath=(~/.zfunc $fpath); autoload -U compinit; compinit',
  });
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return statSync(folder).isDirectory();
  } catch {
    return false;
  }
}

/** @throws TasksError with exit code 2 if the file exists and is not one of ours */
function refuseForeign(file: string): void {
  const entry = lstatSync(file, { throwIfNoEntry: false });
  if (entry === undefined) return;
  if (entry.isFile() && readFileSync(file, 'utf8').includes(scriptMark)) return;
  throw new TasksError(2, `${file} exists and was not written by tasks: nothing was changed`, {
    hint: 'move it away, or write the script elsewhere with `tasks completion`',
  });
}
