import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ListedDefinition, listLines } from '../../../src/report/list.ts';
import { makePaint } from '../../../src/report/paint.ts';
import { axesPicture } from '../../support/pictures.ts';

const test = suite('report/list');
const paint = makePaint(false);

const plain = (name: string, versions: string, description = ''): ListedDefinition => ({
  name,
  kind: 'image',
  description,
  versions: versions.split(' ').map((version) => ({ version })),
});
const server: ListedDefinition = {
  name: 'server',
  kind: 'internal image',
  description: 'PostgreSQL in all distributions and flavors',
  versions: axesPicture().tasks.filter(({ name }) => name === 'server'),
};

test('without a terminal there is a line per definition, however long', () => {
  assert.equal(listLines([plain('pg', '16 17', 'a database'), plain('report', 'latest')], undefined, paint), [
    'pg      image  16 17   a database',
    'report  image  latest',
  ]);
  assert.is(listLines([server], undefined, paint).length, 1);
});

test('what fits the terminal is a line; the rest is wrapped, with the description below', () => {
  const definitions = [
    plain('pg', '16 17', 'a database'),
    plain('tester', '16.13 17.9 18.3 16.13-17.9-18.3 19beta1 19beta2', 'PostgreSQL with modules for tests'),
  ];
  assert.equal(listLines(definitions, 48, paint), [
    'pg      image  16 17  a database',
    'tester  image  16.13 17.9 18.3 16.13-17.9-18.3',
    '               19beta1 19beta2',
    '    PostgreSQL with modules for tests',
  ]);
});

test('54 versions on three axes are a table at every width', () => {
  for (const columns of [60, 100, 160]) {
    const lines = listLines([server, plain('pg', '16')], columns, paint);
    assert.ok(
      lines.every((line) => line.length <= columns),
      lines.join('\n'),
    );
    assert.equal(lines.slice(0, 5), [
      'server  internal image  54 versions: <pg>-<distro>-<flavor>',
      '    PostgreSQL in all distributions and flavors',
      '    distro    flavor  pg',
      '    bookworm  slim    13 14 15 16 17 18',
      '    bookworm  full    13 14 15 16 17 18',
    ]);
    assert.is(lines.at(-1), 'pg      image           16');
  }
  assert.ok(listLines([server], 30, paint).every((line) => line.length <= 47));
});

test('a table shows where versions are missing, and the versions if they are not made from their values', () => {
  const versions = ['16', '17', '18'].flatMap((pg) =>
    ['slim', 'full', 'debug-symbols']
      .filter((flavor) => pg !== '17' || flavor !== 'full')
      .map((flavor) => ({ version: `${pg}-${flavor}`, axes: { pg, flavor } })),
  );
  const definition = { name: 'pg', kind: 'image', description: '', versions };
  assert.equal(listLines([definition], 60, paint).slice(1), [
    '    flavor         pg',
    '    slim           16 17 18',
    '    full           16    18',
    '    debug-symbols  16 17 18',
  ]);
  const [first, ...others] = versions;
  const unlike = { ...definition, versions: [{ ...first!, version: 'first' }, ...others] };
  assert.equal(listLines([unlike], 80, paint).slice(0, 3), [
    'pg  image  8 versions',
    '    flavor         pg',
    '    slim           first            17-slim          18-slim',
  ]);
});

test.run();
