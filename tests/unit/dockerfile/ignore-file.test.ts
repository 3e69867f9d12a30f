import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compileIgnoreFile, IgnoreError } from '../../../src/dockerfile/ignore-file.ts';

const ignores = (text: string, path: string): boolean => compileIgnoreFile(text).ignores(path);

const test = suite('ignore file');

/** [ignore file, ignored paths, included paths], as in moby/patternmatcher. tests/engine compares with BuildKit. */
const cases: [string, string[], string[]][] = [
  ['', [], ['a', '.dockerignore']],
  ['a', ['a', 'a/b', 'a/b/c'], ['b', 'b/a', 'ab']],
  ['/a', ['a', 'a/b'], ['b/a']],
  ['a/', ['a', 'a/b'], ['ab']],
  ['./a//b/', ['a/b', 'a/b/c'], ['a', 'a/c']],
  ['a/../b', ['b'], ['a']],
  ['*.md', ['x.md', '.md'], ['a/x.md', 'x.mdx']],
  ['**/*.md', ['x.md', 'a/x.md', 'a/b/x.md'], ['x.mdx']],
  ['**.md', ['x.md', 'a/x.md'], ['x.mdx']],
  ['**', ['a', 'a/b'], []],
  ['a/**', ['a/b', 'a/b/c'], ['a', 'ab']],
  ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['a/x']],
  ['?', ['a', 'a/b'], ['ab']],
  ['[ab]', ['a', 'b'], ['c']],
  ['[^a]', ['b'], ['a']],
  ['a.b', ['a.b'], ['axb']],
  ['a+(b)', ['a+(b)'], ['aab']],
  ['\\*', ['*'], ['a']],
  ['*\n!keep', ['a', 'other'], ['keep', 'keep/x']],
  ['*\n!a/b', ['a', 'a/c', 'x'], ['a/b', 'a/b/c']],
  ['!a\na', ['a'], []],
  ['a\n!a/b\na/b/c', ['a', 'a/b/c'], ['a/b', 'a/b/d']],
  ['# comment\n #x', ['#x'], ['comment', '# comment']],
  ['\uFEFFa', ['a'], []],
  ['  a  \r\n! b \n', ['a'], ['b']],
  ['A', ['A'], ['a']],
  ['a/b\n!a', ['a/b', 'a/b/c'], ['a', 'a/c']],
  ['a\n!a/b/c\na/b', ['a', 'a/b', 'a/b/d'], ['a/b/c']],
  ['[a]b]', ['ab]'], ['ab', 'b]']],
  ['[a-c]\\d', ['a1', 'b2'], ['ad', 'd1']],
  ['a\u0085', ['a'], ['b']],
];

for (const [text, ignored, included] of cases) {
  test(`${JSON.stringify(text)}`, () => {
    for (const path of ignored) assert.is(ignores(text, path), true, `ignores ${path}`);
    for (const path of included) assert.is(ignores(text, path), false, `includes ${path}`);
  });
}

test('an invalid pattern is reported with its line', () => {
  for (const bad of ['[', 'a[', '[]a]', '\\', '[a-]', '!']) {
    assert.throws(
      () => compileIgnoreFile(`ok\n${bad}`),
      (error: Error) => error instanceof IgnoreError && error.line === 2,
      bad,
    );
  }
});

test('a folder can be skipped only if nothing below it is included again', () => {
  const ignore = compileIgnoreFile('node_modules\na\n!a/keep');
  assert.is(ignore.mayReinclude('node_modules'), false);
  assert.is(ignore.mayReinclude('a'), true);
  assert.is(ignore.mayReinclude('a/other'), false);
});

test('property: an ignored folder with an included path below it is not skipped', () => {
  const segment = fc.constantFrom('a', 'b', 'c', '*', '**', '?', 'a*', '[ab]');
  const line = fc
    .tuple(fc.boolean(), fc.array(segment, { minLength: 1, maxLength: 3 }))
    .map(([not, parts]) => (not ? '!' : '') + parts.join('/'));
  const path = fc.array(fc.constantFrom('a', 'b', 'c', 'ab'), { minLength: 2, maxLength: 4 });
  fc.assert(
    fc.property(fc.array(line, { maxLength: 5 }), path, (lines, parts) => {
      const ignore = compileIgnoreFile(lines.join('\n'));
      if (ignore.ignores(parts.join('/'))) return;
      for (let depth = 1; depth < parts.length; depth++) {
        const folder = parts.slice(0, depth).join('/');
        if (ignore.ignores(folder))
          assert.is(ignore.mayReinclude(folder), true, `${lines.join(' | ')}: ${parts.join('/')}`);
      }
    }),
    { numRuns: 2000 },
  );
});

test.run();
