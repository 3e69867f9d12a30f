import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync } from 'node:fs';
import path from 'node:path';
import { tempFolder, writeFiles } from './temp.ts';

const program = path.resolve('dist/tasks.js');

export function hasProgram(name: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
}

/** Returns a folder for PATH whose `tasks` completes like the built program, and otherwise prints its words: `ran <plan> <-v>`. */
export function folderWithTasks(name = 'tasks', skipped = 0): string {
  const folder = tempFolder();
  const script = `#!/bin/sh
echo "$*" >> '${folder}/calls'
shift ${skipped}
[ "$1" = complete ] && exec '${process.execPath}' '${program}' "$@"
printf ran; printf ' <%s>' "$@"; echo
`;
  writeFiles(folder, { [name]: script });
  chmodSync(path.join(folder, name), 0o755);
  return folder;
}

export interface Session {
  /** The shell and its flags, in the words of a shell. It must print `READY>` as its prompt. */
  readonly shell: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Types lines into an interactive shell on a terminal, `\t` for the Tab key. Returns the arguments of each `tasks` that it ran. */
export async function typeInto({ shell, cwd, env }: Session, lines: readonly string[]): Promise<string[]> {
  const child = spawn('script', ['-qec', shell, '/dev/null'], {
    cwd,
    env: { PATH: process.env.PATH, HOME: tempFolder(), TERM: 'dumb', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.on('data', (data) => {
    const isFirst = !out.includes('READY>');
    out += data;
    if (isFirst && out.includes('READY>')) child.stdin.end([...lines, 'exit', ''].join('\n'));
  });
  await new Promise((resolve) => child.on('close', resolve));
  return [...out.matchAll(/^\r*ran (.*?)\r*$/gm)].map((match) => match[1]!);
}

/** The file of the package bash-completion that shells source; undefined if it is not installed. */
export const bashCompletionPackage = ['/usr/share/bash-completion/bash_completion'].find((file) =>
  existsSync(file),
);
