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
import { checkWritable, saveRelease } from '../../../src/app/release-files.ts';
import type { TasksError } from '../../../src/model/errors.ts';
import type { ReleaseFile } from '../../../src/release/release-file.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('release files');
const release = { schema: 1, repo: 'r', images: [] } as unknown as ReleaseFile;

function failure(act: () => unknown): TasksError | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return error as TasksError;
  }
}

test('a file that cannot be written is reported before the push, and nothing is left behind', () => {
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
      const file = path.resolve(root, output);
      const place = isChosen
        ? { output: file, fallback: '/dev/null' }
        : { output: undefined, fallback: file };
      const error = failure(() => checkWritable(place));
      assert.is(error?.exitCode, isChosen ? 2 : 3, output);
      assert.match(error!.message, isChosen ? /^cannot write --output: / : /^cannot write the release file/);
    }
  if (process.getuid?.() !== 0) {
    chmodSync(path.join(root, 'file'), 0o400);
    assert.is(failure(() => checkWritable({ output: path.join(root, 'file'), fallback: '' }))?.exitCode, 2);
  }
  assert.is(readFileSync(path.join(root, 'file'), 'utf8'), 'x');
});

test('a new file, an existing file, a device and a link to a file can be written', () => {
  const root = tempFolder();
  writeFileSync(path.join(root, 'file'), 'x');
  symlinkSync('file', path.join(root, 'link'));
  for (const name of ['new/deep.json', 'file', 'link', '/dev/null'])
    assert.is(
      failure(() => checkWritable({ output: path.resolve(root, name), fallback: '' })),
      undefined,
      name,
    );
  assert.is(readFileSync(path.join(root, 'file'), 'utf8'), 'x');
  assert.not.ok(existsSync(path.join(root, 'new/deep.json')));
});

test('a file that fails after the push is kept below .cache, and the error says that everything is published', () => {
  const root = tempFolder();
  writeFileSync(path.join(root, 'file'), 'x');
  const kept = path.join(root, 'kept/x.json');
  const error = failure(() =>
    saveRelease(release, { output: path.join(root, 'file/x.json'), fallback: kept }),
  );
  assert.is(error?.exitCode, 3);
  assert.match(error!.message, /^everything is published, but the release file cannot be written/);
  assert.is(error!.hint, `the release file is ${kept}`);
  assert.equal(JSON.parse(readFileSync(kept, 'utf8')), release);
  const nowhere = failure(() => saveRelease(release, { output: '/proc/x', fallback: '/proc/y' }));
  assert.match(nowhere!.message, /^everything is published/);
});

test('below .cache no link is followed, and only a complete file gets the name', () => {
  const root = tempFolder();
  const [victim, own] = [path.join(root, 'victim'), path.join(root, 'own.json')];
  writeFileSync(victim, 'x');
  symlinkSync(victim, own);
  saveRelease(release, { output: undefined, fallback: own });
  assert.is(readFileSync(victim, 'utf8'), 'x');
  assert.equal(JSON.parse(readFileSync(own, 'utf8')), release);
  checkWritable({ output: undefined, fallback: path.join(root, 'next.json') });
  assert.equal(readdirSync(root).sort(), ['own.json', 'victim']);
});

test.run();
