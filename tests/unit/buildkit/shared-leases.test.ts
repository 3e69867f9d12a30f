import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Lease, makeSharedLeases } from '../../../src/buildkit/shared-leases.ts';

const test = suite('shared leases');

/** Values are `key#n`; each opens when `opening` is settled by hand. */
function counted() {
  const log: string[] = [];
  const opening: { resolve: () => void; reject: (error: Error) => void; drop: () => void }[] = [];
  const leases = makeSharedLeases<string>((value) => log.push(`close ${value}`));
  const acquire = (key: string): Promise<Lease<string>> =>
    leases.acquire(
      key,
      (drop) =>
        new Promise((resolve, reject) => {
          const value = `${key}#${opening.length}`;
          log.push(`open ${value}`);
          opening.push({ resolve: () => resolve(value), reject, drop });
        }),
    );
  return { acquire, log, opening };
}

test('uses at the same time share one value, which the last one closes', async () => {
  const { acquire, log, opening } = counted();
  const [one, two] = [acquire('a'), acquire('a')];
  await Promise.resolve();
  opening[0]!.resolve();
  const [first, second] = [await one, await two];
  const third = await acquire('a');
  assert.equal([first.value, second.value, third.value], ['a#0', 'a#0', 'a#0']);
  for (const lease of [second, first, first]) lease.release();
  assert.equal(log, ['open a#0']);
  third.release();
  assert.equal(log, ['open a#0', 'close a#0']);
});

test('a use after the last one opens another value', async () => {
  const { acquire, log, opening } = counted();
  const one = acquire('a');
  await Promise.resolve();
  opening[0]!.resolve();
  (await one).release();
  const two = acquire('a');
  await Promise.resolve();
  opening[1]!.resolve();
  assert.is((await two).value, 'a#1');
  assert.equal(log, ['open a#0', 'close a#0', 'open a#1']);
});

test('keys are independent', async () => {
  const { acquire, log, opening } = counted();
  const [one, two] = [acquire('a'), acquire('b')];
  await Promise.resolve();
  for (const { resolve } of opening) resolve();
  (await one).release();
  assert.is((await two).value, 'b#1');
  assert.equal(log, ['open a#0', 'open b#1', 'close a#0']);
});

test('if opening fails, all who wait fail, nothing is closed, and the next one tries again', async () => {
  const { acquire, log, opening } = counted();
  const failing = [acquire('a'), acquire('a')];
  await Promise.resolve();
  opening[0]!.reject(new Error('no engine'));
  for (const each of await Promise.allSettled(failing)) assert.is(each.status, 'rejected');
  const next = acquire('a');
  await Promise.resolve();
  opening[1]!.resolve();
  assert.is((await next).value, 'a#1');
  (await next).release();
  assert.equal(log, ['open a#0', 'open a#1', 'close a#1']);
});

test('one who comes right after a failure does not get the failed value', async () => {
  const { acquire, opening } = counted();
  const first = acquire('a').catch(() => acquire('a'));
  const second = acquire('a').catch(() => acquire('a'));
  await Promise.resolve();
  opening[0]!.reject(new Error('no engine'));
  while (opening.length < 2) await new Promise(setImmediate);
  opening[1]!.resolve();
  assert.equal([(await first).value, (await second).value], ['a#1', 'a#1']);
});

test('after a value was dropped, the next one gets another, and both are closed', async () => {
  const { acquire, log, opening } = counted();
  const first = acquire('a');
  await Promise.resolve();
  opening[0]!.resolve();
  await first;
  opening[0]!.drop();
  const second = acquire('a');
  await Promise.resolve();
  opening[1]!.resolve();
  // A drop that comes late does not concern the new value.
  opening[0]!.drop();
  const third = acquire('a');
  assert.equal([(await second).value, (await third).value], ['a#1', 'a#1']);
  (await first).release();
  (await second).release();
  assert.equal(log, ['open a#0', 'open a#1', 'close a#0']);
  (await third).release();
  assert.equal(log, ['open a#0', 'open a#1', 'close a#0', 'close a#1']);
});

test.run();
