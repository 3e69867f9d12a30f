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

/** Copies an example to a folder that looks like a clean checkout. `words`: what to replace in the definitions. */
export function copyExample(name: string, words: Readonly<Record<string, string>> = {}): ExampleCopy {
  const { folder: root, env } = emptyFolder();
  const folder = path.join(root, 'examples', name);
  cpSync(path.resolve('examples', name), folder, {
    recursive: true,
    filter: (file) => path.basename(file) !== '.cache',
  });
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    if (path.basename(file) === 'Dockerfile') rewrite(path.join(folder, file), (text) => marked(text, name));
  for (const [word, other] of Object.entries(words))
    rewrite(path.join(folder, 'tasks/images.ts'), (text) => text.replace(word, other));
  const author = ['-c', 'user.name=test', '-c', 'user.email=test@example.com'];
  for (const args of [
    ['init', '--quiet'],
    ['add', '.'],
    [...author, 'commit', '--quiet', '--message', 'examples'],
  ])
    execFileSync('git', args, { cwd: root });
  return { folder, env };
}

/**
 * Returns an empty folder, but for files that git ignores: `npx tasks` runs the built program, without the time that npm takes, and
 * the package is installed, whatever `npm` is asked for.
 */
export function emptyFolder(): ExampleCopy {
  const folder = tempFolder();
  mkdirSync(path.join(folder, 'node_modules'));
  symlinkSync(path.resolve('.'), path.join(folder, 'node_modules/image-tasks'));
  writeFiles(folder, {
    '.gitignore': 'bin\nnode_modules\n',
    'bin/npx*': `#!/bin/sh\nshift\nexec '${process.execPath}' '${path.resolve('dist/tasks.js')}' "$@"\n`,
    'bin/npm*': '#!/bin/sh\n',
    'bin/busybox': { link: busybox() },
  });
  const kept = ['HOME', 'DOCKER_HOST', 'DOCKER_CONFIG'].flatMap((variable) => {
    const value = process.env[variable];
    return value === undefined ? [] : [[variable, value] as const];
  });
  const PATH = `${folder}/bin:${path.dirname(process.execPath)}:${process.env.PATH}`;
  // As npx sets it: commands in messages then begin with npx.
  return { folder, env: { ...Object.fromEntries(kept), PATH, npm_command: 'exec' } };
}

function rewrite(file: string, change: (text: string) => string): void {
  writeFileSync(file, change(readFileSync(file, 'utf8')));
}

/**
 * Marks the images that stand on nothing. With a variable, BuildKit does not take their steps from its cache either. A LABEL
 * instruction takes the labels, since `why` counts instructions.
 */
export function marked(dockerfile: string, example: string): string {
  const pairs = `${exampleLabel}=${process.pid} ${exampleLabel}.name=${example}`;
  if (/^LABEL /m.test(dockerfile)) return dockerfile.replace(/^LABEL .*$/gm, `$& ${pairs}`);
  return dockerfile.replace(/^FROM scratch.*$/gm, `$&\nLABEL ${pairs}\nENV EXAMPLE_OF_TEST=${process.pid}`);
}

/** Runs a command as a shell does that a reader pastes it into, and returns what it prints. */
export async function paste(command: string, { folder, env }: ExampleCopy): Promise<string> {
  const { output, ended } = startShell(command, { folder, env });
  await ended;
  return output();
}

/** Seconds without output after which a watch counts as hung. */
const silenceLimit = 120;

/**
 * Runs a command that watches, and each of the edits when it has printed `ready` once more. At last interrupts it, and returns what it
 * prints. If it prints nothing for long, kills it.
 * @throws Error with what it printed until then
 */
export async function pasteWatch(
  command: string,
  edits: readonly string[],
  ready: string,
  copy: ExampleCopy,
): Promise<string> {
  const { child, output, ended } = startShell(`exec ${command}`, copy);
  let done = 0;
  let isSilent = false;
  const silence = setTimeout(() => {
    isSilent = true;
    child.kill('SIGKILL');
  }, silenceLimit * 1000);
  child.stdout.on('data', async () => {
    silence.refresh();
    if (output().split(ready).length - 1 <= done) return;
    const edit = edits[done++];
    if (edit === undefined) child.kill('SIGINT');
    else await paste(edit, copy);
  });
  await ended;
  clearTimeout(silence);
  if (isSilent) throw new Error(`no output for ${silenceLimit} s after ${done} edits and this:\n${output()}`);
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
