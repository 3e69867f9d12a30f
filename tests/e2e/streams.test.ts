import { spawn } from 'node:child_process';
import { existsSync, openSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeProject, runCli } from '../support/cli.ts';
import { hasPid, processEnded } from '../support/processes.ts';
import { tempFolder } from '../support/temp.ts';

const test = suite('e2e: standard streams and working directory');
const program = path.resolve('dist/tasks.js');

/** `talk` writes its PID to a file and prints lines forever. */
const makeEndless = (): string =>
  makeProject(
    `import { command } from 'image-tasks';
export const talk = command({ name: 'talk', run: ['./talk'] });
export const quick = command({ name: 'quick', run: ['true'] });
`,
    { 'talk*': '#!/bin/sh\necho $$ > pid\nwhile :; do echo line; sleep 0.05; done\n' },
  );

interface Pipes {
  readonly stdio: ['ignore', 'pipe' | 'ignore' | number, 'pipe' | 'ignore' | number];
  /** The stream that is closed. */
  readonly closed?: 'stdout' | 'stderr';
  /** It is closed at the first output for which this is true. */
  readonly when?: () => boolean;
}

async function run(args: readonly string[], cwd: string, { stdio, closed, when = () => true }: Pipes) {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [program, ...args], { cwd, env: { PATH, HOME }, stdio });
  let err = '';
  if (closed !== 'stderr') child.stderr?.on('data', (data) => (err += data));
  if (closed !== undefined)
    child[closed]?.on('data', () => {
      if (when()) child[closed]?.destroy();
    });
  const code = await new Promise((resolve) => child.on('close', resolve));
  return { code, err };
}

const pidFile = (cwd: string): string => path.join(cwd, 'pid');

for (const [what, args, closed] of [
  ['events', ['build', '--json'], 'stdout'],
  ['progress', ['build', '--reporter', 'plain', '--verbose'], 'stderr'],
] as const)
  test(`if the reader of ${what} closes the pipe, the run ends with exit code 1`, async () => {
    const cwd = makeEndless();
    const { code } = await run(args, cwd, {
      stdio: ['ignore', 'pipe', 'pipe'],
      closed,
      when: () => hasPid(pidFile(cwd)),
    });
    assert.is(code, 1);
    await processEnded(pidFile(cwd));
  });

test('if the reader of a list closes the pipe, the exit code is 0', async () => {
  const { code, err } = await run(['list'], makeEndless(), {
    stdio: ['ignore', 'pipe', 'pipe'],
    closed: 'stdout',
  });
  assert.equal([code, err], [0, '']);
});

for (const args of [['list'], ['completion', 'bash'], ['complete', 'fish', '--', 'build', '']])
  test(`if ${args[0]} writes to a full disk, the exit code is 3`, async () => {
    const { code, err } = await run(args, makeEndless(), {
      stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
    });
    assert.is(code, 3);
    assert.match(err, /^error: cannot write to stdout: .*no space left/);
  });

test('output of definitions cannot control a terminal or CI service', async () => {
  const cwd = makeProject(`import { command } from 'image-tasks';
console.log('\\u001b]0;pwned\\u0007');
console.error('::add-mask::\\u001b[2Jx');
export const a = command({ name: 'a', run: ['true'] });
`);
  const { out, err } = await runCli(['list'], { cwd, env: { GITHUB_ACTIONS: 'true' } });
  assert.match(out, /a +command/);
  assert.not.match(out + err, /\x1b|\x07|^::/m);
});

test('a rejected promise in a definition: its message is sanitized, and no child process remains', async () => {
  const cwd = makeProject(
    `import { command } from 'image-tasks';
import { existsSync, readFileSync } from 'node:fs';
const fail = (async () => {
  while (!existsSync('pid') || readFileSync('pid', 'utf8') === '') await new Promise((resolve) => setTimeout(resolve, 10));
  throw new Error('\\u001b]0;pwned\\u0007');
})();
export const talk = command({ name: 'talk', run: ['./talk'] });
`,
    { 'talk*': '#!/bin/sh\necho $$ > pid\nexec sleep 60\n' },
  );
  const { code, err } = await run(['build'], cwd, { stdio: ['ignore', 'ignore', 'pipe'] });
  assert.is(code, 1);
  assert.match(err, /error: uncaught exception\nError: /);
  assert.not.match(err, /\x1b|\x07/);
  await processEnded(pidFile(cwd));
});

test('a deleted working directory: exit code 2', async () => {
  const cwd = tempFolder();
  const child = spawn(
    '/bin/sh',
    ['-c', 'rmdir "$PWD" && exec "$0" "$@"', process.execPath, program, 'list'],
    { cwd, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let err = '';
  child.stderr.on('data', (data) => (err += data));
  const code = await new Promise((resolve) => child.on('close', resolve));
  assert.is(code, 2);
  assert.match(err, /^error: the working directory no longer exists\nhint: /);
  if (existsSync(cwd)) rmdirSync(cwd);
});

const hostile = (): string =>
  makeProject(
    `import { command } from 'image-tasks';
export const talk = command({ name: 'talk', run: ['./talk'], inputs: ['in/*'] });
`,
    {
      'talk*': `#!/bin/sh
printf '\\033]0;pwned\\007::stop-commands::x\\n'
printf 'x ##[add-mask]x\\033[2J\\n'
exit 1
`,
      'in/\x1b]0;pwned\x07\n::add-mask::name': 'x',
    },
  );

for (const args of [
  ['plan', '--verbose'],
  ['why', 'talk'],
  ['graph', '--changed'],
  ['build'],
  ['logs', 'talk'],
])
  test(`tasks ${args[0]}: output and file names cannot control a terminal or CI service`, async () => {
    const cwd = hostile();
    await runCli(['build'], { cwd });
    const { out, err } = await runCli(args, { cwd, env: { GITHUB_ACTIONS: 'true' } });
    assert.not.match(out + err, /\x1b\]|\x07|##\[|^\s*::(add-mask|stop-commands)/m);
  });

test.run();
