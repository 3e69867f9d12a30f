import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createLineReader } from '../../../src/model/line-reader.ts';

const test = suite('lines of output');
const limit = 1 << 20;

function linesOf(...chunks: readonly (string | Uint8Array)[]): string[] {
  const lines: string[] = [];
  const reader = createLineReader((line) => lines.push(line));
  for (const chunk of chunks) reader.write(Buffer.from(chunk));
  reader.end();
  return lines;
}

test('lines end with LF or CRLF; the last one may have no end', () => {
  assert.equal(linesOf('a\nb\r\n\nc'), ['a', 'b', '', 'c']);
  assert.equal(linesOf('a\n'), ['a']);
  assert.equal(linesOf('a\r', '\nb'), ['a', 'b']);
  assert.equal(linesOf(''), []);
});

test('of a line that was written over with carriage returns, the last version counts', () => {
  assert.equal(linesOf('10%\r20%\r100%\nnext\n'), ['100%', 'next']);
  assert.equal(linesOf('10%\r', '20%\r', '100%\r\n'), ['100%']);
  assert.equal(linesOf('a\r\r\n', '1\r2'), ['a', '2']);
});

test('other control characters stay: what prints the line removes them', () => {
  const line = '\x1b[31mred\x1b[0m\t\b\x07\x00\u2028end';
  assert.equal(linesOf(`${line}\n`), [line]);
});

test('property: how the bytes are cut into chunks does not matter, also inside of characters', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', 'é', '€', '😀', '\n', '\r\n', '\uFEFF'),
    maxLength: 40,
  });
  fc.assert(
    fc.property(text, fc.array(fc.nat(80)), (whole, cuts) => {
      const bytes = Buffer.from(whole);
      const ends = [...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort((a, b) => a - b);
      const chunks = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
      assert.equal(linesOf(...chunks), linesOf(bytes));
      assert.equal(linesOf(bytes), whole.split(/\r?\n/).slice(0, /(^|\n)$/.test(whole) ? -1 : undefined));
    }),
    { numRuns: 500 },
  );
});

test('bytes that are no UTF-8 are replaced', () => {
  assert.equal(linesOf(Buffer.from([0x61, 0xff, 0x62, 10, 0xe2, 0x82])), ['a\uFFFDb', '\uFFFD']);
});

test('a line of 50 MB comes in pieces as it is written, and no more than a piece waits', () => {
  const chunk = Buffer.alloc(1 << 20, 'x');
  let printed = 0;
  let longest = 0;
  const reader = createLineReader((line) => {
    printed += line.length;
    longest = Math.max(longest, line.length);
  });
  for (let written = chunk.length; written <= 50 << 20; written += chunk.length) {
    reader.write(chunk);
    assert.ok(written - printed <= limit, `${written - printed} characters wait`);
  }
  reader.write(Buffer.from('\n'));
  assert.equal([printed, longest], [50 << 20, limit]);
});

test('a long line in one chunk comes in pieces, too, which do not divide characters', () => {
  const line = `a${'😀'.repeat(limit)}`;
  for (const lines of [linesOf(`${line}\nb\n`), linesOf(`${line}\n`, 'b'), linesOf(line, '\nb')]) {
    assert.is(lines.at(-1), 'b');
    const pieces = lines.slice(0, -1);
    assert.is(pieces.join(''), line);
    for (const piece of pieces) assert.ok(piece.length <= limit && !/^[\uDC00-\uDFFF]/.test(piece));
  }
});

test('a progress bar of 50 MB without an end is one short line', () => {
  const chunk = Buffer.from('\r[====>     ] 42%'.repeat(1 << 16));
  const lines = linesOf(...Array.from({ length: 50 }, () => chunk), '\rdone');
  assert.equal([lines.length, lines[0]?.length, lines[0]?.slice(0, 10)], [1, 4, 'done']);
});

test.run();
