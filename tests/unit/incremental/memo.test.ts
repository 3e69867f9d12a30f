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

/** A file that is older than the file system's clock by more than one tick. */
function settled(folder: string, text: string): string {
  const file = path.join(folder, 'file');
  writeFileSync(file, text);
  const before = lstatSync(file, { bigint: true }).ctimeNs;
  const probe = path.join(folder, 'probe');
  do writeFileSync(probe, '');
  while (lstatSync(probe, { bigint: true }).mtimeNs <= before);
  return file;
}

test('what did not move is not read again, in this run or the next', () => {
  const folder = tempFolder();
  const file = settled(folder, 'one');
  const memo = open(folder);
  assert.is(digest(memo, file), sha('one'));
  memo.save();
  // The file is gone; only its stamps are asked for.
  const stamp = stampOf(lstatSync(file));
  rmSync(file);
  assert.is(memo.digest(file, stamp), sha('one'));
  assert.is(open(folder).digest(file, stamp), sha('one'));
});

test("what git-lfs leaves in a file's place is told from other files, also without reading it again", () => {
  const first = 'version https://git-lfs.github.com/spec/v1\n';
  const isPointer = (text: string): boolean[] => {
    const folder = tempFolder();
    const file = settled(folder, text);
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

test('a file as new as the clock is not remembered: it may change again within the same tick', () => {
  const folder = tempFolder();
  const file = path.join(folder, 'file');
  const memo = open(folder);
  // Takes the memo's clock: everything written from here on is not older than it.
  digest(memo, settled(folder, 'first'));
  writeFileSync(file, 'aaa');
  const stamp = stampOf(lstatSync(file));
  assert.is(memo.digest(file, stamp), sha('aaa'));
  writeFileSync(file, 'bbb');
  // As if the second writing had left no trace in the stamps.
  assert.is(memo.digest(file, stamp), sha('bbb'));
});

/** Changes that keep some of the stamps. */
const changes: [string, (file: string) => void][] = [
  [
    'content of the same size, mtime put back',
    (file) => {
      const { atime, mtime } = lstatSync(file);
      writeFileSync(file, 'two');
      utimesSync(file, atime, mtime);
    },
  ],
  [
    'another file of the same size and mtime moved in its place',
    (file) => {
      const { atime, mtime } = lstatSync(file);
      writeFileSync(`${file}.new`, 'two');
      utimesSync(`${file}.new`, atime, mtime);
      renameSync(`${file}.new`, file);
    },
  ],
  ['something added', (file) => appendFileSync(file, '!')],
];
for (const [what, change] of changes) {
  test(`${what}: read again`, () => {
    const folder = tempFolder();
    const file = settled(folder, 'one');
    const memo = open(folder);
    digest(memo, file);
    memo.save();
    change(file);
    assert.is(digest(open(folder), file), sha(readFileSync(file, 'utf8')));
  });
}

test('a file is read again where any of size, mtime, ctime and inode is another', () => {
  const folder = tempFolder();
  const file = settled(folder, 'one');
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

test('a memo that was torn or edited is not believed', () => {
  const folder = tempFolder();
  const file = settled(folder, 'one');
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
    'how many': edited(40),
    'the checksum': edited(0),
    'the end gone': whole.subarray(0, -70),
    'the start gone': whole.subarray(8),
    empty: Buffer.alloc(0),
    text: Buffer.from('x\n'),
  })) {
    writeFileSync(name, bytes);
    assert.is(open(folder).digest(file, stamp), sha('one'), what);
  }
  // Fails where the memo is not read at all.
  writeFileSync(name, whole);
  rmSync(file);
  assert.is(open(folder).digest(file, stamp), sha('one'));
});

test('derived facts are remembered under all that they come from', async () => {
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

test('a memo that cannot be written warns and goes on', () => {
  const folder = tempFolder();
  const file = settled(folder, 'one');
  writeFiles(folder, { cache: 'no folder' });
  const warnings: string[] = [];
  const memo = open(folder, warnings);
  assert.is(digest(memo, file), sha('one'));
  memo.save();
  assert.is(warnings.length, 1);
});

test('a file that is not the one whose stamp was taken: its digest is not remembered under that stamp', () => {
  const folder = tempFolder();
  writeFiles(folder, { 'v1/file': 'one', 'v2/file': 'two', now: { link: 'v1' } });
  const file = path.join(folder, 'now/file');
  for (const version of ['v2', 'v1']) waitUntilSettled(path.join(folder, version, 'file'));
  const stamp = stampOf(lstatSync(file));
  const switchTo = (version: string): void => {
    rmSync(path.join(folder, 'now'));
    symlinkSync(version, path.join(folder, 'now'));
  };
  // A folder on the way is switched between the stamp and the reading, and back.
  switchTo('v2');
  const memo = open(folder);
  let isVouched = true;
  const disk = {
    markIncomplete: () => {
      isVouched = false;
    },
  };
  assert.is(memo.digest(file, stamp, disk), sha('two'));
  assert.is(isVouched, false);
  memo.save();
  switchTo('v1');
  assert.is(digest(memo, file), sha('one'));
  assert.is(digest(open(folder), file), sha('one'));
});

test('a pipe in the place of a file is an error, nobody waits for it', () => {
  const folder = tempFolder();
  const file = settled(folder, 'one');
  const stamp = stampOf(lstatSync(file));
  rmSync(file);
  spawnSync('mkfifo', [file]);
  assert.throws(() => open(folder).digest(file, stamp), /not a regular file/);
});

test.run();
