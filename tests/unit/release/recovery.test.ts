import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TasksError } from '../../../src/model/errors.ts';
import { readJournal } from '../../../src/release/journal.ts';
import { publish } from '../../../src/release/publish.ts';
import { recoverUnfinished } from '../../../src/release/recovery.ts';
import {
  countCalls,
  failureOf,
  journalName,
  noAbort,
  publishFixture,
  pushImage,
} from '../../support/publish-fixture.ts';

const test = suite('recovery of unfinished pushes');

test('the next push, from another machine, waits and then recovers a push that was killed at any request', async () => {
  const calls = await countCalls();
  for (let at = 1; at <= calls; at++) {
    const { registry, changes, context, state } = publishFixture();
    registry.beforeCall = (_, nth) => {
      if (nth >= at) throw new Error('dead');
    };
    await failureOf(publish(context('x'), changes, noAbort));
    registry.beforeCall = () => undefined;
    const other = context('y');
    const recovered = await recoverUnfinished(other, false, noAbort);
    assert.not.equal(state(), 'mixed', `killed at ${at}`);
    if (recovered.length > 0)
      assert.match(
        other.reported.join('\n'),
        /has been publishing since .*; waiting for it to finish\ncompleted the unfinished push of .*: 6 tags set/,
      );
    await publish(context('z'), state() === 'new' ? [] : changes, noAbort);
    assert.is(state(), 'new');
  }
});

test('recovers at once if the process is known to be dead, and leaves a running push alone', async () => {
  const { registry, changes, context, state } = publishFixture();
  let killed = false;
  registry.beforeCall = ({ method }) => {
    killed ||= method === 'put';
    if (killed) throw new Error('dead');
  };
  await failureOf(publish(context('x'), changes, noAbort));
  registry.beforeCall = () => undefined;
  const alive = await failureOf(recoverUnfinished(context('y', true), false, noAbort));
  assert.match(alive!.message, /another push has been publishing since .*, on this machine/);
  assert.is((alive as TasksError).exitCode, 1);
  const dead = context('y', false);
  await recoverUnfinished(dead, false, noAbort);
  assert.is(state(), 'new');
  assert.is(dead.reported.length, 1);
});

test('rejects a journal of a newer version, and anything else with its name', async () => {
  for (const text of ['{"schema":2}', '[]', 'x', '{"schema":1,"open":{"id":1}}']) {
    const { registry, changes, context, state } = publishFixture();
    await registry.write(journalName, text);
    for (const work of [
      publish(context('x'), changes, noAbort),
      recoverUnfinished(context('x'), true, noAbort),
    ])
      assert.match((await failureOf(work))!.message, /not a journal that this version of tasks can read/);
    assert.is(state(), 'old');
  }
});

test('reports and ignores tags of other projects in a journal', async () => {
  for (const direction of ['forward', 'back'] as const) {
    const { registry, changes, context, state } = publishFixture();
    const [old, fresh] = [pushImage(registry, 'h:1/other/app:1'), pushImage(registry, 'h:1/other/app:2')];
    const theirs = [
      { name: 'h:1/other/app:1', task: 'a:2', before: old, after: fresh, isAlias: false },
      { name: 'h:1/other/app:2', task: 'a:2', after: fresh, isAlias: false },
      { name: 'h:1/t2/a:1', task: 'a:2', after: fresh, isAlias: false },
      { name: 'h:2/t/a:1', task: 'a:2', after: fresh, isAlias: false },
    ];
    const open = { id: 'x', owner: null, time: 't', beat: 0, direction, changes: [...theirs, ...changes] };
    await registry.write(journalName, JSON.stringify({ schema: 1, open }));
    const other = context('y', false);
    registry.calls.length = 0;
    await recoverUnfinished(other, true, noAbort);
    assert.equal(registry.tagDigests('h:1/other/app'), { 1: old, 2: fresh });
    assert.is(state(), direction === 'forward' ? 'new' : 'old');
    assert.not.ok(
      registry.calls.some(({ name }) => !name.startsWith('h:1/t/')),
      'sends no requests for them',
    );
    assert.match(
      other.reported[0]!,
      /lists tags that this project does not own; leaving them alone: h:1\/other\/app:1/,
    );
    assert.is(await readJournal(registry, journalName), undefined);
  }
});

test('ignores content tags, test passes and signatures in a journal', async () => {
  const { registry, context } = publishFixture();
  const after = registry.tagDigests('h:1/t/a')['2-kaaaaaaaaaaaa']!;
  const [hex] = after.split(':').slice(1);
  const tags = ['1-kbbbbbbbbbbbb', '2-kaaaaaaaaaaaa-tcccccccccccc', `sha256-${hex}.sig`, `sha256-${hex}`];
  const before = registry.tagDigests('h:1/t/a');
  const changes = tags.map((tag) => ({ name: `h:1/t/a:${tag}`, task: 'a:2', after, isAlias: false }));
  const open = { id: 'x', owner: null, time: 't', beat: 0, direction: 'forward', changes };
  await registry.write(journalName, JSON.stringify({ schema: 1, open }));
  const other = context('y', false);
  assert.equal(await recoverUnfinished(other, true, noAbort), []);
  assert.equal(registry.tagDigests('h:1/t/a'), before);
  assert.match(other.reported[0]!, /lists tags that this project does not own/);
});

test('keeps a tag whose previous image no longer exists, and says what to do', async () => {
  const { registry, changes, context } = publishFixture();
  const missing = `sha256:${'0'.repeat(64)}`;
  const moved = changes.map((change) =>
    change.before === undefined ? change : { ...change, before: missing },
  );
  for (const { name, after } of moved)
    await registry.put(name, await registry.manifest(`${name.replace(/:[^:]*$/, '')}@${after}`));
  const open = { id: 'x', owner: null, time: 't', beat: 0, direction: 'back', changes: moved };
  await registry.write(journalName, JSON.stringify({ schema: 1, open }));
  const error = (await failureOf(recoverUnfinished(context('y', false), true, noAbort))) as TasksError;
  assert.match(
    error.message,
    /the unfinished push of t can be neither completed nor rolled back: the previous image of .*h:1\/t\/a:1.* is no longer in the registry/,
  );
  assert.match(error.hint!, /delete these tags by hand/);
  assert.is(registry.tagDigests('h:1/t/a')['2'], undefined, 'new tags are taken away');
  assert.is((await readJournal(registry, journalName))?.id, 'x');
});

test('does not recover a journal with images that are not defined here', async () => {
  const { registry, changes, context, state } = publishFixture();
  const after = pushImage(registry, 'h:1/t/c:1-kaaaaaaaaaaaa');
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
  const error = await failureOf(recoverUnfinished(context('y', false), true, noAbort));
  assert.match(error!.message, /not defined here: h:1\/t\/c:1/);
  assert.is((error as TasksError).exitCode, 1);
  assert.is(state(), 'old');
  assert.is((await readJournal(registry, journalName))?.id, 'x');
});

test('rejects invalid journals', async () => {
  const { changes } = publishFixture();
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
    const { registry, context, state } = publishFixture();
    await registry.write(journalName, JSON.stringify({ schema: 1, open }));
    const error = await failureOf(recoverUnfinished(context('y', false), true, noAbort));
    assert.match(error!.message, /not a journal that this version of tasks can read/);
    assert.is(state(), 'old');
  }
});

test.run();
