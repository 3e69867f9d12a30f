import path from 'node:path';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { command } from '../../../src/define/index.ts';
import { makeRedactor } from '../../../src/run/secrets.ts';
import { graphOf } from '../../support/graphs.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';

const test = suite('secret redaction');

/** Redacts a text for a task with a secret of the given value. */
function redact(value: string, text: string): string {
  const root = tempFolder();
  writeFiles(root, { secret: value });
  const task = graphOf({
    c: command({ name: 'c', run: ['x'], secrets: { file: { file: 'secret' }, variable: { env: 'VALUE' } } }),
  }).tasks.get('c:latest')!;
  return makeRedactor(task, { root: path.resolve(root), environment: { VALUE: value } })(text);
}

const cases: [string, string, string, string][] = [
  ['a value without its line ending', 'hunter2hunter2\n', 'got hunter2hunter2!', 'got ***!'],
  ['each line of a value', '--begin--\nAAAAline1\nBBBBline2\n', 'x BBBBline2', 'x ***'],
  [
    'lines with carriage returns',
    'first line\r\nsecond line\rthird line',
    'second line, third line',
    '***, ***',
  ],
  ['characters of regular expressions', 'tok$en.[a]*+?(x)', 'a tok$en.[a]*+?(x) b', 'a *** b'],
  ['a string in JSON', '{"user":"me","password":"hunter2hunter2"}', 'with hunter2hunter2', 'with ***'],
  [
    'JSON as one line',
    '{\n "password": "hunter2hunter2"\n}',
    '{"password":"hunter2hunter2"}',
    '{"password":"***"}',
  ],
  ['a secret quoted in JSON', 'a"b\\c\td-e', JSON.stringify({ token: 'a"b\\c\td-e' }), '{"token":"***"}'],
  ['several lines quoted in JSON', 'line one\nline two\n', '"line one\\nline two\\n"', '"***\\n"'],
  ['a secret in a URL', 'p@ss/word?1', 'https://me:p%40ss%2Fword%3F1@host/', 'https://me:***@host/'],
  ['a short value is not redacted', 'abc', 'abc', 'abc'],
];
for (const [what, secret, text, expected] of cases)
  test(what, () => assert.is(redact(secret, text), expected));

test('a secret in base64 is redacted at any offset', () => {
  const secret = 'hunter2-hunter2-hunter2';
  for (const before of ['', 'a', 'ab', 'me:']) {
    const header = Buffer.from(`${before}${secret}`).toString('base64');
    assert.match(redact(secret, `Authorization: Basic ${header}`), '***');
    assert.not.match(redact(secret, header), header.slice(6, -6));
  }
});

test('property: no line of a secret remains in a text', () => {
  const line = fc.stringMatching(/^[a-z0-9"\\$]{4,9}$/);
  const other = fc.stringMatching(/^[A-Z ]{0,9}$/);
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 3 }), other, other, (lines, before, after) => {
      const text = redact(lines.join('\n'), before + lines.join(' ') + after);
      for (const each of lines) assert.not.ok(text.includes(each), `${each} in ${text}`);
    }),
    { numRuns: 50 },
  );
});

test.run();
