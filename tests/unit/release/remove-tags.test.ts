import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keyLabel, needsLabel, taskLabel } from '../../../src/model/labels.ts';
import { RegistryError, type RemoteContents } from '../../../src/model/registry.ts';
import { chooseRemovals, type Removal } from '../../../src/release/choose-removals.ts';
import { queryInventory } from '../../../src/release/inventory.ts';
import { readJournal, writeJournal } from '../../../src/release/journal.ts';
import type { Inventory } from '../../../src/release/ownership.ts';
import { type PublishContext, tagOwnershipIn } from '../../../src/release/publish-context.ts';
import { recoverUnfinished } from '../../../src/release/recovery.ts';
import {
  checkDeletePermission,
  checkIdle,
  type RemovalResult,
  removeTags,
} from '../../../src/release/remove-tags.ts';
import { type FakeRegistry, fakeRegistry } from '../../support/fake-registry.ts';

const test = suite('a clean of a registry');

const day = 86_400_000;
const now = Date.UTC(2026, 10, 24, 12);
const journalName = 'h:1/t/release-journal:current';
const [app, base] = ['h:1/t/app', 'h:1/t/base'];
const content = (letter: string): string => `1-k${letter.repeat(12)}`;

interface Scene {
  readonly registry: FakeRegistry;
  readonly desk: PublishContext & { told: string[] };
  look(): Promise<Inventory>;
  removals(): Promise<Removal[]>;
  run(signal?: AbortSignal): Promise<RemovalResult>;
  /** All tags of app and base. */
  tags(): string[];
}

let serial = 0;

/** An old base, two old apps on it (one of them released), a young app on another base; dev tags. */
function scene({ alive }: { alive?: boolean } = {}): Scene {
  const registry = fakeRegistry();
  const push = (tag: string, task: string, letter: string, days: number, need?: string): string => {
    const id = `sha256:${(++serial).toString(16).padStart(64, '0')}`;
    const labels = {
      [keyLabel]: letter.repeat(64),
      [taskLabel]: task,
      [needsLabel]: JSON.stringify(need === undefined ? {} : { 'base:1': need }),
    };
    registry.push(tag, { id, labels, platform: 'linux/amd64', created: now - days * day });
    return id;
  };
  const again = async (from: string, to: string): Promise<void> =>
    await registry.put(to, await registry.manifest(from));
  const old = push(`${base}:${content('a')}`, 'base:1', 'a', 100);
  const other = push(`${base}:${content('b')}`, 'base:1', 'b', 100);
  push(`${app}:${content('c')}`, 'app:1', 'c', 90, old);
  push(`${app}:${content('d')}`, 'app:1', 'd', 80);
  push(`${app}:${content('e')}`, 'app:1', 'e', 1, other);
  let time = now;
  const desk = {
    registry,
    journalName: journalName,
    told: [] as string[],
    clock: {
      now: () => {
        time += 100;
        return new Date(time);
      },
      sleep: async (ms: number) => {
        time += ms;
      },
    },
    ownershipOf: tagOwnershipIn('h:1/t', new Set(['app', 'base'])),
    newOwner: () => ({ id: `owner-${++serial}` }),
    isAlive: () => alive,
    report: (text: string) => desk.told.push(text),
  };
  const known = new Map<string, RemoteContents>();
  const about = {
    naming: { repo: 'h:1/t', suffix: '', timed: false },
    names: new Set(['app', 'base']),
    named: new Set<string>(),
    pinned: new Set<string>(),
    now: new Date(now),
  };
  const ready = Promise.all([
    again(`${app}:${content('d')}`, `${app}:1`),
    again(`${app}:${content('d')}`, `${app}:1-dev202601010000`),
    again(`${app}:${content('c')}`, `${app}:1-dev202601010001`),
    again(`${app}:${content('c')}`, `${app}:${content('c')}-t${'9'.repeat(12)}`),
  ]);
  const look = async (): Promise<Inventory> => {
    await ready;
    return await queryInventory(registry, [app, base], about, known);
  };
  const removals = async (): Promise<Removal[]> => chooseRemovals(await look());
  return {
    registry,
    desk,
    look,
    removals,
    run: async (signal = new AbortController().signal) =>
      await removeTags(desk, await removals(), removals, signal),
    tags: () =>
      [app, base].flatMap((repository) =>
        Object.keys(registry.tagDigests(repository))
          .sort()
          .map((tag) => `${repository.slice('h:1/t/'.length)}:${tag}`),
      ),
  };
}

const kept = [`app:1`, `app:${content('d')}`, `app:${content('e')}`, `base:${content('b')}`].sort();

const failure = async (work: Promise<unknown>): Promise<Error & { exitCode?: number }> => {
  const error = await work.then(
    () => undefined,
    (each: unknown) => each,
  );
  assert.instance(error, Error);
  return error as Error;
};

test('takes away what is old, what stands on others first, and gives the journal back', async () => {
  const { registry, desk, run, tags } = scene();
  const { removed, changed, error } = await run();
  assert.equal([changed, error], [[], undefined]);
  assert.is(removed.length, 3);
  assert.equal(tags().sort(), kept);
  const deleteCalls = registry.calls
    .filter(({ method }) => ['remove', 'untag'].includes(method))
    .map(({ method, name }) => `${method} ${name.replace(/:.*/, '')}`);
  assert.not.ok(
    registry.calls.some(({ method }) => method === 'remove'),
    'no manifest is deleted',
  );
  const names = registry.calls.filter(({ method }) => method === 'untag').map(({ name }) => name);
  assert.is(deleteCalls.length, 5);
  assert.is(names.at(-1), `${base}:${content('a')}`, 'the app goes before what it was made with');
  assert.is(await readJournal(registry, desk.journalName), undefined);
});

test('a list a repository, a request a tag, a look at each image; the second time no image is looked at', async () => {
  const { registry, look } = scene();
  const counts = (): number[] => {
    const calls = registry.calls.splice(0);
    return ['tags', 'head', 'contents'].map(
      (wanted) => calls.filter(({ method }) => method === wanted).length,
    );
  };
  await look();
  assert.equal(counts(), [2, 9, 5]);
  await look();
  assert.equal(counts(), [2, 9, 0]);
});

test('where nothing can be old by its name, no image is looked at', async () => {
  const registry = fakeRegistry();
  registry.push(`${app}:1`, {
    id: `sha256:${'1'.repeat(64)}`,
    labels: {},
    platform: 'linux/amd64',
    created: 1,
  });
  const about = {
    naming: { repo: 'h:1/t', suffix: '', timed: false },
    names: new Set(['app']),
    named: new Set<string>(),
    pinned: new Set<string>(),
    now: new Date(now),
  };
  assert.equal(chooseRemovals(await queryInventory(registry, [app], about, new Map())), []);
  assert.equal(
    registry.calls.map(({ method }) => method),
    ['tags', 'head'],
  );
});

test('a push that is under way stops it, before anything is read or removed', async () => {
  for (const alive of [true, undefined, false]) {
    const { registry, desk, run, tags, look } = scene({ ...(alive !== undefined ? { alive } : {}) });
    await look();
    const before = tags();
    const change = { name: `${app}:1`, task: 'app:1', after: `sha256:${'1'.repeat(64)}`, isAlias: false };
    const open = {
      id: 'x',
      owner: 1,
      time: 'then',
      beat: 0,
      direction: 'forward',
      changes: [change],
    } as const;
    await writeJournal(registry, journalName, open);
    for (const work of [checkIdle(desk), run()]) {
      const error = await failure(work);
      assert.match(error.message, /another push has been publishing since then; nothing was removed/);
      assert.is(error.exitCode, 1);
    }
    assert.equal(tags(), before);
    assert.is((await readJournal(registry, journalName))?.id, 'x');
  }
});

test('another clean stops it, unless that is known to be dead; a push ends a dead one and goes on', async () => {
  const open = { id: 'x', owner: 1, time: 'then', beat: 0, direction: 'forward', changes: [] } as const;
  for (const alive of [true, undefined]) {
    const { registry, desk } = scene({ ...(alive ? { alive } : {}) });
    await writeJournal(registry, journalName, open);
    assert.match(
      (await failure(checkIdle(desk))).message,
      /another clean has been deleting old tags since then/,
    );
  }
  const { registry, run, tags } = scene({ alive: false });
  await writeJournal(registry, journalName, open);
  await run();
  assert.equal(tags().sort(), kept);
  const pushing = scene({ alive: false });
  await writeJournal(pushing.registry, journalName, open);
  assert.equal(await recoverUnfinished(pushing.desk, false, new AbortController().signal), []);
  assert.equal(pushing.desk.told, [
    'closed the journal of an unfinished clean of then; it deleted only some tags',
  ]);
  assert.is(await readJournal(pushing.registry, journalName), undefined);
});

test('what changed between the looks stays: a new tag on an old image, a tag that moved', async () => {
  const { registry, removals, desk, tags } = scene();
  const first = await removals();
  await registry.put(`${app}:mine`, await registry.manifest(`${app}:${content('c')}`));
  const { removed, changed } = await removeTags(desk, first, removals, new AbortController().signal);
  assert.equal(
    changed.map(({ repository }) => repository),
    [app, base],
    'the image, and what it was made with',
  );
  assert.is(removed.length, 1);
  assert.ok(tags().includes(`app:${content('c')}`) && tags().includes(`base:${content('a')}`));
});

test('a tag that moves right before it would go stays', async () => {
  const { registry, run, tags } = scene();
  const moving = `${app}:1-dev202601010000`;
  let heads = 0;
  registry.beforeCall = async ({ method, name }) => {
    // Both looks are over.
    if (method !== 'head' || name !== moving || ++heads !== 3) return;
    await registry.put(moving, await registry.manifest(`${app}:${content('e')}`));
  };
  await run();
  assert.is(heads, 3);
  assert.ok(tags().includes('app:1-dev202601010000'));
});

test('a delete that is late takes no tag that was put on the same image meanwhile', async () => {
  const { registry, run, tags } = scene();
  registry.beforeCall = async ({ method, name }) => {
    if (!['untag', 'remove'].includes(method)) return;
    registry.beforeCall = () => undefined;
    // The request is on its way: a push publishes what it found before.
    for (const [at, letter] of [
      [app, 'c'],
      [base, 'a'],
    ] as const) {
      const manifest = await registry.manifest(`${at}:${content(letter)}`);
      await registry.put(`${at}:2.0`, manifest);
    }
    assert.ok(name);
  };
  await run();
  assert.ok(tags().includes('app:2.0') && tags().includes('base:2.0'), tags().join());
});

test('a registry that deletes nothing is told before anything is written', async () => {
  const { registry, removals, desk, tags } = scene();
  registry.deletes = false;
  const first = await removals();
  const before = tags();
  registry.calls.length = 0;
  const error = await failure(checkDeletePermission(registry, first, desk.journalName));
  assert.instance(error, RegistryError);
  assert.is(error.exitCode, 3);
  assert.equal(tags(), before);
  assert.not.ok(registry.calls.some(({ method }) => ['write', 'put', 'remove', 'untag'].includes(method)));
});

test('one that refuses all the same, or fails, at any call: what went is told, the rest stands, another clean ends it', async () => {
  const calls = async (): Promise<number> => {
    const { registry, run, removals } = scene();
    await removals();
    registry.calls.length = 0;
    await run();
    return registry.calls.length;
  };
  const total = await calls();
  assert.ok(total > 20);
  for (let nth = 1; nth <= total; nth++) {
    const { registry, run, removals, tags } = scene({ alive: false });
    await removals();
    const offset = registry.calls.length;
    registry.beforeCall = (_call, number) => {
      if (number === offset + nth) throw new RegistryError('unreachable', 'no answer');
    };
    const result = await run().catch((error: Error) => ({ gone: [], changed: [], error }));
    assert.match((result.error as Error).message, /no answer/);
    for (const tag of kept) assert.ok(tags().includes(tag), `${tag} is gone at call ${nth}`);
    registry.beforeCall = () => undefined;
    assert.is((await run()).error, undefined);
    assert.equal(tags().sort(), kept, `after a failure at call ${nth}`);
  }
});

test('an interrupt ends it between two images, and gives the journal back', async () => {
  const { registry, run, tags } = scene();
  const abort = new AbortController();
  registry.afterCall = ({ method }) => {
    if (method === 'untag') abort.abort(new Error('interrupted'));
  };
  const { removed, error } = await run(abort.signal);
  assert.match((error as Error).message, /interrupted/);
  assert.ok(removed.length > 0 && tags().length > kept.length);
  registry.afterCall = () => undefined;
  assert.is(await readJournal(registry, journalName), undefined);
});

test('whose journal is taken meanwhile stops', async () => {
  const { registry, run, tags, look } = scene();
  await look();
  const before = tags();
  const open = { id: 'x', owner: 1, time: 'then', beat: 0, direction: 'forward', changes: [] } as const;
  registry.afterCall = async ({ method }) => {
    if (method !== 'write') return;
    registry.afterCall = () => undefined;
    await writeJournal(registry, journalName, open);
  };
  assert.match((await failure(run())).message, /a push started to publish at the same time/);
  assert.equal(tags(), before);
  assert.is((await readJournal(registry, journalName))?.id, 'x', 'and leaves it there');
});

test.run();
