import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { expandWords } from '../../../src/dockerfile/shell-words.ts';
import { WordError } from '../../../src/dockerfile/substitute.ts';

const test = suite('shell words');
const variables: Record<string, string> = { A: '1', E: '', P: 'foo-bar.tar.gz', S: 'a b', U: 'a.b.c' };
const lookup = (name: string): string | undefined => variables[name];
const text = (source: string, options = {}): string => expandWords(source, lookup, options).text;

/** [a word, its expansion in BuildKit (shell/lex.go)] */
const cases: [string, string][] = [
  ['$A', '1'],
  ['${A}', '1'],
  ['x$A-y', 'x1-y'],
  ['$AB', ''],
  ['$MISSING', ''],
  ['${MISSING:-d}', 'd'],
  ['${E:-d}', 'd'],
  ['${E-d}', ''],
  ['${MISSING-d}', 'd'],
  ['${A:+y}', 'y'],
  ['${E:+y}', ''],
  ['${E+y}', 'y'],
  ['${MISSING+y}', ''],
  ['${MISSING:-${A}}', '1'],
  ['${A:-${MISSING:-x}}', '1'],
  ['${A?no}', '1'],
  ['${P#*-}', 'bar.tar.gz'],
  ['${P##*.}', 'gz'],
  ['${P%.*}', 'foo-bar.tar'],
  ['${P%%.*}', 'foo-bar'],
  ['${P%?gz}', 'foo-bar.tar'],
  ['${P#foo\\-}', 'error'],
  ['${U/./-}', 'a-b.c'],
  ['${U//./-}', 'a-b-c'],
  ['${U/\\*/-}', 'a.b.c'],
  ["'$A'", '$A'],
  ['"$A"', '1'],
  ['"a b"', 'a b'],
  ['"\\$A"', '$A'],
  ['"\\a"', '\\a'],
  ['\\$A', '$A'],
  ['a\\ b', 'a b'],
  ['a\\', 'a'],
  ['$', '$'],
  ['$.', '$.'],
  ['$1x', 'x'],
  ['"it\'s"', "it's"],
];
for (const [source, expected] of cases) {
  test(source, () => {
    if (expected === 'error')
      assert.throws(
        () => text(source),
        (error: Error) => error instanceof WordError,
      );
    else assert.is(text(source), expected);
  });
}

test('words that BuildKit rejects throw', () => {
  for (const source of [
    "'a",
    '"a',
    '${A',
    '${',
    '${}',
    '${:-x}',
    '${A!x}',
    '${A:#x}',
    '${MISSING?}',
    '${E:?}',
    '${A/x',
  ]) {
    assert.throws(
      () => text(source),
      (error: Error) => error instanceof WordError,
      source,
    );
  }
});

test('the escape character is an option', () => {
  assert.is(text('`$A', { escape: '`' }), '$A');
  assert.is(text('\\$A', { escape: '`' }), '\\1');
});

test('text is split at unquoted white space, also inside the values of variables', () => {
  assert.equal(expandWords('a "b c" d\\ e $S', lookup).words, ['a', 'b c', 'd e', 'a', 'b']);
  assert.equal(expandWords('a <<EOF << "B C"', lookup, { rawQuotes: true, rawEscapes: true }).words, [
    'a',
    '<<EOF',
    '<< "B C"',
  ]);
});

test.run();
