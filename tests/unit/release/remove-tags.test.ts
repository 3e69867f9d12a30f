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

const test = suite('removing tags');

const day = 86_400_000;
const now = Date.UTC(2026, 10, 24, 12);
const journalName = 'h:1/t/release-journal:current';
const [app, base] = ['h:1/t/app', 'h:1/t/base'];
const content = (letter: string): string => `1-k${letter.repeat(12)}`;

interface Fixture {
  readonly registry: FakeRegistry;
  readonly context: PublishContext & { reported: string[] };
  inventory(): Promise<Inventory>;
  removals(): Promise<Removal[]>;
  run(signal?: AbortSignal): Promise<RemovalResult>;
  /** All tags of app and base. */
  tags(): string[];
}

let serial = 0;

/** An old base, an old app on it, an old app that is released, and a young app on another base; dev tags. */
function setUp({ alive }: { alive?: boolean } = {}): Fixture {
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
  const copyTag = async (from: string, to: string): Promise<void> =>
    await registry.put(to, await registry.manifest(from));
  const old = push(`${base}:${content('a')}`, 'base:1', 'a', 100);
  const other = push(`${base}:${content('b')}`, 'base:1', 'b', 100);
  push(`${app}:${content('c')}`, 'app:1', 'c', 90, old);
  push(`${app}:${content('d')}`, 'app:1', 'd', 80);
  push(`${app}:${content('e')}`, 'app:1', 'e', 1, other);
  let time = now;
  const context = {
    registry,
    journalName,
    reported: [] as string[],
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
    report: (text: string) => context.reported.push(text),
  };
  const known = new Map<string, RemoteContents>();
  const project = {
    naming: { repo: 'h:1/t', suffix: '', timed: false },
    names: new Set(['app', 'base']),
    named: new Set<string>(),
    pinned: new Set<string>(),
    now: new Date(now),
  };
  const ready = Promise.all([
    copyTag(`${app}:${content('d')}`, `${app}:1`),
    copyTag(`${app}:${content('d')}`, `${app}:1-dev202601010000`),
    copyTag(`${app}:${content('c')}`, `${app}:1-dev202601010001`),
    copyTag(`${app}:${content('c')}`, `${app}:${content('c')}-t${'9'.repeat(12)}`),
  ]);
  const inventory = async (): Promise<Inventory> => {
    await ready;
    return await queryInventory(registry, [app, base], project, known);
  };
  const removals = async (): Promise<Removal[]> => chooseRemovals(await inventory());
  return {
    registry,
    context,
    inventory,
    removals,
    run: async (signal = new AbortController().signal) =>
      await removeTags(context, await removals(), removals, signal),
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

test('removes old tags, dependents before their needs, and closes the journal', async () => {
  const { registry, context, run, tags } = setUp();
  const { removed, changed, error } = await run();
  assert.equal([changed, error], [[], undefined]);
  assert.is(removed.length, 3);
  assert.equal(tags().sort(), kept);
  const names = registry.calls.filter(({ method }) => method === 'untag').map(({ name }) => name);
  assert.is(names.length, 5);
  assert.is(names.at(-1), `${base}:${content('a')}`, 'the app is removed before its base');
  assert.is(await readJournal(registry, context.journalName), undefined);
});

test('queries each repository, tag and image once, and no image the second time', async () => {
  const { registry, inventory } = setUp();
  const counts = (): number[] => {
    const calls = registry.calls.splice(0);
    return ['tags', 'head', 'contents'].map(
      (wanted) => calls.filter(({ method }) => method === wanted).length,
    );
  };
  await inventory();
  assert.equal(counts(), [2, 9, 5]);
  await inventory();
  assert.equal(counts(), [2, 9, 0]);
});

test('queries no image if no tag can be removed by its name', async () => {
  const registry = fakeRegistry();
  registry.push(`${app}:1`, {
    id: `sha256:${'1'.repeat(64)}`,
    labels: {},
    platform: 'linux/amd64',
    created: 1,
  });
  const project = {
    naming: { repo: 'h:1/t', suffix: '', timed: false },
    names: new Set(['app']),
    named: new Set<string>(),
    pinned: new Set<string>(),
    now: new Date(now),
  };
  assert.equal(chooseRemovals(await queryInventory(registry, [app], project, new Map())), []);
  assert.equal(
    registry.calls.map(({ method }) => method),
    ['tags', 'head'],
  );
});

test('a push in progress stops it before anything is removed', async () => {
  for (const alive of [true, undefined, false]) {
    const { registry, context, run, tags, inventory } = setUp({ ...(alive !== undefined ? { alive } : {}) });
    await inventory();
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
    for (const work of [checkIdle(context), run()]) {
      const error = await failure(work);
      assert.match(error.message, /another push has been publishing since then; nothing was removed/);
      assert.is(error.exitCode, 1);
    }
    assert.equal(tags(), before);
    assert.is((await readJournal(registry, journalName))?.id, 'x');
  }
});

test('another clean stops it unless its process is known to be dead; a push closes the journal of a dead clean', async () => {
  const open = { id: 'x', owner: 1, time: 'then', beat: 0, direction: 'forward', changes: [] } as const;
  for (const alive of [true, undefined]) {
    const { registry, context } = setUp({ ...(alive ? { alive } : {}) });
    await writeJournal(registry, journalName, open);
    assert.match(
      (await failure(checkIdle(context))).message,
      /another clean has been deleting old tags since then/,
    );
  }
  const { registry, run, tags } = setUp({ alive: false });
  await writeJournal(registry, journalName, open);
  await run();
  assert.equal(tags().sort(), kept);
  const pushing = setUp({ alive: false });
  await writeJournal(pushing.registry, journalName, open);
  assert.equal(await recoverUnfinished(pushing.context, false, new AbortController().signal), []);
  assert.equal(pushing.context.reported, [
    'closed the journal of an unfinished clean of then; it deleted only some tags',
  ]);
  assert.is(await readJournal(pushing.registry, journalName), undefined);
});

test('keeps an image that got a new tag since the removals were chosen, and its base', async () => {
  const { registry, removals, context, tags } = setUp();
  const first = await removals();
  await registry.put(`${app}:mine`, await registry.manifest(`${app}:${content('c')}`));
  const { removed, changed } = await removeTags(context, first, removals, new AbortController().signal);
  assert.equal(
    changed.map(({ repository }) => repository),
    [app, base],
    'the image and its base',
  );
  assert.is(removed.length, 1);
  assert.ok(tags().includes(`app:${content('c')}`) && tags().includes(`base:${content('a')}`));
});

test('keeps a tag that moves just before it would be removed', async () => {
  const { registry, run, tags } = setUp();
  const moving = `${app}:1-dev202601010000`;
  let heads = 0;
  registry.beforeCall = async ({ method, name }) => {
    // The first two are from reading the inventory twice.
    if (method !== 'head' || name !== moving || ++heads !== 3) return;
    await registry.put(moving, await registry.manifest(`${app}:${content('e')}`));
  };
  await run();
  assert.is(heads, 3);
  assert.ok(tags().includes('app:1-dev202601010000'));
});

test('a delayed delete does not remove a tag that was put on the same image in the meantime', async () => {
  const { registry, run, tags } = setUp();
  registry.beforeCall = async ({ method, name }) => {
    if (!['untag', 'remove'].includes(method)) return;
    registry.beforeCall = () => undefined;
    // While the request is on its way, a push sets tags on the same images.
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

test('reports a registry that does not allow deletes before anything is written', async () => {
  const { registry, removals, context, tags } = setUp();
  registry.deletes = false;
  const first = await removals();
  const before = tags();
  registry.calls.length = 0;
  const error = await failure(checkDeletePermission(registry, first, context.journalName));
  assert.instance(error, RegistryError);
  assert.is(error.exitCode, 3);
  assert.equal(tags(), before);
  assert.not.ok(registry.calls.some(({ method }) => ['write', 'put', 'remove', 'untag'].includes(method)));
});

test('after a failure at any request, keeps the other tags, and the next clean completes the removal', async () => {
  const calls = async (): Promise<number> => {
    const { registry, run, removals } = setUp();
    await removals();
    registry.calls.length = 0;
    await run();
    return registry.calls.length;
  };
  const total = await calls();
  assert.ok(total > 20);
  for (let nth = 1; nth <= total; nth++) {
    const { registry, run, removals, tags } = setUp({ alive: false });
    await removals();
    const offset = registry.calls.length;
    registry.beforeCall = (_call, number) => {
      if (number === offset + nth) throw new RegistryError('unreachable', 'no answer');
    };
    const result = await run().catch((error: Error) => ({ removed: [], changed: [], error }));
    assert.match((result.error as Error).message, /no answer/);
    for (const tag of kept) assert.ok(tags().includes(tag), `${tag} was removed at call ${nth}`);
    registry.beforeCall = () => undefined;
    assert.is((await run()).error, undefined);
    assert.equal(tags().sort(), kept, `after a failure at call ${nth}`);
  }
});

test('an interrupt stops it between two images and closes the journal', async () => {
  const { registry, run, tags } = setUp();
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

test('stops if a push replaces the journal', async () => {
  const { registry, run, tags, inventory } = setUp();
  await inventory();
  const before = tags();
  const open = { id: 'x', owner: 1, time: 'then', beat: 0, direction: 'forward', changes: [] } as const;
  registry.afterCall = async ({ method }) => {
    if (method !== 'write') return;
    registry.afterCall = () => undefined;
    await writeJournal(registry, journalName, open);
  };
  assert.match((await failure(run())).message, /a push started to publish at the same time/);
  assert.equal(tags(), before);
  assert.is((await readJournal(registry, journalName))?.id, 'x', "the push's journal is kept");
});

test.run();
