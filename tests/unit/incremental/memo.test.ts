import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  lstatSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { stampOf } from '../../../src/disk/stamp.ts';
import { openMemo } from '../../../src/incremental/memo.ts';
import { tempFolder, waitUntilSettled, writeFiles } from '../../support/temp.ts';

const test = suite('memo');
const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
const open = (folder: string, warnings: string[] = []) =>
  openMemo(path.join(folder, 'cache/memo'), (message) => void warnings.push(message));
const digest = (memo: ReturnType<typeof open>, file: string): string =>
  memo.digest(file, stampOf(lstatSync(file)));

/** Writes a file and waits until the file system's clock is later than its times. */
function settledFile(folder: string, text: string): string {
  const file = path.join(folder, 'file');
  writeFileSync(file, text);
  const before = lstatSync(file, { bigint: true }).ctimeNs;
  const probe = path.join(folder, 'probe');
  do writeFileSync(probe, '');
  while (lstatSync(probe, { bigint: true }).mtimeNs <= before);
  return file;
}

test('an unchanged file is not read again, in this run or the next', () => {
  const folder = tempFolder();
  const file = settledFile(folder, 'one');
  const memo = open(folder);
  assert.is(digest(memo, file), sha('one'));
  memo.save();
  // Without the file, only the memo can answer.
  const stamp = stampOf(lstatSync(file));
  rmSync(file);
  assert.is(memo.digest(file, stamp), sha('one'));
  assert.is(open(folder).digest(file, stamp), sha('one'));
});

test('Git LFS pointers are recognized, also without reading them again', () => {
  const first = 'version https://git-lfs.github.com/spec/v1\n';
  const isPointer = (text: string): boolean[] => {
    const folder = tempFolder();
    const file = settledFile(folder, text);
    const memo = open(folder);
    const fresh = memo.isLfsPointer(digest(memo, file));
    memo.save();
    const stamp = stampOf(lstatSync(file));
    rmSync(file);
    const later = open(folder);
    return [fresh, later.isLfsPointer(later.digest(file, stamp))];
  };
  assert.equal(isPointer(`${first}oid sha256:${sha('x')}\nsize 12345\n`), [true, true]);
  assert.equal(isPointer(`the ${first}`), [false, false]);
  assert.equal(isPointer(first.padEnd(1024, '-')), [false, false]);
  assert.equal(isPointer(''), [false, false]);
});

test('a file as new as the clock is not remembered: it could change in the same tick', () => {
  const folder = tempFolder();
  const file = path.join(folder, 'file');
  const memo = open(folder);
  // Makes the memo read its clock: files written from here on are not older than it.
  digest(memo, settledFile(folder, 'first'));
  writeFileSync(file, 'aaa');
  const stamp = stampOf(lstatSync(file));
  assert.is(memo.digest(file, stamp), sha('aaa'));
  writeFileSync(file, 'bbb');
  // As if the second write had not changed the stamp.
  assert.is(memo.digest(file, stamp), sha('bbb'));
});

/** [what changes, the change]. Each leaves a part of the stamp the same. */
const changes: [string, (file: string) => void][] = [
  [
    'a rewrite with the same size and mtime',
    (file) => {
      const { atime, mtime } = lstatSync(file);
      writeFileSync(file, 'two');
      utimesSync(file, atime, mtime);
    },
  ],
  [
    'a file replaced by another with the same size and mtime',
    (file) => {
      const { atime, mtime } = lstatSync(file);
      writeFileSync(`${file}.new`, 'two');
      utimesSync(`${file}.new`, atime, mtime);
      renameSync(`${file}.new`, file);
    },
  ],
  ['appended text', (file) => appendFileSync(file, '!')],
];
for (const [what, change] of changes) {
  test(`a changed file is read again: ${what}`, () => {
    const folder = tempFolder();
    const file = settledFile(folder, 'one');
    const memo = open(folder);
    digest(memo, file);
    memo.save();
    change(file);
    assert.is(digest(open(folder), file), sha(readFileSync(file, 'utf8')));
  });
}

test('a file is read again if its size, mtime, ctime or inode differs', () => {
  const folder = tempFolder();
  const file = settledFile(folder, 'one');
  const stamp = stampOf(lstatSync(file));
  for (const at of stamp.keys()) {
    const memo = open(folder);
    writeFileSync(file, 'one');
    assert.is(memo.digest(file, stamp), sha('one'));
    writeFileSync(file, 'two');
    const [size, mtime, ctime, inode] = stamp.map((value, index) => (index === at ? value - 1 : value));
    assert.is(memo.digest(file, [size!, mtime!, ctime!, inode!]), sha('two'), `number ${at}`);
  }
});

test('a truncated or edited memo is not used', () => {
  const folder = tempFolder();
  const file = settledFile(folder, 'one');
  const stamp = stampOf(lstatSync(file));
  const name = path.join(folder, 'cache/memo');
  const fill = (): Buffer => {
    const memo = open(folder);
    memo.digest(file, stamp);
    memo.save();
    return readFileSync(name);
  };
  const whole = fill();
  const edited = (at: number): Buffer => {
    const bytes = Buffer.from(whole);
    bytes[at < 0 ? bytes.length + at : at]! ^= 1;
    return bytes;
  };
  for (const [what, bytes] of Object.entries({
    'a path': edited(-1),
    'a digest': edited(whole.length - file.length - 1),
    'a stamp': edited(70),
    'the number of digests': edited(40),
    'the checksum': edited(0),
    'a missing end': whole.subarray(0, -70),
    'a missing start': whole.subarray(8),
    'an empty file': Buffer.alloc(0),
    'a text file': Buffer.from('x\n'),
  })) {
    writeFileSync(name, bytes);
    assert.is(open(folder).digest(file, stamp), sha('one'), what);
  }
  // The intact memo is used.
  writeFileSync(name, whole);
  rmSync(file);
  assert.is(open(folder).digest(file, stamp), sha('one'));
});

test('computed results are remembered by their inputs', async () => {
  const folder = tempFolder();
  const memo = open(folder);
  let times = 0;
  const compute = async (): Promise<number> => ++times;
  assert.is(await memo.memoize('a', compute), 1);
  assert.is(await memo.memoize('a', compute), 1);
  assert.is(await memo.memoize('b', compute), 2);
  memo.save();
  assert.is(await open(folder).memoize('a', compute), 1);
});

test('if the memo cannot be written, it warns and the run continues', () => {
  const folder = tempFolder();
  const file = settledFile(folder, 'one');
  writeFiles(folder, { cache: 'not a folder' });
  const warnings: string[] = [];
  const memo = open(folder, warnings);
  assert.is(digest(memo, file), sha('one'));
  memo.save();
  assert.is(warnings.length, 1);
});

test('if another file was opened than the one with the stamp, its digest is not remembered', () => {
  const folder = tempFolder();
  writeFiles(folder, { 'v1/file': 'one', 'v2/file': 'two', now: { link: 'v1' } });
  const file = path.join(folder, 'now/file');
  for (const version of ['v2', 'v1']) waitUntilSettled(path.join(folder, version, 'file'));
  const stamp = stampOf(lstatSync(file));
  const switchTo = (version: string): void => {
    rmSync(path.join(folder, 'now'));
    symlinkSync(version, path.join(folder, 'now'));
  };
  // The parent folder is replaced between taking the stamp and reading, and replaced back later.
  switchTo('v2');
  const memo = open(folder);
  let isComplete = true;
  const disk = {
    markIncomplete: () => {
      isComplete = false;
    },
  };
  assert.is(memo.digest(file, stamp, disk), sha('two'));
  assert.is(isComplete, false);
  memo.save();
  switchTo('v1');
  assert.is(digest(memo, file), sha('one'));
  assert.is(digest(open(folder), file), sha('one'));
});

test('a pipe in place of a file is an error instead of blocking', () => {
  const folder = tempFolder();
  const file = settledFile(folder, 'one');
  const stamp = stampOf(lstatSync(file));
  rmSync(file);
  spawnSync('mkfifo', [file]);
  assert.throws(() => open(folder).digest(file, stamp), /not a regular file/);
});

test.run();
