import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeProject, runCli, startCli } from '../support/cli.ts';
import { processEnded } from '../support/processes.ts';

const test = suite('e2e: signals and concurrent runs');

/** `first` ends immediately. `slow` prints `ready`, then waits for a file `go` and ignores signals. */
const project = (): string =>
  makeProject(
    `import { command } from 'image-tasks';
export const first = command({ name: 'first', run: ['./first'] });
export const slow = command({ name: 'slow', run: ['./slow'], needs: { first } });
export const last = command({ name: 'last', run: ['true'], needs: { slow } });
`,
    {
      'first*': '#!/bin/sh\necho x >> ran-first\n',
      'slow*': `#!/bin/sh
trap '' INT TERM HUP
echo x >> ran-slow
echo $$ > pid
sleep 1000 & echo $! > pid-of-child
echo ready
while [ ! -e go ]; do sleep 0.05; done
kill $!
echo "$$" > "$TASKS_OUT/text"
`,
    },
  );
const timesRan = (cwd: string, name: string): number =>
  existsSync(path.join(cwd, `ran-${name}`))
    ? readFileSync(path.join(cwd, `ran-${name}`), 'utf8').length / 2
    : 0;
/** Waits until `slow` and its child have ended. */
const haveEnded = async (cwd: string): Promise<void> => {
  for (const file of ['pid', 'pid-of-child']) await processEnded(path.join(cwd, file));
};
/** Starts a build and waits until `slow` runs. */
const startSlow = async (cwd: string) => {
  const started = startCli(['build', '--verbose'], { cwd });
  await started.printed('ready');
  return started;
};

const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 143 } as const;
for (const [signal, exitCode] of Object.entries(exitCodes) as [keyof typeof exitCodes, number][]) {
  test(`${signal}: child processes end, finished tasks are kept, exit code ${exitCode}`, async () => {
    const cwd = project();
    const { child, ended } = await startSlow(cwd);
    child.kill(signal);
    const { code, err } = await ended;
    assert.is(code, exitCode);
    assert.match(err, /interrupted/);
    assert.match(err, /\ninterrupted: [\s\S]*\n.* 1 built, 2 canceled/, 'the reason precedes the summary');
    await haveEnded(cwd);
    writeFileSync(path.join(cwd, 'go'), '');
    const next = await runCli(['build'], { cwd });
    assert.is(next.code, 0);
    assert.match(next.err, /2 built, 1 up to date/);
    assert.equal([timesRan(cwd, 'first'), timesRan(cwd, 'slow')], [1, 2]);
  });
}

test('logs --follow prints what a running build writes, and ends with the task or an interrupt', async () => {
  const cwd = project();
  const { child, ended } = await startSlow(cwd);
  const follow = startCli(['logs', 'slow', '--follow'], { cwd });
  await follow.printed('still running');
  const interrupted = startCli(['logs', 'slow', '-f'], { cwd });
  await interrupted.printed('still running');
  interrupted.child.kill('SIGINT');
  assert.is((await interrupted.ended).code, 130);
  assert.match((await runCli(['logs', 'slow'], { cwd })).err, /still running: add --follow/);
  writeFileSync(path.join(cwd, 'go'), '');
  const { code, out } = await follow.ended;
  assert.equal([code, out], [0, 'ready\n']);
  assert.is((await ended).code, 0);
  assert.not.match((await runCli(['logs', 'slow'], { cwd })).err, /running/);
  assert.is(child.exitCode, 0);
});

test('a second interrupt ends the run and its child processes immediately', async () => {
  const cwd = project();
  const { child, printed, ended } = await startSlow(cwd);
  child.kill('SIGINT');
  await printed('stopping');
  child.kill('SIGINT');
  assert.is((await ended).code, 130);
  await haveEnded(cwd);
});

test('after a kill, the next run continues, and a remaining child process does not corrupt its results', async () => {
  const cwd = project();
  const { child, ended } = await startSlow(cwd);
  const orphan = readFileSync(path.join(cwd, 'pid'), 'utf8');
  child.kill('SIGKILL');
  await ended;
  const next = await startSlow(cwd);
  const own = readFileSync(path.join(cwd, 'pid'), 'utf8');
  assert.is.not(own, orphan);
  writeFileSync(path.join(cwd, 'go'), '');
  const { code, err } = await next.ended;
  assert.is(code, 0, err);
  assert.is(timesRan(cwd, 'first'), 1);
  const plan = JSON.parse((await runCli(['plan', '--json'], { cwd })).out) as {
    tasks: { id: string; key: string; action: string }[];
  };
  const slow = plan.tasks.find(({ id }) => id === 'slow:latest')!;
  assert.is(slow.action, 'reuse');
  assert.is(readFileSync(path.join(cwd, '.cache/files', slow.key, 'text'), 'utf8'), own);
});

test('two concurrent runs run each task once; the second waits for the first', async () => {
  const cwd = project();
  const one = await startSlow(cwd);
  const two = startCli(['build'], { cwd });
  await two.printed(`waiting for another tasks process (pid ${one.child.pid}) to build slow:latest`);
  writeFileSync(path.join(cwd, 'go'), '');
  const [first, second] = [await one.ended, await two.ended];
  assert.equal([first.code, second.code], [0, 0], second.err);
  assert.equal([timesRan(cwd, 'first'), timesRan(cwd, 'slow')], [1, 1]);
});

test.run();
