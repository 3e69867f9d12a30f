import { spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeProject, runCli } from '../support/cli.ts';
import { tempFolder } from '../support/temp.ts';

const test = suite('standard streams and the working directory');
const program = path.resolve('dist/tasks.js');

/** `talk` prints, says where its child runs, and never ends by itself. */
const talkative = (): string =>
  makeProject(
    `import { command } from 'image-tasks';
export const talk = command({ name: 'talk', run: ['./talk'] });
export const quick = command({ name: 'quick', run: ['true'] });
`,
    { 'talk*': '#!/bin/sh\necho $$ > pid\nwhile :; do echo line; sleep 0.05; done\n' },
  );

interface Pipes {
  readonly stdio: ['ignore', 'pipe' | 'ignore' | number, 'pipe' | 'ignore' | number];
  /** Whose reader goes away after the first text. */
  readonly leaves?: 'stdout' | 'stderr';
}

async function run(args: readonly string[], cwd: string, { stdio, leaves }: Pipes) {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [program, ...args], { cwd, env: { PATH, HOME }, stdio });
  let err = '';
  if (leaves !== 'stderr') child.stderr?.on('data', (data) => (err += data));
  if (leaves !== undefined) child[leaves]?.once('data', () => child[leaves]?.destroy());
  const code = await new Promise((resolve) => child.on('close', resolve));
  return { code, err };
}

/** A child that ended and that nobody has waited for yet is not alive. */
const isAlive = (cwd: string): boolean => {
  if (!existsSync(path.join(cwd, 'pid'))) return false;
  const stat = `/proc/${readFileSync(path.join(cwd, 'pid'), 'utf8').trim()}/stat`;
  return existsSync(stat) && !/\) Z /.test(readFileSync(stat, 'utf8'));
};

for (const [what, args, leaves] of [
  ['events', ['build', '--json'], 'stdout'],
  ['progress', ['build', '--reporter', 'plain', '--verbose'], 'stderr'],
] as const)
  test(`the reader of ${what} goes away: what runs is ended, and the exit code is 1`, async () => {
    const cwd = talkative();
    const { code } = await run(args, cwd, { stdio: ['ignore', 'pipe', 'pipe'], leaves });
    assert.is(code, 1);
    assert.is(isAlive(cwd), false);
  });

test('the reader of a list goes away: that is no failure', async () => {
  const { code, err } = await run(['list'], talkative(), {
    stdio: ['ignore', 'pipe', 'pipe'],
    leaves: 'stdout',
  });
  assert.equal([code, err], [0, '']);
});

for (const args of [['list'], ['completion', 'bash'], ['complete', '--', 'build', '']])
  test(`standard output of ${args[0]} on a full disk: an error, exit code 3`, async () => {
    const { code, err } = await run(args, talkative(), {
      stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
    });
    assert.is(code, 3);
    assert.match(err, /^error: cannot write to stdout: .*no space left/);
  });

test('what definitions print controls neither a terminal nor a CI service', async () => {
  const cwd = makeProject(`import { command } from 'image-tasks';
console.log('\\u001b]0;pwned\\u0007');
console.error('::add-mask::\\u001b[2Jx');
export const a = command({ name: 'a', run: ['true'] });
`);
  const { out, err } = await runCli(['list'], { cwd, env: { GITHUB_ACTIONS: 'true' } });
  assert.match(out, /a +command/);
  assert.not.match(out + err, /\x1b|\x07|^::/m);
});

test("a definition's own promise fails: the text controls no terminal, and no child is left", async () => {
  const cwd = makeProject(
    `import { command } from 'image-tasks';
import { existsSync } from 'node:fs';
const fail = (async () => {
  while (!existsSync('pid')) await new Promise((resolve) => setTimeout(resolve, 10));
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
  assert.is(isAlive(cwd), false);
});

test('a working directory that is gone: an error, exit code 2', async () => {
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
  test(`tasks ${args[0]}: neither a terminal nor a CI service obeys output and file names`, async () => {
    const cwd = hostile();
    await runCli(['build'], { cwd });
    const { out, err } = await runCli(args, { cwd, env: { GITHUB_ACTIONS: 'true' } });
    assert.not.match(out + err, /\x1b\]|\x07|##\[|^\s*::(add-mask|stop-commands)/m);
  });

test.run();
