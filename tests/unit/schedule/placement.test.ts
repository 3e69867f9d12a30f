import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { BuilderNode } from '../../../src/model/builder-node.ts';
import type { Job } from '../../../src/schedule/job.ts';
import { jobsPerNode } from '../../../src/schedule/placement.ts';
import { makeScheduler, type ScheduleDecision, type ScheduleEvent } from '../../../src/schedule/scheduler.ts';

const test = suite('placement');

const amd64 = 'linux/amd64';
const arm64 = 'linux/arm64';

const job = (id: string, needs: string[] = [], more: Partial<Job> = {}): Job => ({
  id,
  needs,
  after: [],
  weight: 1,
  allowFailure: false,
  platform: amd64,
  ...more,
});
const local = (id: string): Job => {
  const { platform: _, ...rest } = job(id);
  return rest;
};
const node = (name: string, jobs = 1, more: Partial<BuilderNode> = {}): BuilderNode => ({
  name,
  jobs,
  platforms: [amd64],
  native: amd64,
  ...more,
});
const done = (id: string): ScheduleEvent => ({ type: 'ended', id, result: 'done' });
const lost = (id: string): ScheduleEvent => ({ type: 'lost', id });
const begin: ScheduleEvent = { type: 'begin' };

/** A scheduler, and the nodes on which each event starts jobs. */
function play(
  jobs: Job[],
  nodes: BuilderNode[],
  more: { images?: Record<string, string[]>; keepGoing?: boolean } = {},
): (event: ScheduleEvent) => ScheduleDecision & { on: Record<string, string | undefined> } {
  const images = new Map(Object.entries(more.images ?? {}));
  const scheduler = makeScheduler(jobs, { limit: 1, keepGoing: more.keepGoing ?? true, nodes, images });
  return (event) => {
    const decision = scheduler.next(event);
    return { ...decision, on: Object.fromEntries(decision.start.map((id) => [id, scheduler.nodeOf(id)])) };
  };
}

test('the jobs of a run are divided among the nodes, rounded up', () => {
  assert.equal([jobsPerNode(4, 2), jobsPerNode(5, 2), jobsPerNode(2, 16), jobsPerNode(8, 1)], [2, 3, 1, 8]);
});

test('a task goes to the node that built its needs', () => {
  const next = play([job('a'), job('b'), job('a2', ['a']), job('b2', ['b'])], [node('x', 2), node('y', 2)]);
  const { on } = next(begin);
  assert.equal(next(done('a')).on, { a2: on.a });
  assert.equal(next(done('b')).on, { b2: on.b });
});

test('a task goes to the node that has its need, or its own last build, from an earlier run', () => {
  for (const name of ['x', 'y', 'z']) {
    const nodes = [node('x', 2), node('y', 2), node('z', 2)];
    assert.equal(play([job('a', ['base'])], nodes, { images: { base: [name] } })(begin).on, { a: name });
    assert.equal(play([job('a')], nodes, { images: { a: [name] } })(begin).on, { a: name });
  }
});

test('needs count more than an own earlier build, and many needs more than one', () => {
  const nodes = [node('x', 2), node('y', 2)];
  const on = (images: Record<string, string[]>): string =>
    play([job('a', ['n1', 'n2', 'n3'])], nodes, { images })(begin).on.a!;
  assert.is(on({ n1: ['x'], a: ['y'] }), 'x');
  assert.is(on({ n1: ['x'], n2: ['y'], n3: ['y'] }), 'y');
});

test('a node that has fetched a need has it, too', () => {
  const jobs = [job('a', ['base'], { weight: 9 }), job('b', ['base'], { weight: 8 }), job('c', ['base'])];
  const next = play(jobs, [node('x'), node('y')], { images: { base: ['x'] } });
  assert.equal(next(begin).on, { a: 'x', b: 'y' });
  assert.equal(next(done('b')).on, { c: 'y' });
});

test('a node that runs two jobs more than the emptiest one is passed over', () => {
  const jobs = ['a', 'b', 'c', 'd', 'e'].map((id) => job(id, ['base']));
  const { on } = play(jobs, [node('x', 4), node('y', 4)], { images: { base: ['x'] } })(begin);
  assert.equal(on, { a: 'x', b: 'x', c: 'y', d: 'x', e: 'y' });
});

test('a full node is not waited for', () => {
  const jobs = [job('a', ['base']), job('b', ['base'])];
  assert.equal(play(jobs, [node('x'), node('y')], { images: { base: ['x'] } })(begin).on, { a: 'x', b: 'y' });
});

test('the first of a chain goes to the same node in each run, whatever else is in the plan', () => {
  const nodes = ['k', 'l', 'm', 'n', 'o'].map((name) => node(name, 9));
  const first = play([job('a')], nodes)(begin).on.a;
  assert.is(play([job('a'), job('b'), job('c')], nodes)(begin).on.a, first);
  assert.is(play([job('a')], [...nodes].reverse())(begin).on.a, first);
  const rest = nodes.filter(({ name }) => name !== first);
  const second = play([job('a')], rest)(begin).on.a;
  assert.is.not(second, undefined);
  // A chain whose beginning exists hashes like that beginning.
  assert.is(play([job('leaf', ['a'])], nodes)(begin).on.leaf, first);
  const used = new Set(Array.from({ length: 40 }, (_, id) => play([job(`${id}`)], nodes)(begin).on[`${id}`]));
  assert.is(used.size, 5);
});

test('a task runs only on nodes with its platform, and full nodes of one platform do not hold up the other', () => {
  const jobs = [
    job('a', [], { weight: 9 }),
    job('b', [], { weight: 8 }),
    job('c', [], { weight: 1, platform: arm64 }),
  ];
  const nodes = [node('x'), node('y', 1, { platforms: [arm64], native: arm64 })];
  assert.equal(play(jobs, nodes)(begin).on, { a: 'x', c: 'y' });
});

test('a node that runs a platform natively is chosen before one that emulates it', () => {
  const emulator = node('x', 9, { platforms: [amd64, arm64] });
  const native = node('y', 1, { platforms: [arm64, amd64], native: arm64 });
  const jobs = [job('a', [], { platform: arm64 }), job('b', [], { platform: arm64 })];
  const next = play(jobs, [emulator, native]);
  assert.equal(next(begin).on, { a: 'y' });
  assert.equal(play(jobs, [emulator])(begin).on, { a: 'x', b: 'x' });
});

test('a Dockerfile that reads the build platform needs a node that is of it', () => {
  const jobs = [job('a', [], { platform: arm64, buildPlatform: amd64 })];
  const native = node('y', 1, { platforms: [arm64, amd64], native: arm64 });
  assert.equal(play(jobs, [native, node('x', 1, { platforms: [amd64, arm64] })])(begin).on, { a: 'x' });
  assert.equal(play(jobs, [native])(begin).unplaced, ['a']);
});

test('jobs without a platform run on this machine, within its limit', () => {
  const jobs = [job('a'), local('b'), local('c'), job('d')];
  const next = play(jobs, [node('x')]);
  assert.equal(next(begin).on, { a: 'x', b: undefined });
  assert.equal(next(done('b')).on, { c: undefined });
  assert.equal(next(done('a')).on, { d: 'x' });
});

test('a task of a lost node starts once more elsewhere, and that node gets no more', () => {
  const next = play([job('a'), job('b', ['a'])], [node('x'), node('y')]);
  const first = next(begin).on.a!;
  const again = next(lost('a'));
  assert.is.not(again.on.a, undefined);
  assert.is.not(again.on.a, first);
  assert.equal(again.unplaced, []);
  assert.equal(next(done('a')).on, { b: again.on.a });
});

test('a task that loses its second node fails, although there are more nodes', () => {
  const next = play(
    [job('a'), job('b', ['a']), job('c', [], { weight: 0 })],
    ['w', 'x', 'y', 'z'].map((name) => node(name)),
  );
  next(begin);
  next(lost('a'));
  const second = next(lost('a'));
  assert.equal(second.unplaced, ['a']);
  assert.equal(second.blocked, [{ id: 'b', by: 'a' }]);
  assert.equal(second.start, []);
});

test('a task that waits for a full node starts on it', () => {
  const next = play([job('a', [], { weight: 9 }), job('b')], [node('x'), node('y')]);
  const { on } = next(begin);
  assert.equal(next(lost('a')).start, []);
  assert.equal(next(done('b')).on, { a: on.b });
});

test('tasks for which no node is left fail, and their dependents are blocked', () => {
  const jobs = [
    job('a', [], { platform: arm64 }),
    job('b', ['a'], { platform: arm64 }),
    job('c', [], { platform: arm64 }),
    job('d'),
  ];
  const nodes = [node('x'), node('y', 1, { platforms: [arm64], native: arm64 })];
  const next = play(jobs, nodes);
  assert.equal(next(begin).on, { a: 'y', d: 'x' });
  const decision = next(lost('a'));
  assert.equal(decision.unplaced, ['a', 'c']);
  assert.equal(decision.blocked, [{ id: 'b', by: 'a' }]);
});

test('a lost node stops the run like a failure where nothing else can run its task', () => {
  const next = play([job('a'), local('b'), local('c')], [node('x')], { keepGoing: false });
  assert.equal(next(begin).start, ['a', 'b']);
  const decision = next(lost('a'));
  assert.equal(decision.unplaced, ['a']);
  assert.equal(decision.cancelled, ['c']);
});

test('a task that loses its node after the run was stopped does not start again', () => {
  const next = play([job('a')], [node('x'), node('y')]);
  next(begin);
  next({ type: 'cancel' });
  const { start, unplaced } = next(lost('a'));
  assert.equal({ start, unplaced }, { start: [], unplaced: ['a'] });
});

test.run();
