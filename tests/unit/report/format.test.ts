import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  alignColumns,
  clipColored,
  formatBytes,
  formatClock,
  formatDuration,
} from '../../../src/report/format.ts';

const test = suite('report/format');

test('clipColored cuts to the exact width and keeps color sequences', () => {
  const red = '\u001b[31m';
  const plain = '\u001b[39m';
  assert.is(clipColored(`${red}abcdef${plain}`, 6), `${red}abcdef${plain}`);
  assert.is(clipColored(`${red}abcdef${plain}`, 4), `${red}abc…${plain}`);
  assert.is(clipColored('abc', 3), 'abc');
});

test('durations, clocks, sizes and columns', () => {
  assert.equal([400, 9_949, 41_000, 92_000, 7_500_000].map(formatDuration), [
    '0.4 s',
    '9.9 s',
    '41 s',
    '1 m 32 s',
    '2 h 5 m',
  ]);
  assert.equal([41_000, 725_000, 3_723_000].map(formatClock), ['0:41', '12:05', '1:02:03']);
  assert.equal([0, 999, 1_000, 412_300_000, 1_250_000_000].map(formatBytes), [
    '0 B',
    '999 B',
    '1.0 kB',
    '412 MB',
    '1.3 GB',
  ]);
  assert.equal(
    alignColumns([
      ['a', 'bb', 'c'],
      ['ddd', '', 'e'],
    ]),
    ['a    bb  c', 'ddd      e'],
  );
});

test.run();
