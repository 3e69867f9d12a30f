import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineApi } from '../../src/engine/api.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { tempFolder, writeFiles } from '../support/temp.ts';
import { comparable, readTranscript, withOutputs } from '../support/transcript.ts';

const test = suite('the examples, command by command');
/** In all images of this run, so that their keys are new, and that only they are removed. */
const label = 'image-tasks.examples-test';
/** `TASKS_EXAMPLES=write` writes the output that came into the READMEs. */
const writes = process.env.TASKS_EXAMPLES === 'write';
const examples = path.resolve('examples');

/** Adds the label to a Dockerfile: to a LABEL instruction if there is one, since `why` counts instructions. */
function labeled(dockerfile: string): string {
  const pair = `${label}=${process.pid}`;
  if (/^LABEL /m.test(dockerfile)) return dockerfile.replace(/^LABEL .*$/gm, `$& ${pair}`);
  return dockerfile.replace(/^FROM scratch.*$/gm, `$&\nLABEL ${pair}`);
}

/** The examples as in a checkout, with `npx`, but without the time that npm takes. */
function copyExamples(): { folder: string; env: Record<string, string> } {
  const root = tempFolder();
  const folder = path.join(root, 'examples');
  cpSync(examples, folder, { recursive: true, filter: (name) => path.basename(name) !== '.cache' });
  mkdirSync(path.join(root, 'node_modules'));
  symlinkSync(path.resolve('.'), path.join(root, 'node_modules/image-tasks'));
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (path.basename(name) !== 'Dockerfile') continue;
    const file = path.join(folder, name);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, labeled(text));
  }
  writeFiles(root, {
    'bin/npx*': `#!/bin/sh\nshift\nexec '${process.execPath}' '${path.resolve('dist/tasks.js')}' "$@"\n`,
  });
  const kept = ['HOME', 'DOCKER_HOST', 'DOCKER_CONFIG'].flatMap((name) =>
    process.env[name] ? [[name, process.env[name]]] : [],
  );
  const PATH = `${root}/bin:${path.dirname(process.execPath)}:${process.env.PATH}`;
  return { folder, env: { ...Object.fromEntries(kept), PATH, npm_command: 'exec' } };
}

/** Runs a command as a reader does who pastes it into a shell, and returns what it prints. */
async function paste(command: string, cwd: string, env: Record<string, string>): Promise<string> {
  const child = spawn('sh', ['-c', `exec 2>&1\n${command}`], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  await new Promise((resolve) => child.on('close', resolve));
  return output;
}

let api: EngineApi;
test.before(async () => {
  api = await connectTestEngine();
});
test.after(async () => await removeImages(api, label, `${process.pid}`));

const { folder, env } = copyExamples();
const names = readdirSync(examples, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

for (const name of names) {
  test(`${name}: each command prints what its README shows`, async () => {
    const file = path.join(examples, name, 'README.md');
    const page = readFileSync(file, 'utf8');
    const exchanges = readTranscript(page);
    const outputs: string[] = [];
    for (const { command } of exchanges) outputs.push(await paste(command, path.join(folder, name), env));
    const isSame = exchanges.every(({ output }, index) => comparable(output) === comparable(outputs[index]!));
    if (writes && !isSame) writeFileSync(file, withOutputs(page, outputs));
    else
      exchanges.forEach(({ command, output }, index) => {
        assert.equal(comparable(outputs[index]!), comparable(output), `$ ${command}\n${outputs[index]}`);
      });
  });
}

test.run();
