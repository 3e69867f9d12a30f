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

const test = suite('read');

test('readRegularFile returns the contents of a file', () => {
  const file = path.join(tempFolder(), 'file');
  writeFileSync(file, 'text');
  assert.is(readRegularFile(file).toString(), 'text');
});

/** Makes a pipe without a writer: opening it for reading blocks. */
function pipe(): string {
  const file = path.join(tempFolder(), 'v1%3aname');
  execFileSync('mkfifo', [file]);
  return file;
}

for (const [what, make] of [
  ['a pipe', pipe],
  ['an endless device', () => '/dev/zero'],
] as const)
  test(`${what} is not read`, () => {
    const file = make();
    assert.throws(() => readRegularFile(file), /is not a regular file/);
    assert.is(readMemoFile(file).digests.size, 0);
    openRecordPack(file, path.dirname(file)).refresh();
  });

test('a pipe in place of a cache file is ignored', async () => {
  const warnings: string[] = [];
  const warn = (message: string) => warnings.push(message);
  const value = pipe();
  assert.is(await fileStore(path.dirname(value), warn).get('v1:name'), undefined);
  assert.match(warnings.join(), 'set aside');
  assert.is(readDepsLogFile(pipe(), 'common', warn), undefined);
});

test.run();
