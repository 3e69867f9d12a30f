import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import type { ObservedImage } from '../../../src/model/observed.ts';
import type { ImageTask } from '../../../src/model/task.ts';
import { findVolatileValues } from '../../../src/plan/volatile-values.ts';
import { graphOf } from '../../support/graphs.ts';

const test = suite('volatile values');
const commit = 'c67f8e2a01b34d5e6f708192a3b4c5d6e7f80912';
const moment = { commit, now: new Date('2026-11-28T14:35:47Z') };
const taskOf = (fields: { labels?: Record<string, string>; args?: Record<string, string> }): ImageTask =>
  graphOf({ app: image({ name: 'app', context: 'c', ...fields }) }).tasks.get('app:latest') as ImageTask;
const warningsFor = (value: string): string[] =>
  findVolatileValues(taskOf({ labels: { l: value } }), undefined, moment);

test('a label or arg with the current commit is a warning that says what to do', () => {
  assert.equal(
    findVolatileValues(taskOf({ labels: { r: commit }, args: { A: 'v1-c67f8e2' } }), undefined, moment),
    [
      'the label r contains the current commit, so each commit rebuilds the image: move it to volatileLabels',
      'the arg A contains the current commit, so each commit rebuilds the image: if it is only for a label, set that in volatileLabels',
    ],
  );
  for (const other of ['deadbeefcafe', 'c67f8e', 'c67f8e2b', 'xc67f8e2', '1.2.3'])
    assert.equal(warningsFor(other), [], other);
  assert.equal(
    findVolatileValues(taskOf({ labels: { r: commit } }), undefined, { ...moment, commit: undefined }),
    [],
  );
});

test('a time of now, in usual notations, and the date of today are warnings', () => {
  for (const time of [
    '2026-11-28T14:35:47.123Z',
    '2026-11-28T15:35:40+01:00',
    '2026-11-28 14:35',
    '20261128143547',
    'v202611281430',
    '1795876547',
    '1795876547000',
  ])
    assert.match(
      warningsFor(time).join(),
      /^the label l contains the current time, so each run rebuilds the image/,
      time,
    );
  for (const date of ['2026-11-28', '17.9-20261128'])
    assert.match(warningsFor(date).join(), /contains the current date, so each day rebuilds the image/, date);
  for (const other of ['2026-11-27', '2025-01-01T00:00:00Z', '1700000000', '17.9', '12026112812', '2026'])
    assert.equal(warningsFor(other), [], other);
});

test('an arg that the target does not use is no warning', () => {
  const observed = { kind: 'image', reachable: { steps: [], args: ['B'] } } as unknown as ObservedImage;
  assert.equal(findVolatileValues(taskOf({ args: { A: commit } }), observed, moment), []);
  assert.is(findVolatileValues(taskOf({ args: { B: commit } }), observed, moment).length, 1);
});

test.run();
