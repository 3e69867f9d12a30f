import * as fc from 'fast-check';
import picomatch from 'picomatch';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { GlobError, safeGlob } from '../../../src/observe/safe-glob.ts';

const test = suite('safe globs');
const long = 'a'.repeat(200);

test('patterns with many stars match in bounded time', () => {
  const stars = `${'*a'.repeat(30)}*b`;
  for (const pattern of [stars, `**/${stars}`, `**/${'*a*/**/'.repeat(20)}b`, `${'?*'.repeat(100)}b`]) {
    const matches = safeGlob(pattern);
    assert.is(matches(long), false);
    assert.is(matches(Array.from({ length: 40 }, () => long).join('/')), false);
  }
  assert.is(safeGlob(stars)(`${long}b`), true);
});

test('nested repetition and too many groups are an error', () => {
  for (const pattern of [
    '*(*a)b',
    '+(a*|b)+(c)',
    '+(+(a))b',
    '*(?a|a?)',
    `{${'*a'.repeat(3)},b}`,
    '{a,a}'.repeat(30),
    '?(a)'.repeat(30),
  ])
    assert.throws(
      () => safeGlob(pattern),
      (error: unknown) => error instanceof GlobError && /simpler patterns/.test(error.message),
      pattern,
    );
  assert.is(safeGlob('+(ab|c).ts')('abc.ts'), true);
  assert.is(safeGlob('src/**/*.{ts,tsx}')('src/a/b.tsx'), true);
  assert.is(safeGlob('!(a).c')('b.c'), true);
});

test('stars and question marks match as in picomatch', () => {
  const piece = fc.constantFrom('a', 'b', '*', '?');
  const segment = fc.oneof(
    { weight: 1, arbitrary: fc.constant('**') },
    {
      weight: 4,
      arbitrary: fc
        .array(piece, { minLength: 1, maxLength: 4 })
        .map((list) => list.join('').replace(/\*+/g, '*')),
    },
  );
  const pattern = fc.array(segment, { minLength: 1, maxLength: 4 }).map((list) => list.join('/'));
  const name = fc
    .array(fc.constantFrom('a', 'b', '.'), { minLength: 1, maxLength: 4 })
    .map((list) => list.join(''));
  const path = fc
    .array(
      name.filter((text) => !/^\.+$/.test(text)),
      { minLength: 1, maxLength: 4 },
    )
    .map((list) => list.join('/'));
  fc.assert(
    fc.property(pattern, path, (text, subject) => {
      fc.pre((text.match(/\*+/g)?.length ?? 0) > 2);
      const expected = picomatch(text, { dot: true })(subject);
      if (expected) assert.ok(safeGlob(text)(subject));
      // In picomatch, a last `**` after a star matches at least one name.
      else if (!/\*[^/]*\/(\*\*\/)*\*\*$/.test(text)) assert.not.ok(safeGlob(text)(subject));
    }),
    { numRuns: 3000 },
  );
});

test.run();
