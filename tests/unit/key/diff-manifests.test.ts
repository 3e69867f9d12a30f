import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import { diffManifests } from '../../../src/key/diff-manifests.ts';
import { differenceColumns, formatDifference, withProjectPath } from '../../../src/key/difference.ts';
import { hashManifest } from '../../../src/key/hash-manifest.ts';
import type { ManifestLine } from '../../../src/model/record.ts';
import type { ImageTask } from '../../../src/model/task.ts';
import { graphOf } from '../../support/graphs.ts';

const test = suite('diff manifests');
const steps = (...texts: string[]): ManifestLine[] =>
  texts.map((text, at): ManifestLine => ['step', `s ${at}`, text, 10 + at]);
const diff = (before: ManifestLine[], after: ManifestLine[], schemas: [number, number] = [1, 1]): string[] =>
  diffManifests({ schema: schemas[0], lines: before }, { schema: schemas[1], lines: after }).map(
    formatDifference,
  );

test('an added, removed, or replaced instruction is one difference', () => {
  assert.equal(diff(steps('FROM a', 'RUN b'), steps('FROM a', 'RUN new', 'RUN b')), [
    'Dockerfile line 11: added: RUN new',
  ]);
  assert.equal(diff(steps('FROM a', 'RUN b', 'RUN c'), steps('FROM a', 'RUN c')), [
    'Dockerfile: removed: RUN b',
  ]);
  assert.equal(diff(steps('FROM a', 'RUN b', 'RUN c'), steps('FROM a', 'RUN x', 'RUN c')), [
    'Dockerfile line 11: RUN b → RUN x',
  ]);
});

test('line numbers are no difference and do not change the key', () => {
  const [before, after] = [
    steps('FROM a', 'RUN b'),
    steps('FROM a', 'RUN b').map(([k, n, v]): ManifestLine => [k, n, v, 99]),
  ];
  assert.equal(diff(before, after), []);
  assert.is(hashManifest({ schema: 1, lines: before }), hashManifest({ schema: 1, lines: after }));
});

test('differences of args, files, needs, and labels are formatted', () => {
  const cases: [ManifestLine | undefined, ManifestLine | undefined, string][] = [
    [['arg', 'A', '1'], ['arg', 'A', '2'], 'arg A 1 → 2'],
    [undefined, ['arg', 'A', '2'], 'arg A added: 2'],
    [['arg', 'A', '1'], undefined, 'arg A removed'],
    [['file', 'x', 'file d1'], ['file', 'x', 'file d2'], 'file x changed'],
    [['file', 'x', 'file d1'], ['file', 'x', 'program d1'], 'file x is now executable'],
    [['file', 'x', 'program d1'], ['file', 'x', 'file d1'], 'file x is now a file that is not executable'],
    [['file', 'x', 'file d1'], ['file', 'x', 'link y'], 'file x changed and is now a link'],
    [['need', 'B', 'b:1 k1'], ['need', 'B', 'b:1 k2'], 'need B b:1 changed'],
    [['need', 'B', 'b:1 k1'], ['need', 'B', 'b:2 k2'], 'need B b:1 → b:2'],
    [['label', 'l', 'x'.repeat(60)], ['label', 'l', 'y'.repeat(60)], 'label l changed'],
  ];
  for (const [before, after, words] of cases)
    assert.equal(diff(before === undefined ? [] : [before], after === undefined ? [] : [after]), [words]);
});

test('differences of contexts and options of RUN are formatted, with paths below the project root', () => {
  const contexts = { assets: { folder: 'static' }, all: { folder: '.' } };
  const { tasks } = graphOf({ app: image({ name: 'app', context: 'a' }) });
  const task = { ...(tasks.get('app:latest') as ImageTask), contexts };
  const cases: [ManifestLine | undefined, ManifestLine | undefined, string][] = [
    [
      ['context file', 'assets a b.svg', 'file 1'],
      ['context file', 'assets a b.svg', 'file 2'],
      'file static/a b.svg changed',
    ],
    [undefined, ['context file', 'all x', 'file 2'], 'file x added'],
    [['context file', 'gone x', 'file 2'], undefined, 'context file gone x removed'],
    [undefined, ['context', 'assets', 'folder'], 'context assets added: folder'],
    [
      ['context', 'x', 'docker-image://a:1'],
      ['context', 'x', 'folder'],
      'context x docker-image://a:1 → folder',
    ],
    [undefined, ['image', 'shm size', '64 bytes'], 'shm size added: 64 bytes'],
    [['image', 'hosts', 'db=10.0.0.1'], ['image', 'hosts', 'db=10.0.0.2'], 'hosts db=10.0.0.1 → db=10.0.0.2'],
    [['image', 'allow', 'network.host'], undefined, 'allow removed'],
    [['ulimit', 'nofile', '1:1'], ['ulimit', 'nofile', '1:2'], 'ulimit nofile 1:1 → 1:2'],
    [undefined, ['ssh', 'default', 'forwarded'], 'ssh default added: forwarded'],
  ];
  for (const [before, after, words] of cases) {
    const lines = (line: ManifestLine | undefined) => ({
      schema: 1,
      lines: line === undefined ? [] : [line],
    });
    const found = diffManifests(lines(before), lines(after));
    assert.equal(
      found.map((each) => formatDifference(withProjectPath(each, task))),
      [words],
    );
  }
});

test('a different key schema is the only difference reported', () => {
  assert.equal(diff([['arg', 'A', '1']], [['arg', 'B', '2']], [1, 2]), ['the key format changed']);
});

test('property: equal keys have no differences, and no differences mean equal manifests', () => {
  const line = fc.tuple(
    fc.constantFrom('arg', 'file', 'step'),
    fc.constantFrom('a', 'b', 's 0', 's 1'),
    fc.constantFrom('1', '2', '3'),
  );
  const lines = fc.uniqueArray(line, { maxLength: 6, selector: ([kind, name]) => `${kind} ${name}` });
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      // makeManifest sorts its lines.
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
