import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { clipToWidth, padToWidth, textWidth } from '../../../src/report/width.ts';

const test = suite('report/width');

test('emoji and East Asian characters take two columns, combining marks none, symbols one', () => {
  const widths = ['abc', '✔…━⠋', '📦', '依存', 'ｆｕ', '한글', 'e\u0301', 'a\u200bb'].map(textWidth);
  assert.equal(widths, [3, 4, 2, 4, 4, 4, 1, 2]);
});

test('clipped text never exceeds the width, and padded text has it', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'é', '依', '📦', '\u0301', ' ') });
  fc.assert(
    fc.property(text, fc.nat(12), (any, width) => {
      const clipped = clipToWidth(any, width);
      assert.ok(textWidth(clipped) <= width, clipped);
      assert.is(textWidth(padToWidth(clipped, width)), width);
      if (textWidth(any) <= width) assert.is(clipped, any);
    }),
  );
});

test.run();
