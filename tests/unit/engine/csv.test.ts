import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { csvField } from '../../../src/engine/csv.ts';

const test = suite('CSV fields in docker flags');

/** Parses a line by RFC 4180. */
function parse(line: string): string[] {
  const fields: string[] = [];
  for (let at = 0; at <= line.length; at++) {
    let field = '';
    if (line[at] === '"') {
      for (at++; line[at] !== '"' || line[at + 1] === '"'; at++) {
        if (line[at] === '"') at++;
        field += line[at];
      }
      at++;
    } else for (; at < line.length && line[at] !== ','; at++) field += line[at];
    fields.push(field);
  }
  return fields;
}

test('any path stays one unchanged field', () => {
  const path = fc.string({ unit: fc.constantFrom('a', '/', ',', '"', ' ', '=', '\\', 'ä') });
  fc.assert(
    fc.property(path, (file) => {
      assert.equal(parse(`type=local,${csvField(`dest=/${file}`)}`), ['type=local', `dest=/${file}`]);
    }),
  );
  assert.is(csvField('dest=/plain path'), 'dest=/plain path');
  assert.is(csvField('src=/a,"b"'), '"src=/a,""b"""');
});

test.run();
