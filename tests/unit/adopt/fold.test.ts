import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Cells, helpers, makeFolder } from '../../../src/adopt/fold.ts';
import { uniqueNames } from '../../../src/adopt/names.ts';

const test = suite('folding values over axes');

function matrixOf(axes: Readonly<Record<string, readonly string[]>>): Cells {
  let cells: Record<string, string>[] = [{}];
  for (const [name, values] of Object.entries(axes))
    cells = cells.flatMap((cell) => values.map((value) => ({ ...cell, [name]: value })));
  return { axes: Object.keys(axes), cells, isPlain: false };
}
const plain = (...versions: readonly string[]): Cells => ({
  axes: ['version'],
  cells: versions.map((version) => ({ version })),
  isPlain: true,
});

const pg = matrixOf({
  pg: ['16.15', '17.11', '18.6'],
  target: ['minimal', 'system'],
  distro: ['trixie', 'bookworm'],
});
const textOf = (
  cells: Cells,
  value: (cell: Readonly<Record<string, string>>) => string | undefined,
): string => makeFolder(cells, uniqueNames()).text(cells.cells.map(value), 'table').text;

test('a value that is the same everywhere is a literal', () => {
  assert.equal(
    makeFolder(pg, uniqueNames()).text(
      pg.cells.map(() => "it's"),
      'x',
    ),
    { text: "'it\\'s'", isConstant: true },
  );
});

test('a value that contains values of axes, or their major version, is a template', () => {
  assert.is(
    textOf(pg, ({ pg: v, distro }) => `${v}-${distro}`),
    '`${c.pg}-${c.distro}`',
  );
  assert.is(
    textOf(pg, ({ target }) => target),
    'c.target',
  );
  assert.is(
    textOf(pg, ({ pg: v }) => `postgresql-${v!.split('.')[0]}-x`),
    '`postgresql-${major(c.pg)}-x`',
  );
  assert.is(
    textOf(plain('1.2.3', '1.3.4', '1.4.1'), ({ version }) => `v${version!.slice(0, 3)}`),
    'table[version]!',
  );
  assert.is(
    textOf(plain('1.2.3', '1.3.4'), ({ version }) => `v/${version!.slice(0, 3)}`),
    '`v/${minor(version)}`',
  );
});

test('a version that is the folders of a path is a template', () => {
  const versions = plain('9-debian-stretch', '9-ubuntu-bionic', '10-ubuntu-bionic', '11');
  assert.is(
    textOf(versions, ({ version }) => `gazebo/${version!.replaceAll('-', '/')}/Dockerfile`),
    '`gazebo/${folders(version)}/Dockerfile`',
  );
});

test('a value that depends on one axis is a table, and one with an exception a condition', () => {
  const folder = makeFolder(pg, uniqueNames());
  const digests: Record<string, string> = { trixie: 'sha256:aa', bookworm: 'sha256:bc' };
  const three = matrixOf({ pg: ['1', '2'], distro: ['a', 'b', 'c'] });
  const base = makeFolder(three, uniqueNames());
  assert.is(
    base.text(
      three.cells.map(({ distro }) => ({ a: 'x9', b: 'y8', c: 'z7' })[distro!]),
      'BASE',
    ).text,
    'baseByDistro[c.distro]',
  );
  assert.equal(base.tables, [
    {
      name: 'baseByDistro',
      entries: [
        ['a', 'x9'],
        ['b', 'y8'],
        ['c', 'z7'],
      ],
      isComplete: true,
    },
  ]);
  assert.is(
    folder.text(
      pg.cells.map(({ distro }) => digests[distro!]),
      'x',
    ).text,
    "c.distro === 'trixie' ? 'sha256:aa' : 'sha256:bc'",
  );
  assert.is(
    folder.text(
      pg.cells.map(({ pg: v }) => (v === '18.6' ? '' : `ext-${v}`)),
      'x',
    ).text,
    "c.pg === '18.6' ? '' : `ext-${c.pg}`",
  );
});

test('conditions name as few values as they can', () => {
  const folder = makeFolder(pg, uniqueNames());
  const when = (holds: (cell: Readonly<Record<string, string>>) => boolean) =>
    folder.condition(pg.cells.map(holds));
  assert.is(
    when(() => true),
    undefined,
  );
  assert.is(
    when(({ pg: v }) => v !== '18.6'),
    "c.pg !== '18.6'",
  );
  assert.is(
    when(({ target, distro }) => target === 'system' && distro === 'trixie'),
    "c.target === 'system' && c.distro === 'trixie'",
  );
  assert.match(
    when(({ pg: v, target }) => v === '16.15' || target === 'system')!,
    /^!?\[.*\]\.includes\(`\$\{c\.pg\} \$\{c\.target\} \$\{c\.distro\}`\)$/,
  );
});

test('property: the expression of values gives these values in each cell', () => {
  const word = fc.stringMatching(/^[a-z0-9.~-]{1,6}$/);
  const axes = fc.dictionary(
    fc.constantFrom('a', 'b', 'x-y'),
    fc.uniqueArray(word, { minLength: 1, maxLength: 4 }),
    { minKeys: 1 },
  );
  fc.assert(
    fc.property(
      axes,
      fc.infiniteStream(fc.tuple(fc.nat(3), fc.string({ maxLength: 4 }), fc.boolean())),
      (values, stream) => {
        const cells = matrixOf(values);
        const parts = [...cells.axes];
        const wanted = cells.cells.map((cell) => {
          const [kind, text, isMissing] = stream.next().value;
          if (isMissing) return undefined;
          return kind === 0
            ? text
            : kind === 1
              ? 'same'
              : parts.map((axis) => cell[axis]).join(kind === 2 ? '-' : '`${}\\');
        });
        const folder = makeFolder(cells, uniqueNames());
        const expression = folder.text(wanted, 'table').text;
        const condition = folder.condition(wanted.map((value) => value !== undefined)) ?? 'true';
        const tables = folder.tables.map(
          ({ name, entries }) => `const ${name} = ${JSON.stringify(Object.fromEntries(entries))};`,
        );
        const declared = Object.values(helpers).map((each) =>
          each.replace(/: string/g, '').replace(/!/g, ''),
        );
        const script = [
          ...declared,
          ...tables,
          `return [${condition}, ${expression.replace(/\]!/g, ']')}];`,
        ].join('\n');
        const run = new Function('c', script) as (cell: object) => [boolean, string];
        for (const [at, cell] of cells.cells.entries()) {
          const [holds, value] = run(cell);
          assert.is(holds, wanted[at] !== undefined);
          if (wanted[at] !== undefined) assert.is(value, wanted[at], script);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test.run();
