import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { graphTree, type TreeOptions } from '../../../src/draw/tree.ts';
import { makePaint } from '../../../src/report/paint.ts';
import { matrixPicture, testPicture } from '../../support/pictures.ts';

const test = suite('draw/tree');

function tree(picture: Parameters<typeof graphTree>[0], options: Partial<TreeOptions> = {}): string[] {
  return graphTree(picture, makePaint(false), { full: false, reasons: false, columns: 80, ...options });
}

const matrix = testPicture({
  'base:a': { publish: false },
  'base:b': { publish: false },
  'pg:15': { needs: ['base:a'] },
  'pg:16': { needs: ['base:b'], state: 'todo', reasons: ['file install changed'], action: 'build' },
  'pg:17': { needs: ['base:b'] },
  'app:15': { needs: ['pg:15'] },
  'app:16': { needs: ['pg:16', 'base:b'], state: 'todo', action: 'build' },
});

test('versions of an image share a line, grouped by state; needs without needs are repeated', () => {
  assert.equal(tree(matrix), [
    '✔ pg:17',
    '└─ ✔ base:b',
    '● app:16  ✔ 15',
    '├─ ● pg:16  ✔ 15',
    '│  └─ ✔ base:{a,b}',
    '└─ ✔ base:b',
    '',
    '● 2 to do   ✔ 5 up to date',
  ]);
});

test('a shared need that has needs is expanded only once', () => {
  const shared = testPicture({
    'base:1': {},
    'pg:1': { needs: ['base:1'] },
    'a:1': { needs: ['pg:1'] },
    'b:1': { needs: ['pg:1'] },
  });
  assert.equal(tree(shared).slice(0, 5), [
    '✔ a:1',
    '└─ ✔ pg:1',
    '   └─ ✔ base:1',
    '✔ b:1',
    '└─ ✔ pg:1  (above)',
  ]);
});

test('full: a line per task, with its action', () => {
  assert.equal(tree(matrix, { full: true }).slice(2, 7), [
    '✔ app:15  reuse',
    '└─ ✔ pg:15  reuse',
    '   └─ ✔ base:a  reuse',
    '● app:16  build',
    '├─ ● pg:16  build',
  ]);
});

test('tasks are shown with their reasons, or with the needs that cause their build', () => {
  const lines = tree(matrix, { reasons: true });
  assert.is(lines[2], '● app:16  ✔ 15  because of pg');
  assert.is(lines[3], '├─ ● pg:16  ✔ 15  file install changed');
});

test('lines fit the width: versions that do not fit are counted', () => {
  const picture = matrixPicture(8, 40);
  for (const columns of [20, 40, 60, 80, 120])
    for (const line of tree(picture, { columns, reasons: true }))
      assert.ok(line.length <= columns, `${columns}: ${line}`);
  assert.match(tree(picture, { columns: 80 })[0]!, /,\+\d+\}/);
  assert.match(tree(picture, { columns: undefined })[0]!, /0\.1,.*39\.1/);
});

test('full: every task of the picture is listed', () => {
  const picture = matrixPicture(6, 3);
  const text = tree(picture, { full: true }).join('\n');
  for (const { id } of picture.tasks) assert.ok(text.includes(`${id}  `), id);
});

test('an empty picture has no lines', () => {
  assert.equal(tree({ tasks: [] }), []);
});

test.run();
