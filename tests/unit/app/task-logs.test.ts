import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { followLog } from '../../../src/app/follow-log.ts';
import { newestLog, taskLogs } from '../../../src/app/task-logs.ts';
import { isLogOpen, listLogs, logTime, openLog } from '../../../src/cache/logs.ts';
import { newOwner } from '../../../src/cache/owner.ts';
import { command } from '../../../src/define/index.ts';
import { TasksError } from '../../../src/model/errors.ts';
import { graphOf } from '../../support/graphs.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('app/task-logs');

const graph = graphOf({
  a: command({ name: 'a', versions: ['1', '2'], run: ['true'] }),
  b: command({ name: 'b', versions: ['1'], run: ['true'] }),
});
const at = (minute: number): Date => new Date(Date.UTC(2026, 10, 24, 12, minute, 5, 678));
const start = (folder: string, task: string, minute: number) =>
  openLog(folder, task, at(minute), assert.unreachable);
const write = (folder: string, task: string, minute: number): void => {
  const log = start(folder, task, minute);
  log.line(`${task} at ${minute}`);
  log.close();
};

test('logs of builds and of tests are told apart, newest first, with start and size', () => {
  const cacheFolder = tempFolder();
  for (const [task, minute] of [
    ['a:1', 1],
    ['a:1.test', 2],
    ['a:2', 3],
    ['b:1', 4],
  ] as const)
    write(cacheFolder, task, minute);
  const open = { graph, cacheFolder };
  const ids = taskLogs(open, [], ['build', 'test']).map(({ id, kind }) => `${id} ${kind}`);
  assert.equal(ids, ['b:1 build', 'a:2 build', 'a:1 test', 'a:1 build']);
  const [log] = taskLogs(open, ['a:1'], ['test']);
  assert.equal([log!.started, log!.bytes, log!.isOpen], [at(2), 'a:1.test at 2\n'.length, false]);
  const { log: newest, others } = newestLog(open, 'a', 'build');
  assert.equal([newest.id, others], ['a:2', ['a:1']]);
  assert.equal(newestLog(open, 'a:1', 'test').log.file, log!.file);
});

test('a missing log is exit code 1, and the other kind is named if there is one', () => {
  const cacheFolder = tempFolder();
  write(cacheFolder, 'a:1.test', 1);
  const hintOf = (selector: string, kind: 'build' | 'test'): string | undefined => {
    try {
      newestLog({ graph, cacheFolder }, selector, kind);
    } catch (error) {
      assert.instance(error, TasksError);
      assert.is((error as TasksError).exitCode, 1);
      return (error as TasksError).hint;
    }
    return assert.unreachable() as never;
  };
  assert.match(hintOf('a:1', 'build')!, /log of its test: add --test/);
  assert.match(hintOf('b', 'test')!, /is tested/);
});

test('the time of a log is that of its start, also of a second log at the same time', () => {
  const folder = tempFolder();
  for (let i = 0; i < 2; i++) write(folder, 'a:1', 1);
  assert.equal(listLogs(folder, 'a:1').map(logTime), [at(1), at(1)]);
});

/** A clock whose pauses end by hand. */
function handClock() {
  const pauses: (() => void)[] = [];
  const waiting: (() => void)[] = [];
  return {
    sleep: (_: number, signal: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
        pauses.push(resolve);
        waiting.shift()?.();
      }),
    /** Resolves when the follower has read everything and pauses. */
    paused: () => new Promise<void>((resolve) => waiting.push(resolve)),
    next: () => pauses.shift()!(),
  };
}

test('a log is followed line by line until it is closed', async () => {
  const folder = tempFolder();
  const log = start(folder, 'a:1', 1);
  const texts: string[] = [];
  const clock = handClock();
  log.line('one');
  const paused = clock.paused();
  const followed = followLog(log.path, (text) => texts.push(text), clock, new AbortController().signal);
  await paused;
  assert.equal(texts, ['one\n']);
  // Half a line, and half a character.
  writeFileSync(log.path, Buffer.from('two é').subarray(0, 5), { flag: 'a' });
  const again = clock.paused();
  clock.next();
  await again;
  assert.equal(texts, ['one\n']);
  writeFileSync(log.path, Buffer.from('é').subarray(1), { flag: 'a' });
  log.line(' end');
  log.close();
  clock.next();
  await followed;
  assert.equal(texts, ['one\n', 'two é end\n']);
  assert.not.ok(existsSync(`${log.path}.open`));
});

test('following ends with the process that writes the log, and on an interrupt', async () => {
  const folder = tempFolder();
  const log = start(folder, 'a:1', 1);
  const clock = handClock();
  const interrupt = new AbortController();
  const paused = clock.paused();
  const followed = followLog(log.path, () => undefined, clock, interrupt.signal);
  await paused;
  interrupt.abort(new Error('interrupted'));
  await followed.then(
    () => assert.unreachable(),
    (error: Error) => assert.is(error.message, 'interrupted'),
  );
  assert.ok(isLogOpen(log.path));
  writeFileSync(log.path, 'no newline', { flag: 'a' });
  writeFileSync(`${log.path}.open`, JSON.stringify({ ...newOwner(), started: 'long ago' }));
  assert.not.ok(isLogOpen(log.path));
  const texts: string[] = [];
  await followLog(log.path, (text) => texts.push(text), clock, new AbortController().signal);
  assert.equal(texts, ['no newline\n']);
  assert.is(readFileSync(log.path, 'utf8'), 'no newline');
});

test.run();
