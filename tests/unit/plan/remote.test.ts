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

/** Adds the given images to the registry. With another `prefix` they differ from the local ones. */
function pushed(input: PlanInput, ids: readonly TaskId[], prefix = 'id'): PlanInput {
  const remote = new Map(input.existing.remote);
  for (const id of ids) {
    const task = input.graph.tasks.get(id)!;
    const needs = Object.fromEntries(
      needIds(task).map((need) => [need, remote.get(need)?.image.ids[0] ?? `id-${need}`]),
    );
    const { key } = input.keyed.get(id)!;
    const labels = { [keyLabel]: key, [taskLabel]: id, [needsLabel]: JSON.stringify(needs) };
    const manifest = { mediaType: 'm', digest: `${prefix}-digest-${id}`, size: 1 };
    const image = { digest: manifest.digest, manifest, ids: [`${prefix}-${id}`], labels, bytes: 1 };
    remote.set(id, { image, passed: false } satisfies RemoteResult);
  }
  return { ...input, existing: { ...input.existing, remote } };
}

/** Removes all local results. */
function withoutLocalResults(input: PlanInput): PlanInput {
  return { ...input, existing: { ...input.existing, records: new Map(), images: [], files: new Map() } };
}

const selected = (input: PlanInput): PlanInput =>
  selectTasks(input, 'one:latest', 'two:latest', 'three:latest');

/** Turns the input into that of a push of tags that do not exist yet. */
function asPush(input: PlanInput): PlanInput {
  const pushTags = new Map([...input.selected].map((id) => [id, new Map([[`r/${id}-dev1`, undefined]])]));
  return { ...input, pushTags };
}

test('if the registry has all images, nothing is built, run or pulled', () => {
  const input = withoutLocalResults(selected(pushed(everythingBuilt(graph), images)));
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

test('an image that is missing in the registry is built, and only its needs are pulled', () => {
  const input = withoutLocalResults(
    selected(pushed(everythingBuilt(graph), ['base:latest', 'one:latest', 'two:latest'])),
  );
  assert.equal(actions(makePlan(input)), {
    rootfs: 'skip',
    base: 'skip',
    one: 'pull',
    two: 'reuse',
    three: 'build',
  });
});

test('an image in the registry with the label of another key or task is not used and may be overwritten', () => {
  for (const label of [keyLabel, taskLabel]) {
    const input = withoutLocalResults(selected(pushed(everythingBuilt(graph), images)));
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

test("the registry's image takes precedence over the local one, and dependents of the local one are rebuilt", () => {
  const input = asPush(selected(pushed(everythingBuilt(graph), ['base:latest'], 'other')));
  const plan = makePlan(input);
  assert.equal(actions(plan), { rootfs: 'reuse', base: 'pull', one: 'build', two: 'build', three: 'build' });
  assert.equal(reasonCodes(plan, 'one'), ['need-image']);
});

test('an image that exists both locally and in the registry is reused, not pulled', () => {
  const input = selected(withoutResults(pushed(everythingBuilt(graph), images.slice(0, 2)), 'three:latest'));
  const plan = makePlan(input);
  assert.equal(actions(plan), { rootfs: 'reuse', base: 'reuse', one: 'reuse', two: 'reuse', three: 'build' });
});

test('an image in the registry is rebuilt if the registry has another image of its need', () => {
  const input = pushed(pushed(everythingBuilt(graph), images), ['base:latest'], 'forced');
  const plan = makePlan(withoutLocalResults(selected(input)));
  assert.is(plan.steps.get('one:latest')!.action, 'build');
  assert.equal(reasonCodes(plan, 'one'), ['need-image']);
  assert.is(plan.steps.get('base:latest')!.action, 'pull');
});

test('a push reuses a local image that is not in the registry yet', () => {
  const step = makePlan(asPush(selected(everythingBuilt(graph)))).steps.get('one:latest')!;
  assert.is(step.action, 'reuse');
  assert.is(step.remote, undefined);
  assert.equal(step.tags, ['r/one:latest-dev1']);
});

test('a push does nothing if all tags are up to date', () => {
  const input = withoutLocalResults(selected(pushed(everythingBuilt(graph), images)));
  const pushTags = new Map([...input.selected].map((id) => [id, new Map([[`r/${id}`, `id-digest-${id}`]])]));
  const plan = makePlan({ ...input, pushTags });
  assert.equal(
    [...input.selected].map((id) => plan.steps.get(id)!.action),
    ['reuse', 'reuse', 'reuse'],
  );
});

test('an image is pulled for its test unless the test has passed', () => {
  const input = {
    ...withoutLocalResults(selected(pushed(everythingBuilt(graph), images))),
    tested: new Set(['one:latest', 'two:latest']),
  };
  const two = input.existing.remote.get('two:latest')!;
  const remote = new Map([...input.existing.remote, ['two:latest', { ...two, passed: true }]]);
  const plan = makePlan({ ...input, existing: { ...input.existing, remote } });
  assert.is(plan.steps.get('one:latest')!.action, 'pull');
  assert.is(plan.steps.get('two:latest')!.action, 'reuse');
  const retested = makePlan({ ...input, retest: true, existing: { ...input.existing, remote } });
  assert.is(retested.steps.get('two:latest')!.action, 'pull');
});

test('a forced image is built, and its content tag in the registry may be overwritten', () => {
  const input = withoutLocalResults(selected(pushed(everythingBuilt(graph), images)));
  const plan = makePlan({ ...input, forced: new Set(['two:latest']) });
  assert.equal(actions(plan), { rootfs: 'skip', base: 'pull', one: 'reuse', two: 'build', three: 'reuse' });
  assert.is(plan.steps.get('two:latest')!.replacesDigest, 'id-digest-two:latest');
});

test('property: the needs of a build exist locally or are built or pulled first, and nothing else is pulled', () => {
  const subset = fc.subarray(images);
  fc.assert(
    fc.property(subset, subset, fc.boolean(), (inRegistry, missing, isPush) => {
      const base = selected(withoutResults(pushed(everythingBuilt(graph), inRegistry), ...missing));
      const input = isPush ? asPush(base) : base;
      const { steps } = makePlan(input);
      const isBuilt = (id: TaskId): boolean => ['build', 'run'].includes(steps.get(id)!.action);
      for (const { task, action } of steps.values()) {
        if (isBuilt(task.id))
          for (const need of needIds(task)) {
            const step = steps.get(need)!;
            assert.ok(
              ['build', 'run', 'pull', 'reuse', 'retag'].includes(step.action),
              `${need} for ${task.id}`,
            );
            const isLocal = step.record !== undefined && !missing.includes(need);
            assert.ok(isBuilt(need) || step.action === 'pull' || isLocal, `${need} exists for ${task.id}`);
          }
        if (action === 'pull')
          assert.ok((input.graph.dependents.get(task.id) ?? []).some((id) => steps.has(id) && isBuilt(id)));
        if (input.selected.has(task.id)) assert.not.equal(action, 'skip');
      }
    }),
  );
});

test.run();
