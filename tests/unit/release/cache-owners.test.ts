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

const test = suite('a shared cache repository');
const now = new Date(Date.UTC(2026, 10, 24));
const namingOf = (repo: string) => ({
  repo: `h:1/${repo}`,
  cacheRepo: 'h:1/cache',
  suffix: '',
  timed: false,
});
const tag = (name: string): string => `${name}-1-k${'c'.repeat(12)}`;

/** A registry with old content tags of these images. `removed`: the tags that a clean of a project removes. */
function setUp(...images: string[]) {
  const registry = fakeRegistry();
  images.forEach((name, at) => {
    const labels = { [keyLabel]: 'c'.repeat(64), [taskLabel]: `${name}:1`, [needsLabel]: '{}' };
    const id = `sha256:${String(at).padStart(64, '0')}`;
    registry.push(`h:1/cache:${tag(name)}`, { id, labels, platform: 'linux/amd64', created: 1 });
  });
  const removed = async (repo: string, ...names: string[]): Promise<string[]> => {
    const naming = namingOf(repo);
    const project = {
      naming,
      names: new Set(names),
      named: new Set<string>(),
      pinned: new Set<string>(),
      now,
    };
    const inventory = await queryInventory(
      registry,
      repositoriesOf(naming, names),
      project,
      new Map<string, RemoteContents>(),
    );
    return chooseRemovals(inventory)
      .flatMap(({ tags }) => tags.map((each) => each.tag))
      .sort();
  };
  return { registry, removed };
}

test('removes only images that this project defines or has defined', async () => {
  const { registry, removed } = setUp('app', 'other', 'gone');
  assert.equal(await removed('a', 'app'), [tag('app')]);
  await announceNames(registry, namingOf('a'), ['app', 'gone']);
  await announceNames(registry, namingOf('a'), ['app']);
  assert.equal(await removed('a', 'app'), [tag('app'), tag('gone')]);
});

test('keeps the images of another project with the same repo and other names', async () => {
  const { registry, removed } = setUp('app', 'old', 'theirs', 'also');
  await announceNames(registry, namingOf('a'), ['theirs', 'also']);
  await announceNames(registry, namingOf('a'), ['app', 'old']);
  assert.equal(await removed('a', 'app'), [tag('app'), tag('old')]);
  assert.equal(await removed('a', 'theirs', 'also'), [tag('also'), tag('theirs')]);
});

test('recognizes a project whose names changed a few at a time', async () => {
  const { registry, removed } = setUp('app', 'was', 'first');
  for (const names of [['first', 'was'], ['was', 'app'], ['app']])
    await announceNames(registry, namingOf('a'), names);
  assert.equal(await removed('a', 'app'), [tag('app'), tag('first'), tag('was')]);
});

test('keeps images whose name another project defines too', async () => {
  const { registry, removed } = setUp('app', 'tool');
  await announceNames(registry, namingOf('b'), ['app']);
  assert.equal(await removed('a', 'app', 'tool'), [tag('tool')]);
  assert.equal(await removed('b', 'app'), [tag('app')]);
});

test('removes nothing if another project has published without announcing its names', async () => {
  const { registry, removed } = setUp('app');
  await closeJournal(registry, journalName(namingOf('b')), { id: 'x', time: 't', outcome: 'published' });
  assert.equal(await removed('a', 'app'), []);
  await announceNames(registry, namingOf('b'), ['other']);
  assert.equal(await removed('a', 'app'), [tag('app')]);
});

test('removes nothing if an announcement is invalid or belongs to another project than its tag says', async () => {
  for (const text of [
    'x',
    'null',
    '{}',
    '{"schema":1,"repo":"h:1/b","names":"app"}',
    '{"schema":1,"repo":"h:1/c","names":[]}',
  ]) {
    const { registry, removed } = setUp('app');
    await announceNames(registry, namingOf('b'), ['other']);
    const [name] = Object.keys(registry.tagDigests('h:1/cache')).filter((each) =>
      each.startsWith('project-'),
    );
    await registry.write(`h:1/cache:${name}`, text);
    assert.equal(await removed('a', 'app'), [], text);
  }
});

test('announces the same names once, and nothing without a cache repository', async () => {
  const { registry } = setUp();
  for (const names of [
    ['b', 'a'],
    ['a', 'b', 'a'],
  ])
    await announceNames(registry, namingOf('a'), names);
  await announceNames(registry, { repo: 'h:1/a', suffix: '', timed: false }, ['a']);
  assert.is(registry.calls.filter(({ method }) => method === 'write').length, 1);
});

test.run();
