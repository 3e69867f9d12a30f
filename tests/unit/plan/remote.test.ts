import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keyLabel, needsLabel, taskLabel } from '../../../src/model/labels.ts';
import { needIds, type TaskId } from '../../../src/model/task.ts';
import type { RemoteResult } from '../../../src/plan/existing.ts';
import type { PlanInput } from '../../../src/plan/input.ts';
import { makePlan } from '../../../src/plan/plan.ts';
import { graphOfNeeds } from '../../support/graphs.ts';
import {
  actions,
  everythingBuilt,
  reasonCodes,
  selectTasks,
  withoutResults,
} from '../../support/plan-inputs.ts';

const test = suite('plan with a registry');
const graph = graphOfNeeds({ $rootfs: [], base: ['$rootfs'], one: ['base'], two: ['base'], three: ['one'] });
const images: TaskId[] = ['base:latest', 'one:latest', 'two:latest', 'three:latest'];

/** What the registry has after these were pushed; `other`: an image of another machine. */
function pushed(input: PlanInput, ids: readonly TaskId[], other = 'id'): PlanInput {
  const remote = new Map(input.existing.remote);
  for (const id of ids) {
    const task = input.graph.tasks.get(id)!;
    const needs = Object.fromEntries(
      needIds(task).map((need) => [need, remote.get(need)?.image.ids[0] ?? `id-${need}`]),
    );
    const { key } = input.keyed.get(id)!;
    const labels = { [keyLabel]: key, [taskLabel]: id, [needsLabel]: JSON.stringify(needs) };
    const image = { digest: `${other}-digest-${id}`, ids: [`${other}-${id}`], labels, bytes: 1 };
    remote.set(id, { image, passed: false } satisfies RemoteResult);
  }
  return { ...input, existing: { ...input.existing, remote } };
}

/** The same, on a machine that has nothing. */
function empty(input: PlanInput): PlanInput {
  return { ...input, existing: { ...input.existing, records: new Map(), images: [], files: new Map() } };
}

const selected = (input: PlanInput): PlanInput =>
  selectTasks(input, 'one:latest', 'two:latest', 'three:latest');

/** A push of tags that nobody has yet. */
function asPush(input: PlanInput): PlanInput {
  const pushTags = new Map([...input.selected].map((id) => [id, new Map([[`r/${id}-dev1`, undefined]])]));
  return { ...input, pushTags: pushTags };
}

test('an empty machine and a full registry: nothing is built, run or pulled', () => {
  const input = empty(selected(pushed(everythingBuilt(graph), images)));
  const plan = makePlan(input);
  assert.equal(actions(plan), { rootfs: 'skip', base: 'skip', one: 'reuse', two: 'reuse', three: 'reuse' });
  assert.equal(reasonCodes(plan, 'one'), ['in-registry']);
  assert.equal(actions(makePlan(asPush(input))), {
    rootfs: 'skip',
    base: 'skip',
    one: 'retag',
    two: 'retag',
    three: 'retag',
  });
});

test('what the registry lacks is built, and only the needs that it is built on are pulled', () => {
  const input = empty(selected(pushed(everythingBuilt(graph), ['base:latest', 'one:latest', 'two:latest'])));
  assert.equal(actions(makePlan(input)), {
    rootfs: 'skip',
    base: 'skip',
    one: 'pull',
    two: 'reuse',
    three: 'build',
  });
});

test('a content tag whose label says another key, or another task, is not believed, and may be overwritten', () => {
  for (const label of [keyLabel, taskLabel]) {
    const input = empty(selected(pushed(everythingBuilt(graph), images)));
    const one = input.existing.remote.get('one:latest')!;
    const labels = { ...one.image.labels, [label]: 'other' };
    const remote = new Map([
      ...input.existing.remote,
      ['one:latest', { ...one, image: { ...one.image, labels } }],
    ]);
    const plan = makePlan({ ...input, existing: { ...input.existing, remote } });
    assert.is(plan.steps.get('one:latest')!.action, 'build');
    assert.is(plan.steps.get('one:latest')!.replacesDigest, one.image.digest);
  }
});

test("the first writer wins: another machine's image of the same key counts, and what was built on ours is built anew", () => {
  const input = asPush(selected(pushed(everythingBuilt(graph), ['base:latest'], 'other')));
  const plan = makePlan(input);
  assert.equal(actions(plan), { rootfs: 'reuse', base: 'pull', one: 'build', two: 'build', three: 'build' });
  assert.equal(reasonCodes(plan, 'one'), ['need-image']);
});

test('the same image here and there: it is reused, and a build on it pulls nothing', () => {
  const input = selected(withoutResults(pushed(everythingBuilt(graph), images.slice(0, 2)), 'three:latest'));
  const plan = makePlan(input);
  assert.equal(actions(plan), { rootfs: 'reuse', base: 'reuse', one: 'reuse', two: 'reuse', three: 'build' });
});

test('an image in the registry that stands on another need than the registry has now is built anew', () => {
  const input = pushed(pushed(everythingBuilt(graph), images), ['base:latest'], 'forced');
  const plan = makePlan(empty(selected(input)));
  assert.is(plan.steps.get('one:latest')!.action, 'build');
  assert.equal(reasonCodes(plan, 'one'), ['need-image']);
  assert.is(plan.steps.get('base:latest')!.action, 'pull');
});

test('what was made here and is not in the registry yet is reused by a push, under its content tag', () => {
  const step = makePlan(asPush(selected(everythingBuilt(graph)))).steps.get('one:latest')!;
  assert.is(step.action, 'reuse');
  assert.is(step.remote, undefined);
  assert.equal(step.tags, ['r/one:latest-dev1']);
});

test('a push of tags that point right already does nothing', () => {
  const input = empty(selected(pushed(everythingBuilt(graph), images)));
  const pushTags = new Map([...input.selected].map((id) => [id, new Map([[`r/${id}`, `id-digest-${id}`]])]));
  const plan = makePlan({ ...input, pushTags: pushTags });
  assert.equal(
    [...input.selected].map((id) => plan.steps.get(id)!.action),
    ['reuse', 'reuse', 'reuse'],
  );
});

test('a test that has not passed needs its image here; one that has does not', () => {
  const input = {
    ...empty(selected(pushed(everythingBuilt(graph), images))),
    tested: new Set(['one:latest', 'two:latest']),
  };
  const two = input.existing.remote.get('two:latest')!;
  const remote = new Map([...input.existing.remote, ['two:latest', { ...two, passed: true }]]);
  const plan = makePlan({ ...input, existing: { ...input.existing, remote } });
  assert.is(plan.steps.get('one:latest')!.action, 'pull');
  assert.is(plan.steps.get('two:latest')!.action, 'reuse');
  const again = makePlan({ ...input, retest: true, existing: { ...input.existing, remote } });
  assert.is(again.steps.get('two:latest')!.action, 'pull');
});

test('forced: built, and what the registry has under the content tag may be overwritten', () => {
  const input = empty(selected(pushed(everythingBuilt(graph), images)));
  const plan = makePlan({ ...input, forced: new Set(['two:latest']) });
  assert.equal(actions(plan), { rootfs: 'skip', base: 'pull', one: 'reuse', two: 'build', three: 'reuse' });
  assert.is(plan.steps.get('two:latest')!.replacesDigest, 'id-digest-two:latest');
});

test('whatever is lost where: what is built finds each need here, built or pulled before it; nothing else is pulled', () => {
  const subset = fc.subarray(images);
  fc.assert(
    fc.property(subset, subset, fc.boolean(), (there, lost, isPush) => {
      const base = selected(withoutResults(pushed(everythingBuilt(graph), there), ...lost));
      const input = isPush ? asPush(base) : base;
      const { steps } = makePlan(input);
      const isMade = (id: TaskId): boolean => ['build', 'run'].includes(steps.get(id)!.action);
      for (const { task, action } of steps.values()) {
        if (isMade(task.id))
          for (const need of needIds(task)) {
            const step = steps.get(need)!;
            assert.ok(
              ['build', 'run', 'pull', 'reuse', 'retag'].includes(step.action),
              `${need} for ${task.id}`,
            );
            const isHere = step.record !== undefined && !lost.includes(need);
            assert.ok(isMade(need) || step.action === 'pull' || isHere, `${need} is here for ${task.id}`);
          }
        if (action === 'pull')
          assert.ok((input.graph.dependents.get(task.id) ?? []).some((id) => steps.has(id) && isMade(id)));
        if (input.selected.has(task.id)) assert.not.equal(action, 'skip');
      }
    }),
  );
});

test.run();
