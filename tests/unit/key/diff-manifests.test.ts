import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { diffManifests } from '../../../src/key/diff-manifests.ts';
import { differenceColumns, formatDifference } from '../../../src/key/difference.ts';
import { hashManifest } from '../../../src/key/hash-manifest.ts';
import type { ManifestLine } from '../../../src/model/record.ts';

const test = suite('explain');
const steps = (...texts: string[]): ManifestLine[] =>
  texts.map((text, at): ManifestLine => ['step', `s ${at}`, text, 10 + at]);
const told = (before: ManifestLine[], after: ManifestLine[], schemas: [number, number] = [1, 1]): string[] =>
  diffManifests({ schema: schemas[0], lines: before }, { schema: schemas[1], lines: after }).map(
    formatDifference,
  );

test('an instruction more or less is one difference, wherever it stands', () => {
  assert.equal(told(steps('FROM a', 'RUN b'), steps('FROM a', 'RUN new', 'RUN b')), [
    'Dockerfile line 11: is new: RUN new',
  ]);
  assert.equal(told(steps('FROM a', 'RUN b', 'RUN c'), steps('FROM a', 'RUN c')), [
    'Dockerfile: is gone: RUN b',
  ]);
  assert.equal(told(steps('FROM a', 'RUN b', 'RUN c'), steps('FROM a', 'RUN x', 'RUN c')), [
    'Dockerfile line 11: RUN b → RUN x',
  ]);
});

test('moved lines in the Dockerfile are no difference, and not in the key', () => {
  const [before, after] = [
    steps('FROM a', 'RUN b'),
    steps('FROM a', 'RUN b').map(([k, n, v]): ManifestLine => [k, n, v, 99]),
  ];
  assert.equal(told(before, after), []);
  assert.is(hashManifest({ schema: 1, lines: before }), hashManifest({ schema: 1, lines: after }));
});

test('values, files, needs, ages', () => {
  const cases: [ManifestLine | undefined, ManifestLine | undefined, string][] = [
    [['arg', 'A', '1'], ['arg', 'A', '2'], 'arg A 1 → 2'],
    [undefined, ['arg', 'A', '2'], 'arg A is new: 2'],
    [['arg', 'A', '1'], undefined, 'arg A is gone'],
    [['file', 'x', 'file d1'], ['file', 'x', 'file d2'], 'file x changed'],
    [['file', 'x', 'file d1'], ['file', 'x', 'program d1'], 'file x is now executable'],
    [['file', 'x', 'program d1'], ['file', 'x', 'file d1'], 'file x is now a file that is not executable'],
    [['file', 'x', 'file d1'], ['file', 'x', 'link y'], 'file x changed, and is now a link'],
    [['need', 'B', 'b:1 k1'], ['need', 'B', 'b:1 k2'], 'need B b:1 changed'],
    [['need', 'B', 'b:1 k1'], ['need', 'B', 'b:2 k2'], 'need B b:1 → b:2'],
    [['label', 'l', 'x'.repeat(60)], ['label', 'l', 'y'.repeat(60)], 'label l changed'],
  ];
  for (const [before, after, words] of cases)
    assert.equal(told(before === undefined ? [] : [before], after === undefined ? [] : [after]), [words]);
});

test('another schema of keys is told alone', () => {
  assert.equal(told([['arg', 'A', '1']], [['arg', 'B', '2']], [1, 2]), [
    'keys are made in another way since',
  ]);
});

test('property: no difference means the same key, and every difference another', () => {
  const line = fc.tuple(
    fc.constantFrom('arg', 'file', 'step'),
    fc.constantFrom('a', 'b', 's 0', 's 1'),
    fc.constantFrom('1', '2', '3'),
  );
  const lines = fc.uniqueArray(line, { maxLength: 6, selector: ([kind, name]) => `${kind} ${name}` });
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      // In the order in which manifests are made.
      const sort = (list: typeof before): ManifestLine[] =>
        [...list].sort((a, b) => (`${a[0]} ${a[1]}` < `${b[0]} ${b[1]}` ? -1 : 1));
      const [a, b] = [
        { schema: 1, lines: sort(before) },
        { schema: 1, lines: sort(after) },
      ];
      const differences = diffManifests(a, b);
      if (hashManifest(a) === hashManifest(b)) assert.equal(differences, []);
      for (const difference of differences) assert.is(differenceColumns(difference).length, 3);
      if (differences.length === 0) {
        const texts = (list: readonly ManifestLine[]): string[] =>
          list.map(([kind, name, value]) => `${kind} ${kind === 'step' ? '' : name} ${value}`);
        assert.equal(texts(a.lines), texts(b.lines));
      }
    }),
  );
});

test.run();
