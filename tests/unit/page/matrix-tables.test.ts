import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { matrixTables } from '../../../src/page/matrix-tables.ts';
import { axesPicture, pageDataOf, testPicture } from '../../support/pictures.ts';

const test = suite('page/matrix-tables');

test('an image with several axes has its own table; its rows are named by all axes but one', () => {
  const [table] = matrixTables({ data: pageDataOf(axesPicture()) });
  assert.is(table!.caption, 'server, by pg');
  assert.equal(table!.labelHeadings, ['distro', 'flavor']);
  assert.is(table!.rows.length, 9);
});

test('images with the same versions share a table; the others are together in the last one', () => {
  const data = pageDataOf(
    testPicture({ 'base:1': {}, 'pg:16': {}, 'pg:17': {}, 'ext:17': {}, 'tool:v1': {}, 'tool:v2': {} }),
  );
  assert.equal(
    matrixTables({ data }).map(({ columns, rows }) => [
      columns,
      rows.map(({ labels, cells }) => [...labels, ...cells.map((cell) => cell?.id)]),
    ]),
    [
      [
        ['16', '17'],
        [
          ['pg', 'pg:16', 'pg:17'],
          ['ext', undefined, 'ext:17'],
        ],
      ],
      [
        undefined,
        [
          ['tool', 'tool:v1', 'tool:v2'],
          ['base', 'base:1'],
        ],
      ],
    ],
  );
});

test.run();
