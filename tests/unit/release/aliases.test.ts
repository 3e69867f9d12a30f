import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image, matrix } from '../../../src/define/index.ts';
import { taskLabel } from '../../../src/model/labels.ts';
import { RegistryError } from '../../../src/model/registry.ts';
import type { Graph } from '../../../src/model/task.ts';
import { compareVersions } from '../../../src/model/versions.ts';
import { chooseAlias, firstAliases, requestedAliases } from '../../../src/release/aliases.ts';
import { resolveTargetTags } from '../../../src/release/preflight.ts';
import { fakeRegistry } from '../../support/fake-registry.ts';
import { graphOf } from '../../support/graphs.ts';

const test = suite('aliases');

test("versions are compared in PostgreSQL's order", () => {
  const order = [
    '9.6',
    '9.6.24',
    '10',
    '16.13',
    '17',
    '17.9',
    '17.10',
    '18devel',
    '18alpha1',
    '18beta1',
    '18beta2',
    '18rc1',
    '18',
    '18.1',
  ];
  for (const [index, older] of order.entries())
    for (const newer of order.slice(index + 1)) {
      assert.ok(compareVersions(older, newer)! < 0, `${older} < ${newer}`);
      assert.ok(compareVersions(newer, older)! > 0, `${newer} > ${older}`);
    }
  assert.is(compareVersions('18', '18.0'), 0);
  assert.is(compareVersions('18~beta1', '18beta1'), 0);
});

test('the parts between dashes are compared one by one, and names are not comparable', () => {
  assert.ok(compareVersions('16.13-bookworm', '17.1-bookworm')! < 0);
  assert.ok(compareVersions('17-1.2', '17-1.10')! < 0);
  assert.is(compareVersions('17-bookworm', '17-trixie'), undefined);
  assert.is(compareVersions('17', '17-trixie'), undefined);
  assert.is(compareVersions('latest', '17'), undefined);
});

test('the comparison of versions is antisymmetric and transitive', () => {
  const version = fc
    .tuple(
      fc.array(fc.nat(20), { minLength: 1, maxLength: 3 }),
      fc.constantFrom('', 'beta', 'rc', 'devel'),
      fc.nat(3),
    )
    .map(([numbers, stage, n]) => `${numbers.join('.')}${stage}${stage ? n : ''}`);
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      const [ab, bc, ac] = [compareVersions(a, b)!, compareVersions(b, c)!, compareVersions(a, c)!];
      assert.is(Math.sign(compareVersions(b, a)!), -Math.sign(ab) || 0);
      if (ab <= 0 && bc <= 0) assert.ok(ac <= 0, `${a} ${b} ${c}`);
    }),
  );
});

const graph = graphOf({
  pg: image({
    name: 'pg',
    versions: ['16.13', '17.9', '17.10', '18beta1'],
    context: 'c',
    aliases: (version) => [version.replace(/\D.*$/, ''), 'latest'],
  }),
});
const tasks = (from: Graph, ...ids: string[]) => ids.map((id) => from.tasks.get(id)!);
const choose = (alias: string, ids: string[], current?: string) =>
  chooseAlias(
    { name: 'pg', alias },
    tasks(graph, ...ids),
    graph,
    current === undefined ? undefined : { task: current },
  );

test('the newest task that requests an alias gets it', () => {
  assert.equal(
    requestedAliases([...graph.tasks.values()]).map(({ alias }) => alias),
    ['16', 'latest', '17', '18'],
  );
  assert.is(choose('17', ['pg:17.10', 'pg:17.9']).task?.id, 'pg:17.10');
  assert.is(choose('latest', [...graph.tasks.keys()]).task?.id, 'pg:18beta1');
  assert.equal(Object.fromEntries(firstAliases([...graph.tasks.values()], graph)), {
    'pg:16.13': ['16'],
    'pg:17.10': ['17'],
    'pg:18beta1': ['latest', '18'],
  });
});

test('an alias never moves to an older version', () => {
  const stays = choose('17', ['pg:17.9'], 'pg:17.10');
  assert.is(stays.task, undefined);
  assert.match(stays.detail!, /pg:17 stays at 17\.10: 17\.9 is older/);
  assert.is(choose('17', ['pg:17.10'], 'pg:17.9').task?.id, 'pg:17.10');
  assert.is(choose('17', ['pg:17.9'], 'pg:17.9').task?.id, 'pg:17.9');
  assert.is(choose('17', ['pg:17.9'], 'pg:17.11').task, undefined, 'a version that is no longer defined');
});

test('an alias that does not exist, or that another tool set, can be taken', () => {
  assert.is(choose('17', ['pg:17.9'], undefined).task?.id, 'pg:17.9');
  assert.is(chooseAlias({ name: 'pg', alias: '17' }, tasks(graph, 'pg:17.9'), graph, {}).task?.id, 'pg:17.9');
  assert.is(choose('17', ['pg:17.9'], 'other:18').task?.id, 'pg:17.9');
});

test('if versions are not comparable, the order in the definition decides; otherwise the alias does not move', () => {
  const cells = matrix(
    { pg: ['17'], distro: ['trixie', 'bookworm'] },
    { version: (c) => `${c.pg}-${c.distro}` },
  );
  const pick = (id: string, current: string) => {
    const aliases = (cell: { distro: string }) => (id.endsWith(cell.distro) ? ['17'] : []);
    const wide = graphOf({ pg: image({ name: 'pg', versions: cells, context: 'c', aliases }) });
    return chooseAlias({ name: 'pg', alias: '17' }, tasks(wide, id), wide, { task: current }).task?.id;
  };
  assert.is(pick('pg:17-bookworm', 'pg:17-trixie'), 'pg:17-bookworm');
  assert.is(pick('pg:17-trixie', 'pg:17-bookworm'), undefined);
  assert.is(pick('pg:17-trixie', 'pg:17-sid'), undefined);
});

test('the current target of an alias is found for any platform, and for something that is not an image', async () => {
  const registry = fakeRegistry();
  const task = graph.tasks.get('pg:17.9')!;
  const id = `sha256:${'1'.repeat(64)}`;
  const other = registry.push('r/pg:17', {
    id,
    labels: { [taskLabel]: 'pg:17.10' },
    platform: 'linux/s390x',
    created: 1,
  });
  const tagsOf = async () =>
    await resolveTargetTags(registry, [task], graph, { repo: 'r', suffix: '', timed: false });
  assert.match((await tagsOf()).notes.join(), /pg:17 stays at 17\.10/);
  registry.push('r/pg:17', { id, labels: {}, platform: 'linux/s390x', created: 1 });
  const now = registry.tagDigests('r/pg')['17'];
  assert.not.equal(now, other);
  assert.is((await tagsOf()).published.get('pg:17.9')!.get('r/pg:17'), now);
  registry.beforeCall = ({ method, name }) => {
    if (method === 'contents' && name === 'r/pg:17') throw new RegistryError('broken', 'no image');
  };
  assert.is((await tagsOf()).published.get('pg:17.9')!.get('r/pg:17'), now);
});

test.run();
