import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { axisTable, shortNames, type Versioned, versionPattern } from '../../../src/report/axes.ts';
import { axesPicture } from '../../support/pictures.ts';

const test = suite('report/axes');

const servers = axesPicture().tasks.filter(({ name }) => name === 'server');
const cell = (pg: string, distro: string, version = `${pg}-${distro}`): Versioned => ({
  version,
  axes: { pg, distro },
});

test('versions on three axes are a table: the axis with the most values has the columns', () => {
  const table = axisTable(servers)!;
  assert.equal([table.rowAxes, table.columnAxis], [['distro', 'flavor'], 'pg']);
  assert.equal(table.columns, ['13', '14', '15', '16', '17', '18']);
  assert.is(table.rows.length, 9);
  assert.equal(table.rows[3]!.labels, ['trixie', 'slim']);
  assert.is(table.rows[3]!.cells[2]!.version, '15-trixie-slim');
});

test('if the columns do not fit, the axis with the fewest values has them', () => {
  assert.is(axisTable(servers, (values) => values.length < 6)!.columns.length, 3);
});

test('values have the order in which they were written, although needed versions come first in a graph', () => {
  const needed = servers.filter(({ version }) => version.includes('trixie-full'));
  const table = axisTable([...needed, ...servers.filter((each) => !needed.includes(each))])!;
  assert.equal(
    table.rows.slice(0, 4).map(({ labels }) => labels.join(' ')),
    ['bookworm slim', 'bookworm full', 'bookworm debug', 'trixie slim'],
  );
});

test('missing versions leave gaps; rows without versions are left out', () => {
  const table = axisTable([cell('16', 'a'), cell('17', 'a'), cell('17', 'b')])!;
  assert.equal(
    table.rows.map((row) => row.cells.map((each) => each?.version)),
    [
      ['16-a', '17-a'],
      [undefined, '17-b'],
    ],
  );
});

test('plain lists, one varying axis, other axes per version, and mostly empty tables are no tables', () => {
  assert.is(axisTable([{ version: '16' }, { version: '17' }]), undefined);
  assert.is(axisTable([cell('16', 'a'), cell('17', 'a')]), undefined);
  assert.is(axisTable([cell('16', 'a'), { version: 'x', axes: { pg: '1' } }]), undefined);
  assert.is(axisTable([cell('16', 'a'), cell('17', 'b'), cell('18', 'c')]), undefined);
  assert.is(axisTable([cell('16', 'a'), cell('16', 'a', 'x'), cell('17', 'b')]), undefined);
  assert.is(axisTable([]), undefined);
});

test('a version is named by its value if only one axis varies', () => {
  const versions = [cell('16', 'a'), cell('17', 'a')];
  assert.equal([...shortNames(versions).values()], ['16', '17']);
  assert.equal([...shortNames([versions[0]!]).values()], ['16-a']);
  assert.equal([...shortNames([{ version: '16' }]).values()], ['16']);
  assert.is(shortNames(servers).get(servers[0]!), '13-bookworm-slim');
});

test('the pattern of versions is found only if all are made in the same way', () => {
  assert.is(versionPattern(servers), '<pg>-<distro>-<flavor>');
  assert.is(versionPattern([cell('1', 'a', 'v1.a'), cell('11', 'b', 'v11.b')]), 'v<pg>.<distro>');
  assert.is(versionPattern([cell('1', 'a', '1'), cell('2', 'b', '2-b')]), undefined);
  // It would be ambiguous which axis a value is from.
  assert.is(versionPattern([cell('1', '1', '1-1'), cell('2', '3', '3-2')]), undefined);
  assert.is(versionPattern([{ version: '16' }]), undefined);
});

test.run();
