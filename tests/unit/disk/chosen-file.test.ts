import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkChosenFile, writeChosenFile } from '../../../src/disk/chosen-file.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('files that a user chose');

test('a check makes the folder, leaves no file behind, and keeps an existing one', () => {
  const root = tempFolder();
  checkChosenFile(path.join(root, 'reports/unit/junit.xml'));
  assert.equal(readdirSync(path.join(root, 'reports/unit')), []);
  writeFileSync(path.join(root, 'old.xml'), 'old');
  checkChosenFile(path.join(root, 'old.xml'));
  assert.is(readFileSync(path.join(root, 'old.xml'), 'utf8'), 'old');
});

test('a folder, a path below a file, and a broken link are errors', () => {
  const root = tempFolder();
  mkdirSync(path.join(root, 'folder'));
  writeFileSync(path.join(root, 'file'), '');
  symlinkSync('nowhere', path.join(root, 'broken'));
  for (const name of ['folder', 'file/x.xml', 'broken'])
    assert.throws(() => checkChosenFile(path.join(root, name)), undefined, name);
});

test('a write replaces the file in one step: who has it open keeps the old content', () => {
  const root = tempFolder();
  const file = path.join(root, 'a.xml');
  writeChosenFile(file, 'one');
  const before = lstatSync(file).ino;
  writeChosenFile(file, 'two');
  assert.is(readFileSync(file, 'utf8'), 'two');
  assert.is.not(lstatSync(file).ino, before);
  assert.equal(readdirSync(root), ['a.xml']);
});

test('a link stays a link, and a device stays a device', () => {
  const root = tempFolder();
  writeFileSync(path.join(root, 'target'), 'old');
  symlinkSync('target', path.join(root, 'link'));
  writeChosenFile(path.join(root, 'link'), 'new');
  assert.is(readlinkSync(path.join(root, 'link')), 'target');
  assert.is(readFileSync(path.join(root, 'target'), 'utf8'), 'new');
  symlinkSync('/dev/null', path.join(root, 'null'));
  writeChosenFile(path.join(root, 'null'), 'gone');
  assert.ok(lstatSync('/dev/null').isCharacterDevice());
});

test.run();
