import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeProject } from '../support/cli.ts';

const test = suite('e2e: the title and the progress of a terminal');
const program = path.resolve('dist/tasks.js');
const hasScript = spawnSync('script', ['--version']).status === 0;

/** `slow` ignores signals and never ends by itself. */
const project = (): string =>
  makeProject(
    `import { command } from 'image-tasks';
export const slow = command({ name: 'slow', run: ['./slow'] });
`,
    {
      'slow*': `#!/bin/sh\ntrap '' INT TERM HUP\necho $PPID > pid\necho ready\nwhile [ -e pid ]; do sleep 0.05; done\n`,
    },
  );

/** What the terminal is told. */
const sequences = {
  save: '\x1b[22;2t',
  title: '\x1b]2;0/1 · tasks build\x1b\\',
  restore: '\x1b]2;\x1b\\\x1b[23;2t',
  progress: '\x1b]9;4;1;0\x1b\\',
  noProgress: '\x1b]9;4;0;0\x1b\\',
};

/** Builds on a pseudoterminal of util-linux's `script`, and ends it by these signals. Returns what the terminal got. */
async function terminalOutput(
  signals: readonly NodeJS.Signals[],
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const cwd = project();
  const child = spawn(
    'script',
    ['-qefc', `stty cols 80 rows 24; exec '${process.execPath}' '${program}' build`, '/dev/null'],
    {
      cwd,
      env: { PATH: process.env.PATH, HOME: cwd, TERM: 'xterm', SHELL: '/bin/sh', ...environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const waiting = [...signals];
  let text = '';
  child.stdout.on('data', (data) => {
    text += data;
    // The second signal is sent once the first has been noticed.
    const isTime = waiting.length === signals.length ? /ready/.test(text) : /stopping/.test(text);
    if (waiting.length > 0 && isTime)
      process.kill(Number(readFileSync(path.join(cwd, 'pid'), 'utf8')), waiting.shift());
  });
  await new Promise((resolve) => child.on('close', resolve));
  return text;
}

const run = hasScript ? test : test.skip;
const named = (name: string): string => (hasScript ? name : `${name} (skipped: script is not installed)`);

for (const signals of [['SIGTERM'], ['SIGINT', 'SIGINT']] as const)
  run(named(`${signals.join(' and ')}: both are set during the run and restored at its end`), async () => {
    const text = await terminalOutput(signals, { TERM_PROGRAM: 'ghostty' });
    const places = [sequences.save, sequences.title, sequences.progress].map((part) => text.indexOf(part));
    assert.ok(places.every((place) => place >= 0));
    const end = text.slice(text.indexOf('stopping'));
    assert.match(end, sequences.restore);
    assert.match(end, sequences.noProgress);
    assert.is(text.split(sequences.restore).length, 2, 'once');
  });

run(named('a terminal that is not known to have a progress bar gets the title only'), async () => {
  const text = await terminalOutput(['SIGTERM'], {});
  assert.match(text, sequences.title);
  assert.is(text.includes('\x1b]9;'), false);
});

run(named('in CI and with TASKS_TITLE=0, neither is touched'), async () => {
  for (const environment of [{ CI: 'true' }, { TASKS_TITLE: '0' }])
    assert.is((await terminalOutput(['SIGTERM'], environment)).includes('\x1b]'), false);
});

test.run();
