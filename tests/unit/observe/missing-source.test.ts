import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { explainMissingSource } from '../../../src/observe/missing-source.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';

const test = suite('hints on a missing source');

test('the existing names that are similar, at any depth', () => {
  const root = tempFolder();
  writeFiles(root, { 'src/app.js': '', 'src/apt.js': '', 'src/lib/x': '', 'docs/app.js': '' });
  const hint = (missing: string): string | undefined => explainMissingSource(missing, root);
  assert.is(hint('srv/app.js'), 'did you mean src/app.js?');
  assert.is(hint('src/app.ts'), 'did you mean src/app.js, src/apt.js?');
  assert.is(hint('src/libs/x'), 'did you mean src/lib/x?');
  assert.is(hint('srv'), 'did you mean src?');
  assert.is(hint('srv/nothing/like/it'), undefined);
  assert.is(hint('src/app.js/x'), undefined, 'below a file');
});

test('a file that is there is ignored', () => {
  const root = tempFolder();
  writeFiles(root, { 'src/app.js': '' });
  assert.match(explainMissingSource('src/app.js', root) ?? '', /src\/app\.js exists, but the ignore file/);
});

test.run();
