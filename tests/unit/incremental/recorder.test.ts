import { rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openFileSystemClock } from '../../../src/disk/stamp.ts';
import { emptyReadSet, recordingDisk } from '../../../src/incremental/recorder.ts';
import { makeObservedProject, observeProject } from '../../support/observed-project.ts';
import { tempFolder, waitUntilSettled, writeFiles } from '../../support/temp.ts';

const test = suite('recording of file accesses');

test('a file as new as the clock is read again: it could change in the same tick', async () => {
  const root = makeObservedProject();
  const ahead = new Date(Date.now() + 3_600_000);
  utimesSync(`${root}/base/a`, ahead, ahead);
  const before = await observeProject(root);
  assert.equal((await observeProject(root)).read, ['base']);
  writeFileSync(`${root}/base/a`, 'eno');
  utimesSync(`${root}/base/a`, ahead, ahead);
  assert.is.not((await observeProject(root)).keys.base, before.keys.base);
});

test('a file with a line break in its name is read in each run', async () => {
  const root = makeObservedProject();
  writeFiles(root, { 'base/two\nlines': '1' });
  waitUntilSettled(`${root}/base/two\nlines`);
  const before = await observeProject(root);
  assert.equal((await observeProject(root)).read, ['base']);
  writeFiles(root, { 'base/two\nlines': '2' });
  assert.is.not((await observeProject(root)).keys.base, before.keys.base);
});

test('if a parent folder is replaced while names are read, the read set is incomplete', () => {
  const root = tempFolder();
  writeFiles(root, { 'v1/d/a': '', 'v2/d/b': '', now: { link: 'v1' } });
  for (const name of ['v1/d', 'v2/d']) waitUntilSettled(path.join(root, name));
  const folder = path.join(root, 'now/d');
  const reads = emptyReadSet();
  const disk = recordingDisk(() => reads, openFileSystemClock(path.join(root, 'clock')));
  assert.is(disk.lstat(folder)?.kind, 'folder');
  rmSync(path.join(root, 'now'));
  symlinkSync('v2', path.join(root, 'now'));
  assert.equal(disk.readdir(folder), ['b']);
  assert.is(reads.isComplete, false);
});

test.run();
