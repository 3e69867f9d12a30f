import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TasksError } from '../../../src/model/errors.ts';
import { RegistryError } from '../../../src/model/registry.ts';
import { readJournal, type TagChange } from '../../../src/release/journal.ts';
import { checkJournalWritable } from '../../../src/release/journal-check.ts';
import { publish } from '../../../src/release/publish.ts';
import { type PublishContext, tagOwnershipIn } from '../../../src/release/publish-context.ts';
import { recoverUnfinished } from '../../../src/release/recovery.ts';
import { type FakeRegistry, fakeRegistry } from '../../support/fake-registry.ts';

const test = suite('publish');
const journalName = 'h:1/t/release-journal:current';
const live = new AbortController().signal;

interface Scene {
  readonly registry: FakeRegistry;
  readonly changes: TagChange[];
  /** Where the tags point, of the changes: all as before, all as wanted, or neither. */
  state(): 'old' | 'new' | 'mixed';
  desk(name: string, alive?: boolean): PublishContext & { told: string[] };
}

let serial = 0;

function push(registry: FakeRegistry, tag: string): string {
  const id = `sha256:${(++serial).toString(16).padStart(64, '0')}`;
  return registry.push(tag, { id, labels: { n: String(serial) }, platform: 'linux/amd64', created: serial });
}

/** Two repositories with a tag that moves, a new one, and an alias. */
function scene(): Scene {
  const registry = fakeRegistry();
  const changes = ['a', 'b'].flatMap((name): TagChange[] => {
    const repository = `h:1/t/${name}`;
    const task = `${name}:2`;
    const old = push(registry, `${repository}:1`);
    push(registry, `${repository}:latest`);
    const was = registry.tagDigests(repository).latest!;
    const after = push(registry, `${repository}:2-kaaaaaaaaaaaa`);
    return [
      { name: `${repository}:latest`, task, before: was, after, isAlias: true },
      { name: `${repository}:1`, task, before: old, after, isAlias: false },
      { name: `${repository}:2`, task, after, isAlias: false },
    ];
  });
  registry.calls.length = 0;
  let now = Date.UTC(2026, 10, 24);
  return {
    registry,
    changes,
    state() {
      const points = (wanted: 'before' | 'after'): boolean =>
        changes.every(({ name, ...change }) => {
          const [repository, tag] = [
            name.slice(0, name.lastIndexOf(':')),
            name.slice(name.lastIndexOf(':') + 1),
          ];
          return registry.tagDigests(repository)[tag] === change[wanted];
        });
      return points('before') ? 'old' : points('after') ? 'new' : 'mixed';
    },
    desk(name, alive) {
      const told: string[] = [];
      return {
        registry,
        journalName: journalName,
        told,
        clock: {
          now: () => {
            now += 100;
            return new Date(now);
          },
          sleep: async (ms) => {
            now += ms;
          },
        },
        ownershipOf: tagOwnershipIn('h:1/t', new Set(['a', 'b'])),
        newOwner: () => ({ id: `${name}-${++serial}` }),
        isAlive: () => alive,
        report: (text) => told.push(text),
      };
    },
  };
}

/** The error that something ended with. */
async function failure(work: Promise<unknown>): Promise<Error | undefined> {
  return await work.then(
    () => undefined,
    (error: Error) => error,
  );
}

const down = (): RegistryError => new RegistryError('unreachable', 'h:1 returned 500');

/** How many calls a publication makes that meets no fault. */
async function callsOf(): Promise<number> {
  const { registry, changes, desk } = scene();
  await publish(desk('x'), changes, live);
  return registry.calls.length;
}

test('all tags are set: new ones, then those that move, then aliases; the journal says that nothing is under way', async () => {
  const { registry, changes, desk, state } = scene();
  await publish(desk('x'), changes, live);
  assert.is(state(), 'new');
  const order = registry.calls
    .filter(({ method }) => method === 'put')
    .map(({ name }) => name.split(':').at(-1));
  assert.equal(order, ['2', '2', '1', '1', 'latest', 'latest']);
  assert.is(await readJournal(registry, journalName), undefined);
});

test('nothing to change: nothing is asked', async () => {
  const { registry, desk } = scene();
  await publish(desk('x'), [], live);
  assert.is(registry.calls.length, 0);
});

for (const deletes of [true, false])
  test(`any call fails once, for ever, or its answer is lost: all or nothing, or it is said and mended (deletes ${deletes})`, async () => {
    const calls = await callsOf();
    for (const mode of ['once', 'for ever', 'lost'] as const)
      for (let at = 1; at <= calls; at++) {
        const where = `${mode} at call ${at}`;
        const { registry, changes, desk, state } = scene();
        registry.deletes = deletes;
        const strike = (_: unknown, nth: number): void => {
          if (mode === 'for ever' ? nth >= at : nth === at) throw down();
        };
        const first = registry.calls.length;
        if (mode === 'lost') registry.afterCall = (call, nth) => strike(call, nth - first);
        else registry.beforeCall = (call, nth) => strike(call, nth - first);
        const error = await failure(publish(desk('x'), changes, live));
        registry.beforeCall = () => undefined;
        registry.afterCall = () => undefined;
        if (error === undefined) assert.is(state(), 'new', where);
        else if (state() === 'mixed')
          assert.match(error.message, /could not be rolled back|does not delete tags/, where);
        else assert.ok(error instanceof TasksError && error.exitCode === 3, `${where}: ${error}`);
        await recoverUnfinished(desk('y'), false, live);
        assert.not.equal(state(), 'mixed', `${where}, after the next push`);
        assert.is(await readJournal(registry, journalName), undefined, where);
      }
  });

test('killed at any call: the next push from another machine ends it, after it has waited', async () => {
  const calls = await callsOf();
  for (let at = 1; at <= calls; at++) {
    const { registry, changes, desk, state } = scene();
    registry.beforeCall = (_, nth) => {
      if (nth >= at) throw new Error('dead');
    };
    await failure(publish(desk('x'), changes, live));
    registry.beforeCall = () => undefined;
    const other = desk('y');
    const ended = await recoverUnfinished(other, false, live);
    assert.not.equal(state(), 'mixed', `killed at ${at}`);
    if (ended.length > 0)
      assert.match(
        other.told.join('\n'),
        /has been publishing since .*; waiting for it to finish\ncompleted the unfinished push of .*: 6 tags set/,
      );
    await publish(desk('z'), state() === 'new' ? [] : changes, live);
    assert.is(state(), 'new');
  }
});

test('a push whose process is known to be dead is ended at once, a live one is waited for and left alone', async () => {
  const { registry, changes, desk, state } = scene();
  registry.beforeCall = ({ name }) => {
    if (name.endsWith(':latest')) throw new Error('dead');
  };
  const kill = desk('x');
  let killed = false;
  registry.beforeCall = ({ method }) => {
    killed ||= method === 'put';
    if (killed) throw new Error('dead');
  };
  await failure(publish(kill, changes, live));
  registry.beforeCall = () => undefined;
  const alive = await failure(recoverUnfinished(desk('y', true), false, live));
  assert.match(alive!.message, /another push has been publishing since .*, on this machine/);
  assert.is((alive as TasksError).exitCode, 1);
  const dead = desk('y', false);
  await recoverUnfinished(dead, false, live);
  assert.is(state(), 'new');
  assert.is(dead.told.length, 1);
});

test('an interrupt puts everything back', async () => {
  const calls = await callsOf();
  for (let at = 1; at <= calls; at++) {
    const { registry, changes, desk, state } = scene();
    const interrupt = new AbortController();
    registry.afterCall = (_, nth) => {
      if (nth === at) interrupt.abort(new Error('interrupted'));
    };
    const error = await failure(publish(desk('x'), changes, interrupt.signal));
    assert.is(state(), error === undefined ? 'new' : 'old', `interrupted at ${at}`);
    assert.is(await readJournal(registry, journalName), undefined);
  }
});

test('a tag that somebody else moved since the preflight: nothing is published, and it is said which', async () => {
  const { registry, changes, desk } = scene();
  const other = push(registry, 'h:1/t/b:1');
  const error = await failure(publish(desk('x'), changes, live));
  assert.match(
    error!.message,
    /another client moved tags since this push started: h:1\/t\/b:1\nnothing was published/,
  );
  assert.is(registry.tagDigests('h:1/t/b')['1'], other);
  assert.is(registry.tagDigests('h:1/t/a')['2'], undefined);
  assert.is(await readJournal(registry, journalName), undefined);
});

test('a tag that somebody else moves after us is reported', async () => {
  const { registry, changes, desk } = scene();
  registry.afterCall = ({ method, name }) => {
    if (method === 'put' && name === 'h:1/t/b:latest') push(registry, 'h:1/t/a:1');
  };
  const error = await failure(publish(desk('x'), changes, live));
  assert.match(error!.message, /another client moved tags at the same time: h:1\/t\/a:1/);
  assert.is((error as TasksError).exitCode, 1);
});

test('what somebody else moved in the middle is not put back, and it is said', async () => {
  const { registry, changes, desk } = scene();
  let other = '';
  registry.beforeCall = ({ method, name }) => {
    if (method === 'put' && name === 'h:1/t/b:latest' && other === '') {
      other = push(registry, 'h:1/t/a:1');
      throw down();
    }
  };
  const error = await failure(publish(desk('x'), changes, live));
  assert.match(
    error!.message,
    /nothing was published: the tags were rolled back\ntags moved by another client were left unchanged: h:1\/t\/a:1/,
  );
  assert.is(registry.tagDigests('h:1/t/a')['1'], other);
});

test('a journal of another push in the place of ours, while tags are set: it is said, and theirs stays', async () => {
  const { registry, changes, desk } = scene();
  const text = {
    schema: 1,
    open: { id: 'theirs', owner: {}, time: 't', beat: 0, direction: 'forward', changes: [] },
  };
  registry.afterCall = async ({ method, name }) => {
    if (method === 'put' && name === 'h:1/t/b:latest')
      await registry.write(journalName, JSON.stringify(text));
  };
  const error = await failure(publish(desk('x'), changes, live));
  assert.match(error!.message, /another push published at the same time; the tags may be a mix of both/);
  assert.is((await readJournal(registry, journalName))?.id, 'theirs');
});

test('an image that is not there: nothing is touched', async () => {
  const { registry, changes, desk, state } = scene();
  const lost = changes.map((change) => ({ ...change, after: `sha256:${'0'.repeat(64)}` }));
  assert.ok(await failure(publish(desk('x'), lost, live)));
  assert.is(state(), 'old');
  assert.is(registry.calls.filter(({ method }) => ['put', 'write'].includes(method)).length, 0);
});

test('a journal of a newer version, or something else under its name, stops everything', async () => {
  for (const text of ['{"schema":2}', '[]', 'x', '{"schema":1,"open":{"id":1}}']) {
    const { registry, changes, desk, state } = scene();
    await registry.write(journalName, text);
    for (const work of [publish(desk('x'), changes, live), recoverUnfinished(desk('x'), true, live)])
      assert.match((await failure(work))!.message, /not a journal that this version of tasks can read/);
    assert.is(state(), 'old');
  }
});

test('a journal that names tags of others: they are told and left alone, whatever it wants', async () => {
  for (const direction of ['forward', 'back'] as const) {
    const { registry, changes, desk, state } = scene();
    const [old, fresh] = [push(registry, 'h:1/other/app:1'), push(registry, 'h:1/other/app:2')];
    const theirs = [
      { name: 'h:1/other/app:1', task: 'a:2', before: old, after: fresh, isAlias: false },
      { name: 'h:1/other/app:2', task: 'a:2', after: fresh, isAlias: false },
      { name: 'h:1/t2/a:1', task: 'a:2', after: fresh, isAlias: false },
      { name: 'h:2/t/a:1', task: 'a:2', after: fresh, isAlias: false },
    ];
    const open = { id: 'x', owner: null, time: 't', beat: 0, direction, changes: [...theirs, ...changes] };
    await registry.write(journalName, JSON.stringify({ schema: 1, open }));
    const other = desk('y', false);
    registry.calls.length = 0;
    await recoverUnfinished(other, true, live);
    assert.equal(registry.tagDigests('h:1/other/app'), { 1: old, 2: fresh });
    assert.is(state(), direction === 'forward' ? 'new' : 'old');
    assert.not.ok(
      registry.calls.some(({ name }) => !name.startsWith('h:1/t/')),
      'nothing is even asked there',
    );
    assert.match(
      other.told[0]!,
      /lists tags that this project does not own; leaving them alone: h:1\/other\/app:1/,
    );
    assert.is(await readJournal(registry, journalName), undefined);
  }
});

test('a journal that names content tags, passes of tests or signatures of our own images: they are left alone', async () => {
  const { registry, desk } = scene();
  const after = registry.tagDigests('h:1/t/a')['2-kaaaaaaaaaaaa']!;
  const [hex] = after.split(':').slice(1);
  const tags = ['1-kbbbbbbbbbbbb', '2-kaaaaaaaaaaaa-tcccccccccccc', `sha256-${hex}.sig`, `sha256-${hex}`];
  const before = registry.tagDigests('h:1/t/a');
  const changes = tags.map((tag) => ({ name: `h:1/t/a:${tag}`, task: 'a:2', after, isAlias: false }));
  const open = { id: 'x', owner: null, time: 't', beat: 0, direction: 'forward', changes };
  await registry.write(journalName, JSON.stringify({ schema: 1, open }));
  const other = desk('y', false);
  assert.equal(await recoverUnfinished(other, true, live), []);
  assert.equal(registry.tagDigests('h:1/t/a'), before);
  assert.match(other.told[0]!, /lists tags that this project does not own/);
});

test('a previous image that is gone from the registry: the tag stays, and it is said what to do', async () => {
  const { registry, changes, desk } = scene();
  const lost = `sha256:${'0'.repeat(64)}`;
  const moved = changes.map((change) => (change.before === undefined ? change : { ...change, before: lost }));
  for (const { name, after } of moved)
    await registry.put(name, await registry.manifest(`${name.replace(/:[^:]*$/, '')}@${after}`));
  const open = { id: 'x', owner: null, time: 't', beat: 0, direction: 'back', changes: moved };
  await registry.write(journalName, JSON.stringify({ schema: 1, open }));
  const error = (await failure(recoverUnfinished(desk('y', false), true, live))) as TasksError;
  assert.match(
    error.message,
    /the unfinished push of t can be neither completed nor rolled back: the previous image of .*h:1\/t\/a:1.* is no longer in the registry/,
  );
  assert.match(error.hint!, /delete these tags by hand/);
  assert.is(registry.tagDigests('h:1/t/a')['2'], undefined, 'new tags are taken away');
  assert.is((await readJournal(registry, journalName))?.id, 'x');
});

test('a journal of images that are not defined here is not ended here: it stays, and nothing is published', async () => {
  const { registry, changes, desk, state } = scene();
  const after = push(registry, 'h:1/t/c:1-kaaaaaaaaaaaa');
  const theirs = { name: 'h:1/t/c:1', task: 'c:1', after, isAlias: false };
  const open = {
    id: 'x',
    owner: null,
    time: 't',
    beat: 0,
    direction: 'forward',
    changes: [...changes, theirs],
  };
  await registry.write(journalName, JSON.stringify({ schema: 1, open }));
  const error = await failure(recoverUnfinished(desk('y', false), true, live));
  assert.match(error!.message, /not defined here: h:1\/t\/c:1/);
  assert.is((error as TasksError).exitCode, 1);
  assert.is(state(), 'old');
  assert.is((await readJournal(registry, journalName))?.id, 'x');
});

test('a journal that none of ours ever was stops everything', async () => {
  const { changes } = scene();
  const good = { id: 'x', owner: null, time: 't', beat: 0, direction: 'forward', changes: [...changes] };
  const [first] = changes;
  const bad: object[] = [
    { ...good, id: '\u001b[2J' },
    { ...good, time: 'x'.repeat(1000) },
    { ...good, beat: '1' },
    { ...good, changes: {} },
    { ...good, changes: [null] },
    { ...good, changes: [first, first] },
    { ...good, changes: [{ ...first, after: 'sha256:1' }] },
    { ...good, changes: [{ ...first, before: null }] },
    { ...good, changes: [{ ...first, name: 'h:1/t/a@sha256:1' }] },
    { ...good, changes: [{ ...first, name: 'h:1/t/a:1\n' }] },
    { ...good, changes: [{ ...first, name: 7 }] },
    { ...good, changes: Array.from({ length: 60_000 }, (_, at) => ({ ...first, name: `h:1/t/a:${at}` })) },
  ];
  for (const open of bad) {
    const { registry, desk, state } = scene();
    await registry.write(journalName, JSON.stringify({ schema: 1, open }));
    const error = await failure(recoverUnfinished(desk('y', false), true, live));
    assert.match(error!.message, /not a journal that this version of tasks can read/);
    assert.is(state(), 'old');
  }
});

test('where tags are immutable it is said before anything is published, each time', async () => {
  const { registry, desk } = scene();
  registry.beforeCall = async ({ method, name }) => {
    const [repository, tag] = [name.slice(0, name.lastIndexOf(':')), name.slice(name.lastIndexOf(':') + 1)];
    if (method === 'write' && registry.tagDigests(repository)[tag] !== undefined)
      throw new RegistryError('immutable', `h:1 does not overwrite ${name}: its tags are immutable`);
  };
  for (const _ of [1, 2, 3]) {
    const error = await failure(checkJournalWritable(desk('x')));
    assert.match(error!.message, /a release needs a tag that it can overwrite: .* immutable/);
    assert.match((error as TasksError).hint!, /cacheRepo/);
    assert.is((error as TasksError).exitCode, 3);
  }
  registry.beforeCall = () => undefined;
  await checkJournalWritable(desk('x'));
  assert.is(await readJournal(registry, journalName), undefined);
});

test('two at once, however their requests interleave: never two that both say they published, and tags of both', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (s) => {
      const { registry, changes, desk } = scene();
      const others = changes.map((change) => {
        const repository = change.name.slice(0, change.name.lastIndexOf(':'));
        return { ...change, after: push(registry, `${repository}:other-k${serial}`) };
      });
      // Each repository got one image per change: one set, as far as this test is concerned.
      registry.beforeCall = async () => void (await s.schedule(Promise.resolve()));
      const both = Promise.all([
        failure(publish(desk('x'), changes, live)),
        failure(publish(desk('y'), others, live)),
      ]);
      await s.waitFor(both);
      registry.beforeCall = () => undefined;
      const [one, two] = await both;
      const points = (set: TagChange[]): boolean[] =>
        set.map(
          ({ name, after }) =>
            registry.tagDigests(name.slice(0, name.lastIndexOf(':')))[
              name.slice(name.lastIndexOf(':') + 1)
            ] === after,
        );
      const isWhole = points(changes).every(Boolean) || points(others).every(Boolean);
      const errors = [one, two].filter((error) => error !== undefined);
      const isSaid = errors.some(({ message }) => /at the same time/.test(message));
      assert.ok(isWhole || isSaid || errors.length === 2, errors.join('\n'));
    }),
    { numRuns: 1000 },
  );
});

test.run();
