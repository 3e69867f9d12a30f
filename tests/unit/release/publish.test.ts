import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TasksError } from '../../../src/model/errors.ts';
import { RegistryError } from '../../../src/model/registry.ts';
import { readJournal, type TagChange } from '../../../src/release/journal.ts';
import { checkJournalWritable } from '../../../src/release/journal-check.ts';
import { publish } from '../../../src/release/publish.ts';
import { recoverUnfinished } from '../../../src/release/recovery.ts';
import {
  countCalls,
  failureOf,
  journalName,
  noAbort,
  publishFixture,
  pushImage,
  unreachable,
} from '../../support/publish-fixture.ts';

const test = suite('publish');

test('sets new tags, then moves existing ones, then aliases, and closes the journal', async () => {
  const { registry, changes, context, state } = publishFixture();
  await publish(context('x'), changes, noAbort);
  assert.is(state(), 'new');
  const order = registry.calls
    .filter(({ method }) => method === 'put')
    .map(({ name }) => name.split(':').at(-1));
  assert.equal(order, ['2', '2', '1', '1', 'latest', 'latest']);
  assert.is(await readJournal(registry, journalName), undefined);
});

test('sends no requests if there is nothing to change', async () => {
  const { registry, context } = publishFixture();
  await publish(context('x'), [], noAbort);
  assert.is(registry.calls.length, 0);
});

for (const deletes of [true, false])
  test(`if a request fails once or always, or its response is lost: sets all tags or none, or reports it and the next push recovers (deletes: ${deletes})`, async () => {
    const calls = await countCalls();
    for (const mode of ['once', 'for ever', 'lost'] as const)
      for (let at = 1; at <= calls; at++) {
        const where = `${mode} at call ${at}`;
        const { registry, changes, context, state } = publishFixture();
        registry.deletes = deletes;
        const fail = (_: unknown, nth: number): void => {
          if (mode === 'for ever' ? nth >= at : nth === at) throw unreachable();
        };
        const first = registry.calls.length;
        if (mode === 'lost') registry.afterCall = (call, nth) => fail(call, nth - first);
        else registry.beforeCall = (call, nth) => fail(call, nth - first);
        const error = await failureOf(publish(context('x'), changes, noAbort));
        registry.beforeCall = () => undefined;
        registry.afterCall = () => undefined;
        if (error === undefined) assert.is(state(), 'new', where);
        else if (state() === 'mixed')
          assert.match(error.message, /could not be rolled back|does not delete tags/, where);
        else assert.ok(error instanceof TasksError && error.exitCode === 3, `${where}: ${error}`);
        await recoverUnfinished(context('y'), false, noAbort);
        assert.not.equal(state(), 'mixed', `${where}, after the next push`);
        assert.is(await readJournal(registry, journalName), undefined, where);
      }
  });

test('rolls back all tags on an interrupt', async () => {
  const calls = await countCalls();
  for (let at = 1; at <= calls; at++) {
    const { registry, changes, context, state } = publishFixture();
    const interrupt = new AbortController();
    registry.afterCall = (_, nth) => {
      if (nth === at) interrupt.abort(new Error('interrupted'));
    };
    const error = await failureOf(publish(context('x'), changes, interrupt.signal));
    assert.is(state(), error === undefined ? 'new' : 'old', `interrupted at ${at}`);
    assert.is(await readJournal(registry, journalName), undefined);
  }
});

test('publishes nothing if another client moved a tag since the preflight, and names the tag', async () => {
  const { registry, changes, context } = publishFixture();
  const other = pushImage(registry, 'h:1/t/b:1');
  const error = await failureOf(publish(context('x'), changes, noAbort));
  assert.match(
    error!.message,
    /another client moved tags since this push started: h:1\/t\/b:1\nnothing is published/,
  );
  assert.is(registry.tagDigests('h:1/t/b')['1'], other);
  assert.is(registry.tagDigests('h:1/t/a')['2'], undefined);
  assert.is(await readJournal(registry, journalName), undefined);
});

test('reports a tag that another client moves afterwards', async () => {
  const { registry, changes, context } = publishFixture();
  registry.afterCall = ({ method, name }) => {
    if (method === 'put' && name === 'h:1/t/b:latest') pushImage(registry, 'h:1/t/a:1');
  };
  const error = await failureOf(publish(context('x'), changes, noAbort));
  assert.match(error!.message, /another client moved tags at the same time: h:1\/t\/a:1/);
  assert.is((error as TasksError).exitCode, 1);
});

test('a rollback leaves and reports tags that another client moved in the meantime', async () => {
  const { registry, changes, context } = publishFixture();
  let other = '';
  registry.beforeCall = ({ method, name }) => {
    if (method === 'put' && name === 'h:1/t/b:latest' && other === '') {
      other = pushImage(registry, 'h:1/t/a:1');
      throw unreachable();
    }
  };
  const error = await failureOf(publish(context('x'), changes, noAbort));
  assert.match(
    error!.message,
    /nothing is published: the tags were rolled back\ntags moved by another client were left unchanged: h:1\/t\/a:1/,
  );
  assert.is(registry.tagDigests('h:1/t/a')['1'], other);
});

test('reports a journal of another push that replaced ours while tags were set, and keeps it', async () => {
  const { registry, changes, context } = publishFixture();
  const text = {
    schema: 1,
    open: { id: 'theirs', owner: {}, time: 't', beat: 0, direction: 'forward', changes: [] },
  };
  registry.afterCall = async ({ method, name }) => {
    if (method === 'put' && name === 'h:1/t/b:latest')
      await registry.write(journalName, JSON.stringify(text));
  };
  const error = await failureOf(publish(context('x'), changes, noAbort));
  assert.match(error!.message, /another push published at the same time; the tags may be a mix of both/);
  assert.is((await readJournal(registry, journalName))?.id, 'theirs');
});

test('changes nothing if an image does not exist', async () => {
  const { registry, changes, context, state } = publishFixture();
  const missing = changes.map((change) => ({ ...change, after: `sha256:${'0'.repeat(64)}` }));
  assert.ok(await failureOf(publish(context('x'), missing, noAbort)));
  assert.is(state(), 'old');
  assert.is(registry.calls.filter(({ method }) => ['put', 'write'].includes(method)).length, 0);
});

test('reports immutable tags before anything is published, each time', async () => {
  const { registry, context } = publishFixture();
  registry.beforeCall = async ({ method, name }) => {
    const [repository, tag] = [name.slice(0, name.lastIndexOf(':')), name.slice(name.lastIndexOf(':') + 1)];
    if (method === 'write' && registry.tagDigests(repository)[tag] !== undefined)
      throw new RegistryError('immutable', `h:1 does not overwrite ${name}: its tags are immutable`);
  };
  for (const _ of [1, 2, 3]) {
    const error = await failureOf(checkJournalWritable(context('x')));
    assert.match(error!.message, /a release needs a tag that it can overwrite: .* immutable/);
    assert.match((error as TasksError).hint!, /cacheRepo/);
    assert.is((error as TasksError).exitCode, 3);
  }
  registry.beforeCall = () => undefined;
  await checkJournalWritable(context('x'));
  assert.is(await readJournal(registry, journalName), undefined);
});

test('two pushes at once, in any order of requests, never both report success with a mix of tags', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (s) => {
      const { registry, changes, context } = publishFixture();
      const others = changes.map((change, index) => {
        const repository = change.name.slice(0, change.name.lastIndexOf(':'));
        return { ...change, after: pushImage(registry, `${repository}:other-k${index}`) };
      });

      registry.beforeCall = async () => void (await s.schedule(Promise.resolve()));
      const both = Promise.all([
        failureOf(publish(context('x'), changes, noAbort)),
        failureOf(publish(context('y'), others, noAbort)),
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
      const isReported = errors.some(({ message }) => /at the same time/.test(message));
      assert.ok(isWhole || isReported || errors.length === 2, errors.join('\n'));
    }),
    { numRuns: 1000 },
  );
});

test.run();
