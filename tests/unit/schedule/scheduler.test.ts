import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Job } from '../../../src/schedule/job.ts';
import { makeScheduler, type ScheduleDecision, type ScheduleEvent } from '../../../src/schedule/scheduler.ts';

const job = (id: string, needs: string[] = [], more: Partial<Job> = {}): Job => ({
  id,
  needs,
  after: [],
  weight: 1,
  allowFailure: false,
  ...more,
});

/** Returns the scheduler's decision after each event, and whether the run was done then. */
function play(
  jobs: Job[],
  options: { limit?: number; keepGoing?: boolean },
  events: ScheduleEvent[],
): (ScheduleDecision & { isDone: boolean })[] {
  const scheduler = makeScheduler(jobs, {
    limit: options.limit ?? 2,
    keepGoing: options.keepGoing ?? false,
  });
  return events.map((event) => ({ ...scheduler.next(event), isDone: scheduler.isDone() }));
}
const ended = (id: string, result: 'done' | 'failed' | 'cancelled' = 'done'): ScheduleEvent => ({
  type: 'ended',
  id,
  result,
});
const begin: ScheduleEvent = { type: 'begin' };

const test = suite('scheduler');

test('starts ready jobs up to the limit', () => {
  const decisions = play([job('a'), job('b'), job('c'), job('d', ['a'])], {}, [
    begin,
    ended('a'),
    ended('b'),
  ]);
  assert.equal(
    decisions.map((decision) => decision.start),
    [['a', 'b'], ['c'], ['d']],
  );
});

test('the job with the longest path starts first', () => {
  const jobs = [
    job('short', [], { weight: 5 }),
    job('root', [], { weight: 1 }),
    job('leaf', ['root'], { weight: 100 }),
  ];
  assert.equal(play(jobs, { limit: 1 }, [begin])[0]!.start, ['root']);
});

test('a need that is not in the list counts as done', () => {
  assert.equal(play([job('a', ['reused'])], {}, [begin])[0]!.start, ['a']);
});

test('a failure blocks dependents and stops new starts; running jobs continue', () => {
  const jobs = [job('a'), job('b'), job('c', ['a']), job('d', ['c']), job('e')];
  const [, failed, last] = play(jobs, {}, [begin, ended('a', 'failed'), ended('b')]);
  assert.equal(failed!.blocked, [
    { id: 'c', by: 'a' },
    { id: 'd', by: 'a' },
  ]);
  assert.equal(failed!.cancelled, ['e']);
  assert.equal(failed!.start, []);
  assert.is(failed!.isDone, false);
  assert.is(last!.isDone, true);
});

test('with keepGoing, jobs that do not depend on a failed job still start', () => {
  const [, failed] = play([job('a'), job('b'), job('c', ['a']), job('e')], { keepGoing: true }, [
    begin,
    ended('a', 'failed'),
  ]);
  assert.equal(failed!.start, ['e']);
  assert.equal(failed!.cancelled, []);
});

test('an allowed failure blocks only dependents', () => {
  const [, failed] = play(
    [job('a', [], { allowFailure: true }), job('b', ['a']), job('c', [], {})],
    { limit: 1 },
    [begin, ended('a', 'failed')],
  );
  assert.equal(failed!.blocked, [{ id: 'b', by: 'a' }]);
  assert.equal(failed!.start, ['c']);
});

test('`after` waits for the end of a job, even if it fails', () => {
  const jobs = [job('a', [], { allowFailure: true }), job('b', [], { after: ['a'] })];
  const [first, second] = play(jobs, {}, [begin, ended('a', 'failed')]);
  assert.equal(first!.start, ['a']);
  assert.equal(second!.start, ['b']);
});

test('cancel stops new starts and cancels waiting jobs', () => {
  const [, cancelled] = play([job('a'), job('b', ['a'])], {}, [begin, { type: 'cancel' }]);
  assert.equal(cancelled!.cancelled, ['b']);
  assert.is(cancelled!.isDone, false);
});

test('a kind can have its own limit, within the total limit', () => {
  const kinds = { a: 'build', b: 'build', c: 'run', d: 'run', e: 'run' };
  const jobs = Object.entries(kinds).map(([id, kind]) => job(id, [], { kind }));
  const after = (
    limit: number,
    limits: Record<string, number>,
    ...events: ScheduleEvent[]
  ): readonly string[] => {
    const scheduler = makeScheduler(jobs, { limit, limits, keepGoing: false });
    return [begin, ...events].map((event) => scheduler.next(event).start).at(-1)!;
  };
  assert.equal(after(9, {}), ['a', 'b', 'c', 'd', 'e']);
  assert.equal(after(4, { run: 1 }), ['a', 'b', 'c']);
  assert.equal(after(2, { build: 1 }), ['a', 'c']);
  assert.equal(after(2, { build: 1 }, ended('c')), ['d'], 'b must wait for a');
  assert.equal(after(2, { build: 1 }, ended('a')), ['b']);
});

test('the same events give the same decisions', () => {
  const jobs = [job('a'), job('b', ['a']), job('c'), job('d', ['b'], { after: ['c'] })];
  const events = [begin, ended('a'), ended('c', 'failed'), ended('b')];
  const options = { keepGoing: true };
  assert.equal(play(jobs, options, events), play(jobs, options, events));
});

test('property: the limit holds, needs come first, and every run ends', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const arbitraryJobs = fc.tuple(
    ...names.map((name, index) =>
      fc
        .record({
          needs: fc.subarray(names.slice(0, index)),
          weight: fc.nat(9),
          allowFailure: fc.boolean(),
          kind: fc.constantFrom('build', 'run'),
          layers: fc.constantFrom('x', 'y'),
        })
        .map((more) => job(name, more.needs, more)),
    ),
  );
  fc.assert(
    fc.property(
      arbitraryJobs,
      fc.integer({ min: 1, max: 4 }),
      fc.record({ run: fc.integer({ min: 1, max: 3 }) }),
      fc.boolean(),
      fc.infiniteStream(fc.nat(99)),
      (jobs, limit, limits, keepGoing, random) => {
        const running = new Set<string>();
        const done = new Set<string>();
        const accounted = new Set<string>();
        const scheduler = makeScheduler(jobs, { limit, limits, keepGoing });
        let decision = scheduler.next(begin);
        const isRun = (id: string): boolean => jobs.find((each) => each.id === id)!.kind === 'run';
        for (;;) {
          for (const id of decision.start) {
            assert.ok(
              jobs.find((candidate) => candidate.id === id)!.needs.every((need) => done.has(need)),
              `${id} before its needs`,
            );
            running.add(id);
          }
          for (const { id } of decision.blocked) accounted.add(id);
          for (const id of decision.cancelled) accounted.add(id);
          assert.ok(running.size <= limit);
          assert.ok([...running].filter(isRun).length <= limits.run);
          if (running.size === 0) break;
          const list = [...running];
          const id = list[random.next().value! % list.length]!;
          const result = random.next().value! % 4 === 0 ? 'failed' : 'done';
          running.delete(id);
          accounted.add(id);
          if (result === 'done') done.add(id);
          decision = scheduler.next(ended(id, result));
        }
        assert.ok(scheduler.isDone());
        assert.is(accounted.size, jobs.length, 'every job ended, was blocked or was cancelled');
      },
    ),
  );
});

test.run();
