import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keepLastLines } from '../../../src/model/last-lines.ts';

const test = suite('the last lines of an output');

test('are the last 20, and the last 10 of standard error, however much follows them', () => {
  const lines = keepLastLines();
  for (let line = 1; line <= 25; line++) lines.add(String(line), line % 2 === 0 ? 'stderr' : 'stdout');
  const { lines: kept, stderr } = lines.read();
  assert.equal([kept.length, kept[0], kept.at(-1)], [20, '6', '25']);
  assert.equal(stderr, ['6', '8', '10', '12', '14', '16', '18', '20', '22', '24']);
  for (let line = 26; line <= 99; line++) lines.add(String(line), 'stdout');
  assert.equal(lines.read().stderr, stderr);
});

test('have no streams if one is not known', () => {
  const lines = keepLastLines();
  lines.add('one', 'stderr');
  lines.add('two');
  assert.equal(lines.read(), { lines: ['one', 'two'] });
  lines.clear();
  assert.equal(lines.read(), { lines: [], stderr: [] });
});

test.run();
