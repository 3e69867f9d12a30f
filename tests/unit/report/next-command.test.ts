import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nextCommand } from '../../../src/report/next-command.ts';

const test = suite('report/next-command');

test('a build suggests a command: resume, read the log, or test', () => {
  const succeeded = { failed: undefined, isInterrupted: false, isTestable: false };
  assert.is(nextCommand(succeeded, []), undefined);
  assert.match(nextCommand({ ...succeeded, isTestable: true }, ['*:17', '+a'])!, /^tasks test '\*:17' \+a /);
  const failed = { failed: 'a:1', isInterrupted: false, isTestable: true };
  assert.match(nextCommand(failed, ['b'])!, /^tasks logs a:1 /);
  assert.match(nextCommand({ ...failed, isInterrupted: true }, ['b'])!, /^tasks build b /);
});

test.run();
