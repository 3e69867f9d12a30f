// Inputs on which a backtracking regular expression takes exponential or quadratic time. Each must finish quickly; otherwise the
// test runner's time limit stops it.
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { analyze } from '../../../src/dockerfile/analyze.ts';
import { type Atom, compileAutomaton, type Part } from '../../../src/dockerfile/automaton.ts';
import { compileGlob } from '../../../src/dockerfile/glob.ts';
import { compileIgnoreFile } from '../../../src/dockerfile/ignore-file.ts';
import { parseDockerfile } from '../../../src/dockerfile/parse.ts';
import { findUnpinnedFetches } from '../../../src/dockerfile/unpinned-fetches.ts';

const test = suite('patterns');
const parameters = { args: {}, platform: 'linux/amd64' };
const analysisOf = (text: string) => analyze(parseDockerfile(text), undefined, parameters);
const long = 'a'.repeat(200);
const stars = `${'*a'.repeat(30)}*b`;
const spaces = ' '.repeat(300_000);

test('ignore patterns with many stars are fast: in one name, over folders, and in exceptions', () => {
  for (const pattern of [stars, `**/${stars}`, `**/${'**/*a'.repeat(20)}b`, `[ab]${'?*'.repeat(30)}b`]) {
    const ignore = compileIgnoreFile(`${pattern}\nx\n!${pattern}\n`);
    assert.is(ignore.ignores(long), false);
    assert.is(ignore.ignores(`${long}/${long}`), false);
    assert.is(ignore.ignores(`${long}b`), false);
    ignore.mayReinclude(long);
  }
  assert.is(compileIgnoreFile(stars).ignores(`${long}b`), true);
  const folders = compileIgnoreFile(`!${'*/'.repeat(50_000)}b\n`);
  assert.is(folders.mayReinclude(long), true);
});

test('COPY sources with many stars are fast', () => {
  const matches = compileGlob(stars)!;
  assert.is(matches(long), false);
  assert.is(matches(`${long}b`), true);
  assert.is(compileGlob('*'.repeat(100_000))!(long), true);
});

test('long runs of spaces, quotes, and other characters are fast', () => {
  for (const text of [
    `# c${spaces}z`,
    `# a${spaces}=${spaces}z`,
    `#${spaces}z`,
    `# escape${spaces}`,
    `LABEL a=b${spaces}c=d`,
    `LABEL a=b${'\r'.repeat(300_000)}c`,
    `RUN a${spaces}b`,
    `RUN cat <<${spaces}<`,
    `RUN ${'curl '.repeat(60_000)}`,
    `RUN ${'apt '.repeat(60_000)}`,
    `RUN ${'"'.repeat(300_000)}`,
    `COPY ${'--link '.repeat(40_000)}a /`,
    `COPY ${'a '.repeat(100_000)}/`,
    `COPY ${'/'.repeat(300_000)}a /`,
    `COPY ${'[a'.repeat(30_000)} /`,
    `${'ENV A=$A$A\n'.repeat(100)}COPY $A /`,
    `${'ENV A=$A\n'.repeat(30_000)}`,
    `${'\\\n'.repeat(100_000)}`,
  ]) {
    const { seen } = analysisOf(`FROM scratch\n${text}\n`);
    findUnpinnedFetches(seen?.steps ?? []);
    analysisOf(`${text.startsWith('#') ? text : '# escape=`'}\nFROM scratch\n`);
  }
  for (const text of [
    `y${spaces}z`,
    `#${spaces}z`,
    `a${'/'.repeat(300_000)}b`,
    `!${spaces}a`,
    `${'['.repeat(50_000)}]`,
  ])
    compileIgnoreFile(`${text}\n`).ignores('a/b');
});

test('a long chain of stages and deeply nested braces do not overflow the stack', () => {
  const chain = Array.from({ length: 12_000 }, (_, at) => `FROM s${at} AS s${at + 1}`);
  assert.is(analysisOf(`FROM scratch AS s0\nCOPY a /\n${chain.join('\n')}\n`).seen!.paths[0]!.path, 'a');
  const deep = `FROM scratch\nCOPY ${'${a:-'.repeat(10_000)}b${'}'.repeat(10_000)} /\n`;
  assert.match(analysisOf(deep).vague.join(), /line 2/);
  assert.throws(
    () => analysisOf(`FROM scratch\n${'ONBUILD '.repeat(10_000)}RUN a\n`),
    /is not allowed after ONBUILD/,
  );
});

test('a glob matches the same paths as the equivalent regular expression', () => {
  const piece = fc.constantFrom('a', 'b', '/', '*', '?', '[ab]', '[^a/]', '\\*', '*a');
  const name = fc.array(fc.constantFrom('a', 'b', '/', '*'), { maxLength: 8 }).map((chars) => chars.join(''));
  const words: Record<string, string> = { '*': '[^/]*', '?': '[^/]', '\\*': '\\*', '*a': '[^/]*a' };
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 7 }), name, (pieces, path) => {
      const expected = new RegExp(`^${pieces.map((each) => words[each] ?? each).join('')}$`, 's').test(path);
      assert.is(compileGlob(pieces.join(''))!(path), expected);
    }),
    { numRuns: 2000 },
  );
});

test("the automaton matches the same texts as JavaScript's regular expressions", () => {
  const atomFor = (text: string): Atom => ({ consumes: (char) => new RegExp(`^${text}$`).test(char) });
  const atomText = fc.constantFrom('a', 'b', '[^/]', '.', '[ab]');
  const quantifierArb = fc.constantFrom('' as const, '?' as const, '*' as const);
  const single = fc
    .tuple(atomText, quantifierArb)
    .map(([text, quantifier]): { part: Part; text: string } => ({
      part: { atom: atomFor(text), quantifier },
      text: text + quantifier,
    }));
  const group = fc.array(single, { maxLength: 3 }).map((list): { part: Part; text: string } => ({
    part: { optional: list.map(({ part }) => part) },
    text: `(?:${list.map(({ text }) => text).join('')})?`,
  }));
  const assertion = fc.constantFrom<{ part: Part; text: string }>(
    { part: { atom: { asserts: (before) => before === undefined }, quantifier: '' }, text: '^' },
    { part: { atom: { asserts: (_, after) => after === undefined }, quantifier: '' }, text: '$' },
  );
  const parts = fc.array(fc.oneof({ weight: 6, arbitrary: single }, group, assertion), { maxLength: 7 });
  const subject = fc
    .array(fc.constantFrom('a', 'b', '/', 'c'), { maxLength: 8 })
    .map((chars) => chars.join(''));
  fc.assert(
    fc.property(parts, subject, (list, text) => {
      const expected = new RegExp(`^${list.map((each) => each.text).join('')}$`).test(text);
      assert.is(compileAutomaton(list.map(({ part }) => part))(text), expected);
    }),
    { numRuns: 2000 },
  );
});

test.run();
