import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Outcome, TaskFailure } from '../../../src/model/events.ts';
import { failureBlocks, failureOf, failureTitle } from '../../../src/report/failures.ts';
import { makePaint } from '../../../src/report/paint.ts';

const test = suite('failures as text');
const paint = makePaint(false);
/** They started the program with npx. */
const pasteable = (text: string): string => text.replace('`tasks ', '`npx tasks ');

const failed = (version: string, more: Partial<TaskFailure> = {}): { id: string; error: TaskFailure } => ({
  id: `app:${version}`,
  error: {
    message: 'exit code: 2',
    step: '[2/2] RUN make',
    instruction: 'RUN',
    file: 'app/Dockerfile',
    line: 5,
    endLine: 6,
    excerpt: ['RUN make \\', '    all'],
    exitCode: 2,
    lines: ['one', `make: *** no rule for ${version}`],
    stderr: [`make: *** no rule for ${version}`],
    log: `/w/.cache/logs/app@${version}/1.log`,
    ...more,
  },
});
const blocks = (...failures: { id: string; error: TaskFailure }[]): string =>
  failureBlocks(failures, paint, { folder: '/w', pasteable }).join('\n').trim();

test('the place, the instruction, the last output, and the log', () => {
  assert.is(
    blocks(failed('17.9')),
    `✖ app:17.9  RUN ended with exit code 2
  app/Dockerfile:5
  > RUN make \\
  >     all
  │ one
  │ make: *** no rule for 17.9
  log: .cache/logs/app@17.9/1.log`,
  );
});

test('the last lines of standard error are shown, also if much output follows them', () => {
  const output = (stderr: string[], lines: string[]): string[] =>
    [...blocks(failed('1', { lines, stderr })).matchAll(/│ (.*)/g)].map(([, line]) => line!);
  const long = ['1', '2', '3', '4', '5', '6', '7'];
  assert.equal(output(['a', 'b', 'c'], long), ['b', 'c', '5', '6', '7']);
  assert.equal(output(['a', '6'], long), ['a', '4', '5', '6', '7']);
  assert.equal(output(['6', '7'], long), ['3', '4', '5', '6', '7']);
  assert.equal(output([], long), ['3', '4', '5', '6', '7']);
  assert.equal(output(['x'], ['1']), ['x', '1']);
});

test('tasks that failed the same way share a block; numbers of their versions make no difference', () => {
  const same = blocks(failed('16.13'), failed('17.9'), failed('18.1'));
  assert.match(same, /^✖ app:16\.13, app:17\.9, app:18\.1 {2}RUN ended/);
  assert.is(same.match(/✖/g)?.length, 1);
  for (const other of [
    failed('18.1', { line: 7 }),
    failed('18.1', { exitCode: 1 }),
    failed('18.1', { cause: 'network' }),
    failed('18.1', { stderr: ['other'] }),
    failed('18.1', { file: 'other/Dockerfile' }),
  ])
    assert.is(blocks(failed('16.13'), other).match(/✖/g)?.length, 2, JSON.stringify(other));
  const many = blocks(...Array.from({ length: 12 }, (_, index) => failed(String(index))));
  assert.match(many, /^✖ app:0, .*, app:7 and 4 more {2}RUN/);
});

test('help: a hint about this failure, or advice about its cause', () => {
  const { exitCode: _, ...error } = failed('1', { instruction: 'COPY', cause: 'missing-file' }).error;
  const message = '"/a.txt" not found';
  assert.match(
    blocks({ id: 'app:1', error: { ...error, message } }),
    /help: check the path, .*\.dockerignore/,
  );
  const hinted = blocks({ id: 'app:1', error: { ...error, message: `${message}\ndid you mean b.txt?` } });
  assert.match(hinted, /^✖ app:1 {2}COPY: "\/a\.txt" not found\n/);
  assert.match(hinted, 'help: did you mean b.txt?');
  assert.not.match(hinted, 'check the path');
});

test('a task that is blocked for a cause of its own is shown like a failure; its dependents are not', () => {
  const finished = (outcome: Outcome, error?: TaskFailure) =>
    failureOf({
      type: 'task-finished',
      time: '',
      phase: 'build',
      id: 'app:1',
      outcome,
      ms: 0,
      ...(error === undefined ? {} : { error }),
    });
  const missing: TaskFailure = { message: 'no a\ndid you mean b?', cause: 'missing-file' };
  assert.is(blocks(finished('blocked', missing)!), '✖ app:1  no a\n  help: did you mean b?');
  assert.is(finished('blocked', { message: 'base:1 is blocked' }), undefined);
  assert.is(finished('cancelled'), undefined);
  assert.is(finished('failed', missing)?.error, missing);
});

test('long output and instructions are shortened; the log outside of the folder has its full path', () => {
  const lines = Array.from({ length: 9 }, (_, index) => `line ${index}`);
  const text = blocks(failed('1', { lines, stderr: [], endLine: 40, log: '/other/1.log' }));
  assert.not.match(text, 'line 3');
  assert.match(text, /│ line 4\n.*\n.*\n.*\n.*│ line 8\n {2}log: \/other\/1\.log$/);
  assert.match(text, '> … 34 more lines');
});

test('titles: commands, failures without an exit code, and engines that say more than the code', () => {
  assert.is(
    failureTitle({ message: 'sh failed with exit code 3', exitCode: 3 }),
    'sh failed with exit code 3',
  );
  assert.is(failureTitle({ message: 'no such image\nhint', instruction: 'FROM' }), 'FROM: no such image');
  assert.is(
    failureTitle({ message: 'exit code: 137: cannot allocate memory', instruction: 'RUN', exitCode: 137 }),
    'RUN: exit code: 137: cannot allocate memory',
  );
});

test('commands in hints are as the reader would type them', () => {
  const lost = failed('17', { cause: 'lost', message: 'the engine is gone' });
  assert.match(blocks(lost), /help: run `npx tasks doctor` to check/);
  const hinted = failed('17', { message: 'the engine is gone\nrun `tasks doctor`' });
  assert.match(blocks(hinted), /help: run `npx tasks doctor`/);
});

test.run();
