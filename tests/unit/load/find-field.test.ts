import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findField } from '../../../src/load/find-field.ts';

const test = suite('fields in sources');

/** Returns the key and the value of a field in the first call of `image` (or `matrix`) in a text. */
function fieldIn(text: string, field: string, argument = 0): [string, string] | undefined {
  const found = findField(text, text.search(/image|matrix/), field, argument);
  return (
    found && [text.slice(found.key.start, found.key.end), text.slice(found.value.start, found.value.end)]
  );
}

const text = `export const a = image({
  // context: 'in a comment', {
  name: 'a, "b": {', /* dockerfile: 'x' */ "context" : \`x\${{ context: 'no' }.context}, \\\`\`,
  run: ['(', /[,}/]/g, "\\"}"],
  ratio: 6 / 2, next: 3 / 1,
  [computed]: 'labels',
  ...common,
  target,
  test(version) { return { args: version }; },
  async after() {},
  args: (version: string, cell?: { a: 1 }): Record<string, string> => ({ V: version, 'org.x': { y: 'z' } }),
  labels: version => ({ [version]: '1', plain: (1, 2) }),
  needs: { BASE: base.at('1'), 'cimg/postgres:18.3': () => other },
  tags: ['one', \`two\`, ['three', 4]],
  platforms: (v) => { return ['linux/amd64']; },
  secrets: ((({ token: { env: 'A' } }))),
  name: 'last',
});`;

const fields: readonly (readonly [field: string, key: string, value: string])[] = [
  ['context', '"context"', "`x${{ context: 'no' }.context}, \\``"],
  ['run.1', '/[,}/]/g', '/[,}/]/g'],
  ['run.2', '"\\"}"', '"\\"}"'],
  ['next', 'next', '3 / 1'],
  ['target', 'target', 'target'],
  ['test', 'test', 'test(version) { return { args: version }; }'],
  ['after', 'after', 'async after() {}'.slice('async '.length)],
  ['args.V', 'V', 'version'],
  ['args.org.x', "'org.x'", "{ y: 'z' }"],
  ['args.org.x.y', 'y', "'z'"],
  ['labels.plain', 'plain', '(1, 2)'],
  ['needs.BASE', 'BASE', "base.at('1')"],
  ['needs.cimg/postgres:18.3', "'cimg/postgres:18.3'", '() => other'],
  ['tags.1', '`two`', '`two`'],
  ['tags.2.0', "'three'", "'three'"],
  ['secrets.token.env', 'env', "'A'"],
  ['name', 'name', "'last'"],
  // The nearest field above that is written there.
  ['platforms.0', 'platforms', "(v) => { return ['linux/amd64']; }"],
  ['needs.OTHER', 'needs', "{ BASE: base.at('1'), 'cimg/postgres:18.3': () => other }"],
];
for (const [field, key, value] of fields)
  test(`${field} is found`, () => assert.equal(fieldIn(text, field), [key, value]));

test('fields that are not written in the call are not found', () => {
  for (const field of ['dockerfile', 'computed', 'common', 'y'])
    assert.is(fieldIn(text, field), undefined, field);
  assert.is(fieldIn('image(fields)', 'name'), undefined);
  assert.is(fieldIn('image', 'name'), undefined);
  assert.is(fieldIn("image(make({ name: 'x' }))", 'name'), undefined);
});

test('type arguments, names of modules, and other arguments are skipped', () => {
  assert.equal(fieldIn("image<string>( { name: 'a' })", 'name'), ['name', "'a'"]);
  assert.equal(fieldIn("image . image /* */ ({ name: 'a' })", 'name'), undefined);
  assert.equal(fieldIn("matrix({ version: ['1', '2'] }, { version: (c) => c.pg })", 'version', 1), [
    'version',
    '(c) => c.pg',
  ]);
  assert.is(fieldIn('matrix(axes)', 'version', 1), undefined);
});

test('a text that ends too early ends the search', () => {
  for (let length = 0; length < text.length; length++)
    for (const field of ['name', 'args.V', 'secrets.token']) findField(text.slice(0, length), 17, field);
});

test.run();
