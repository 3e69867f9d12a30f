import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Io } from '../../../src/cli/io.ts';
import { checkWritable, releasePath, saveRelease } from '../../../src/cli/release.ts';
import type { TasksError } from '../../../src/model/errors.ts';
import type { ReleaseFile } from '../../../src/release/release-file.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('the place of a release file');
const io = (cwd: string): Io => ({ cwd }) as Io;
const release = { schema: 1, repo: 'r', images: [] } as unknown as ReleaseFile;

function failure(act: () => unknown): TasksError | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return error as TasksError;
  }
}

test('one that cannot be written is found out before, and nothing is left', () => {
  const root = tempFolder();
  writeFileSync(path.join(root, 'file'), 'x');
  mkdirSync(path.join(root, 'folder'));
  symlinkSync('folder', path.join(root, 'link'));
  symlinkSync('nowhere/x', path.join(root, 'broken'));
  for (const output of [
    'file/x.json',
    'folder',
    'link',
    'broken',
    `${'x'.repeat(300)}.json`,
    '/proc/x.json',
    '/proc/x/y/z.json',
  ])
    for (const isChosen of [true, false]) {
      const error = failure(() => checkWritable(releasePath(output, new Date(), root, io(root)), isChosen));
      assert.is(error?.exitCode, isChosen ? 2 : 3, output);
      assert.match(error!.message, isChosen ? /^--output cannot be written: / : /^the release file cannot/);
    }
  if (process.getuid?.() !== 0) {
    chmodSync(path.join(root, 'file'), 0o400);
    assert.is(failure(() => checkWritable(path.join(root, 'file'), true))?.exitCode, 2);
  }
  assert.is(readFileSync(path.join(root, 'file'), 'utf8'), 'x');
});

test('one that can be written: a new one, one that is there, a device, a link to a file', () => {
  const root = tempFolder();
  writeFileSync(path.join(root, 'file'), 'x');
  symlinkSync('file', path.join(root, 'link'));
  for (const name of ['new/deep.json', 'file', 'link', '/dev/null'])
    assert.is(
      failure(() => checkWritable(path.resolve(root, name), true)),
      undefined,
      name,
    );
  assert.is(readFileSync(path.join(root, 'file'), 'utf8'), 'x');
  assert.not.ok(existsSync(path.join(root, 'new/deep.json')));
});

test('one that fails after all is kept elsewhere, and it is said that everything is published', () => {
  const root = tempFolder();
  writeFileSync(path.join(root, 'file'), 'x');
  const kept = path.join(root, 'kept/x.json');
  const error = failure(() => saveRelease(release, path.join(root, 'file/x.json'), kept, io(root)));
  assert.is(error?.exitCode, 3);
  assert.match(error!.message, /^everything is published, but the release file cannot be written/);
  assert.is(error!.hint, 'it is kept as kept/x.json');
  assert.equal(JSON.parse(readFileSync(kept, 'utf8')), release);
  const nowhere = failure(() => saveRelease(release, '/proc/x', '/proc/y', io(root)));
  assert.match(nowhere!.message, /^everything is published/);
});

test('our own place: no link in it is followed, and only the whole file ever has its name', () => {
  const root = tempFolder();
  const [victim, own] = [path.join(root, 'victim'), path.join(root, 'own.json')];
  writeFileSync(victim, 'x');
  symlinkSync(victim, own);
  saveRelease(release, own, own, io(root));
  assert.is(readFileSync(victim, 'utf8'), 'x');
  assert.equal(JSON.parse(readFileSync(own, 'utf8')), release);
  checkWritable(path.join(root, 'next.json'), false);
  assert.equal(readdirSync(root).sort(), ['own.json', 'victim']);
});

test.run();
