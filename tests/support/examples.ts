import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { busybox } from './busybox.ts';
import { tempFolder, writeFiles } from './temp.ts';

/** In all images of this run, so that their keys are new, and that only they are removed. */
export const exampleLabel = 'image-tasks.examples-test';

/** A copy of an example, and a shell for its commands. */
export interface ExampleCopy {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Copies an example to a folder that looks like a clean checkout. `npx tasks` runs the built program, without the time that npm
 * takes. `words`: what to replace in the definitions.
 */
export function copyExample(name: string, words: Readonly<Record<string, string>> = {}): ExampleCopy {
  const root = tempFolder();
  const folder = path.join(root, 'examples', name);
  cpSync(path.resolve('examples', name), folder, {
    recursive: true,
    filter: (file) => path.basename(file) !== '.cache',
  });
  mkdirSync(path.join(root, 'node_modules'));
  symlinkSync(path.resolve('.'), path.join(root, 'node_modules/image-tasks'));
  writeFiles(root, { '.gitignore': 'bin\nnode_modules\n' });
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    if (path.basename(file) === 'Dockerfile') markImage(path.join(folder, file), name);
  writeFiles(root, {
    'bin/npx*': `#!/bin/sh\nshift\nexec '${process.execPath}' '${path.resolve('dist/tasks.js')}' "$@"\n`,
    'bin/busybox': { link: busybox() },
  });
  for (const [word, other] of Object.entries(words)) {
    const definitions = path.join(folder, 'tasks/images.ts');
    writeFileSync(definitions, readFileSync(definitions, 'utf8').replace(word, other));
  }
  const author = ['-c', 'user.name=test', '-c', 'user.email=test@example.com'];
  for (const args of [
    ['init', '--quiet'],
    ['add', '.'],
    [...author, 'commit', '--quiet', '--message', 'examples'],
  ])
    execFileSync('git', args, { cwd: root });
  const kept = ['HOME', 'DOCKER_HOST', 'DOCKER_CONFIG'].flatMap((variable) => {
    const value = process.env[variable];
    return value === undefined ? [] : [[variable, value] as const];
  });
  const PATH = `${root}/bin:${path.dirname(process.execPath)}:${process.env.PATH}`;
  // As npx sets it: commands in messages then begin with npx.
  return { folder, env: { ...Object.fromEntries(kept), PATH, npm_command: 'exec' } };
}

/**
 * Marks the images that stand on nothing. With a variable, BuildKit does not take their steps from its cache either. A LABEL
 * instruction takes the labels, since `why` counts instructions.
 */
function markImage(file: string, example: string): void {
  const pairs = `${exampleLabel}=${process.pid} ${exampleLabel}.name=${example}`;
  const text = readFileSync(file, 'utf8');
  const hasLabel = /^LABEL /m.test(text);
  const changed = hasLabel
    ? text.replace(/^LABEL .*$/gm, `$& ${pairs}`)
    : text.replace(/^FROM scratch.*$/gm, `$&\nLABEL ${pairs}\nENV EXAMPLE_OF_TEST=${process.pid}`);
  writeFileSync(file, changed);
}

/** Runs a command as a shell does that a reader pastes it into, and returns what it prints. */
export async function paste(command: string, { folder, env }: ExampleCopy): Promise<string> {
  const { output, ended } = startShell(command, { folder, env });
  await ended;
  return output();
}

/**
 * Runs a command that watches, and each of the edits when it has printed `ready` once more. At last interrupts it, and returns what it
 * prints.
 */
export async function pasteWatch(
  command: string,
  edits: readonly string[],
  ready: string,
  copy: ExampleCopy,
): Promise<string> {
  const { child, output, ended } = startShell(`exec ${command}`, copy);
  const rest = [...edits];
  let done = 0;
  child.stdout.on('data', async () => {
    if (output().split(ready).length - 1 === done) return;
    done++;
    const edit = rest.shift();
    if (edit === undefined) child.kill('SIGINT');
    else await paste(edit, copy);
  });
  await ended;
  return output();
}

function startShell(command: string, { folder, env }: ExampleCopy) {
  const child = spawn('sh', ['-c', `exec 2>&1\n${command}`], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (data) => (text += data));
  const ended = new Promise((resolve) => child.on('close', resolve));
  return { child, output: () => text, ended };
}
