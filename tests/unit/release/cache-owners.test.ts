import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keyLabel, needsLabel, taskLabel } from '../../../src/model/labels.ts';
import type { RemoteContents } from '../../../src/model/registry.ts';
import { announceNames } from '../../../src/release/cache-owners.ts';
import { chooseRemovals } from '../../../src/release/choose-removals.ts';
import { queryInventory } from '../../../src/release/inventory.ts';
import { closeJournal, journalName } from '../../../src/release/journal.ts';
import { repositoriesOf } from '../../../src/release/ownership.ts';
import { fakeRegistry } from '../../support/fake-registry.ts';

const test = suite('a repository of content tags that projects share');
const now = new Date(Date.UTC(2026, 10, 24));
const namingOf = (repo: string) => ({
  repo: `h:1/${repo}`,
  cacheRepo: 'h:1/cache',
  suffix: '',
  timed: false,
});
const tag = (name: string): string => `${name}-1-k${'c'.repeat(12)}`;

/** Old content tags of these names, and what a clean of a project with these names removes. */
function scene(...images: string[]) {
  const registry = fakeRegistry();
  images.forEach((name, at) => {
    const labels = { [keyLabel]: 'c'.repeat(64), [taskLabel]: `${name}:1`, [needsLabel]: '{}' };
    const id = `sha256:${String(at).padStart(64, '0')}`;
    registry.push(`h:1/cache:${tag(name)}`, { id, labels, platform: 'linux/amd64', created: 1 });
  });
  const removed = async (repo: string, ...names: string[]): Promise<string[]> => {
    const naming = namingOf(repo);
    const about = { naming, names: new Set(names), named: new Set<string>(), pinned: new Set<string>(), now };
    const facts = await queryInventory(
      registry,
      repositoriesOf(naming, names),
      about,
      new Map<string, RemoteContents>(),
    );
    return chooseRemovals(facts)
      .flatMap(({ tags }) => tags.map((each) => each.tag))
      .sort();
  };
  return { registry, removed };
}

test('only images whose names this project has, or had, go', async () => {
  const { registry, removed } = scene('app', 'other', 'gone');
  assert.equal(await removed('a', 'app'), [tag('app')]);
  await announceNames(registry, namingOf('a'), ['app', 'gone']);
  await announceNames(registry, namingOf('a'), ['app']);
  assert.equal(await removed('a', 'app'), [tag('app'), tag('gone')]);
});

test('another project with the same repo and other names: what it has stays', async () => {
  const { registry, removed } = scene('app', 'old', 'theirs', 'also');
  await announceNames(registry, namingOf('a'), ['theirs', 'also']);
  await announceNames(registry, namingOf('a'), ['app', 'old']);
  assert.equal(await removed('a', 'app'), [tag('app'), tag('old')]);
  assert.equal(await removed('a', 'theirs', 'also'), [tag('also'), tag('theirs')]);
});

test('a project whose names changed bit by bit is still the same', async () => {
  const { registry, removed } = scene('app', 'was', 'first');
  for (const names of [['first', 'was'], ['was', 'app'], ['app']])
    await announceNames(registry, namingOf('a'), names);
  assert.equal(await removed('a', 'app'), [tag('app'), tag('first'), tag('was')]);
});

test('a name that another project has, too, stays', async () => {
  const { registry, removed } = scene('app', 'tool');
  await announceNames(registry, namingOf('b'), ['app']);
  assert.equal(await removed('a', 'app', 'tool'), [tag('tool')]);
  assert.equal(await removed('b', 'app'), [tag('app')]);
});

test('another project that published and does not say what it has: nothing goes', async () => {
  const { registry, removed } = scene('app');
  await closeJournal(registry, journalName(namingOf('b')), { id: 'x', time: 't', outcome: 'published' });
  assert.equal(await removed('a', 'app'), []);
  await announceNames(registry, namingOf('b'), ['other']);
  assert.equal(await removed('a', 'app'), [tag('app')]);
});

test('an announcement that is none, or is of another project than its tag says: nothing goes', async () => {
  for (const text of [
    'x',
    'null',
    '{}',
    '{"schema":1,"repo":"h:1/b","names":"app"}',
    '{"schema":1,"repo":"h:1/c","names":[]}',
  ]) {
    const { registry, removed } = scene('app');
    await announceNames(registry, namingOf('b'), ['other']);
    const [name] = Object.keys(registry.tagDigests('h:1/cache')).filter((each) =>
      each.startsWith('project-'),
    );
    await registry.write(`h:1/cache:${name}`, text);
    assert.equal(await removed('a', 'app'), [], text);
  }
});

test('it is said once for the same names, and without such a repository not at all', async () => {
  const { registry } = scene();
  for (const names of [
    ['b', 'a'],
    ['a', 'b', 'a'],
  ])
    await announceNames(registry, namingOf('a'), names);
  await announceNames(registry, { repo: 'h:1/a', suffix: '', timed: false }, ['a']);
  assert.is(registry.calls.filter(({ method }) => method === 'write').length, 1);
});

test.run();
