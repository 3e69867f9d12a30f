import { readFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RunEvent } from '../../src/model/events.ts';
import { makeProject, runCli } from '../support/cli.ts';
import { env, makeCommands } from '../support/commands-project.ts';
import { writeFiles } from '../support/temp.ts';

const test = suite('e2e: what a run of commands reports');

test('events say why a command failed, and what it wrote to standard error', async () => {
  const cwd = makeProject(
    `import { command } from 'image-tasks';
export const fails = command({ name: 'fails', run: ['./fails'] });
export const missing = command({ name: 'missing', run: ['no-such-program'] });
export const text = command({ name: 'text', run: ['./text'] });
export const shell = command({ name: 'shell', run: ['./shell'] });
export const slow = command({ name: 'slow', run: ['sleep', '600'], timeout: '1s' });
export const fetch = command({ name: 'fetch', run: ['./fetch'] });
`,
    {
      'fails*': '#!/bin/sh\necho out\necho err >&2\nexit 3\n',
      text: 'text\n',
      'shell*': '#!/bin/sh\nno-such-program\n',
      'fetch*': '#!/bin/sh\necho "curl: (6) Could not resolve host: h.example" >&2\nexit 6\n',
    },
  );
  const { out } = await runCli(['build', '--json', '--keep-going'], { cwd, env });
  const failures = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as RunEvent)
    .flatMap((event) => (event.type === 'task-finished' ? [{ id: event.id, ...event.error! }] : []));
  assert.equal(Object.fromEntries(failures.map(({ id, cause, exitCode }) => [id, [cause, exitCode]])), {
    'fails:latest': [undefined, 3],
    'missing:latest': ['not-executable', undefined],
    'text:latest': ['not-executable', undefined],
    'shell:latest': ['not-executable', 127],
    'slow:latest': ['timeout', undefined],
    'fetch:latest': ['network', 6],
  });
  const { lines, stderr } = failures.find(({ id }) => id === 'fails:latest')!;
  assert.equal([[...lines!].sort(), stderr], [['err', 'out'], ['err']]);
});

test('logs prints the last log of a task', async () => {
  const cwd = makeCommands();
  const none = await runCli(['logs', 'source:1'], { cwd, env });
  assert.is(none.code, 1);
  assert.match(none.err, /no logs of source:1/);
  await runCli(['build'], { cwd, env });
  assert.is((await runCli(['logs', 'source:2'], { cwd, env })).out, 'making 2\n');
  const several = await runCli(['logs', 'source'], { cwd, env });
  assert.match(several.out, /^making \d\n$/);
  assert.match(
    several.err,
    /^source:\d: \.cache\/logs\/source@\d\/.*\.log \(the newest; also of source:\d\)\n$/,
  );
  const noTest = await runCli(['logs', 'source:1', '--test'], { cwd, env });
  assert.is(noTest.code, 1);
  assert.match(noTest.err, /no logs of tests of source:1\nhint: it has a log of its build: leave out --test/);
});

test('logs --list lists the logs of all tasks, or of the selected ones', async () => {
  const cwd = makeCommands();
  const none = await runCli(['logs', '--list'], { cwd, env });
  assert.equal([none.code, none.out], [0, '']);
  assert.match(none.err, /^no logs: /);
  await runCli(['build'], { cwd, env });
  const { code, out } = await runCli(['logs', '--list', 'source'], { cwd, env });
  assert.is(code, 0);
  assert.match(out, /^(source:\d {2}build {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC {2}9 B\n){2}$/);
  assert.ok((await runCli(['logs', '--list'], { cwd, env })).out.split('\n').length > 3);
  for (const args of [['logs'], ['logs', '--list', '--follow']])
    assert.is((await runCli(args, { cwd, env })).code, 2, args.join(' '));
});

test('list prints tasks and their descriptions', async () => {
  const cwd = makeCommands();
  const list = await runCli(['list'], { cwd, env });
  assert.match(list.out, /source +command +1 2 +the text/);
});

test('--trace writes a span for each task that ran', async () => {
  const cwd = makeCommands();
  await runCli(['build', '-j', '2', '--trace', 'trace.json'], { cwd, env });
  const { traceEvents } = JSON.parse(readFileSync(path.join(cwd, 'trace.json'), 'utf8')) as {
    traceEvents: { ph: string; name: string; tid: number; dur: number }[];
  };
  const spans = traceEvents.filter(({ ph }) => ph === 'X');
  assert.equal(spans.map(({ name }) => name).sort(), [
    'all:latest',
    'copy:1',
    'copy:2',
    'source:1',
    'source:2',
  ]);
  assert.ok(spans.every(({ tid, dur }) => [100, 200].includes(tid) && dur > 0));
});

test('a failure suggests the log; in CI, lines have times, and GitHub gets a summary', async () => {
  const cwd = makeCommands();
  writeFiles(cwd, { 'fail-1': '' });
  const summary = path.join(cwd, 'summary.md');
  const options = { cwd, env: { ...env, CI: 'true', GITHUB_STEP_SUMMARY: summary } };
  const { code, err } = await runCli(['build', '-k'], options);
  assert.is(code, 1);
  assert.match(err, /^\d\d:\d\d:\d\d ✖ source:1/m);
  assert.match(err, /^next: tasks logs source:1 /m);
  assert.match(
    readFileSync(summary, 'utf8'),
    /### tasks build[\s\S]*✖ source:1 [\s\S]*cannot make 1[\s\S]*\| source:1 \| \*\*failed\*\* \|/,
  );
  assert.is((await runCli(['logs', 'source:1'], options)).out, 'making 1\ncannot make 1\n');
  assert.not.match((await runCli(['build', '-k', '--quiet'], options)).err, /next|slowest/);
});

test('plan shows the expected duration if there is timing history', async () => {
  const cwd = makeCommands();
  assert.not.match((await runCli(['plan'], { cwd, env })).out, /about/);
  await runCli(['build', 'source', 'copy'], { cwd, env });
  writeFiles(cwd, { 'in/b': 'new' });
  const { out } = await runCli(['plan', '-j', '3'], { cwd, env });
  assert.match(
    out,
    /\nabout \d.* with 3 jobs, at least \d.*; no timing history for 1 task, assuming 1 m 0 s each\n$/,
  );
});

test.run();
