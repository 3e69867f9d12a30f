import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openPack } from '../../../src/cache/pack.ts';
import { fileStore } from '../../../src/cache/store.ts';
import { readWhole } from '../../../src/disk/read.ts';
import { readColumns } from '../../../src/observe/columns.ts';
import { readTables } from '../../../src/observe/memo-file.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('files that are read whole');

test('a file, its bytes', () => {
  const file = path.join(tempFolder(), 'file');
  writeFileSync(file, 'text');
  assert.is(readWhole(file).toString(), 'text');
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
    assert.throws(() => readWhole(file), /is no regular file/);
    assert.is(readTables(file).digests.size, 0);
    openPack(file, path.dirname(file)).look();
  });

test('a pipe in place of kept state counts as not there', async () => {
  const warnings: string[] = [];
  const warn = (message: string) => warnings.push(message);
  const value = pipe();
  assert.is(await fileStore(path.dirname(value), warn).get('v1:name'), undefined);
  assert.match(warnings.join(), 'set aside');
  assert.is(readColumns(pipe(), 'common', warn), undefined);
});

test.run();
