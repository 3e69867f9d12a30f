import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fileStore } from '../../../src/cache/file-store.ts';
import { openRecordPack } from '../../../src/cache/record-pack.ts';
import { readRegularFile } from '../../../src/disk/read.ts';
import { readDepsLogFile } from '../../../src/incremental/deps-log-file.ts';
import { readMemoFile } from '../../../src/incremental/memo-file.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('files that are read whole');

test('a file, its bytes', () => {
  const file = path.join(tempFolder(), 'file');
  writeFileSync(file, 'text');
  assert.is(readRegularFile(file).toString(), 'text');
});

/** A pipe that nobody writes into: who opens it to read waits for ever. */
function pipe(): string {
  const file = path.join(tempFolder(), 'v1%3aname');
  execFileSync('mkfifo', [file]);
  return file;
}

for (const [said, make] of [
  ['a pipe', pipe],
  ['a device that never ends', () => '/dev/zero'],
] as const)
  test(`${said} is not read`, () => {
    const file = make();
    assert.throws(() => readRegularFile(file), /is no regular file/);
    assert.is(readMemoFile(file).digests.size, 0);
    openRecordPack(file, path.dirname(file)).refresh();
  });

test('a pipe in place of kept state counts as not there', async () => {
  const warnings: string[] = [];
  const warn = (message: string) => warnings.push(message);
  const value = pipe();
  assert.is(await fileStore(path.dirname(value), warn).get('v1:name'), undefined);
  assert.match(warnings.join(), 'set aside');
  assert.is(readDepsLogFile(pipe(), 'common', warn), undefined);
});

test.run();
