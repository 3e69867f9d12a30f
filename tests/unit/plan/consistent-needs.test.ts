import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keyLabel, needsLabel, taskLabel } from '../../../src/model/labels.ts';
import type { EngineImage } from '../../../src/model/ports.ts';
import { needIds, type TaskId } from '../../../src/model/task.ts';
import type { RemoteResult } from '../../../src/plan/existing.ts';
import type { PlanInput } from '../../../src/plan/input.ts';
import { makePlan } from '../../../src/plan/plan.ts';
import { contentTag } from '../../../src/plan/refs.ts';
import { graphOfNeeds } from '../../support/graphs.ts';
import { actions, everythingBuilt, reasonCodes, selectTasks } from '../../support/plan-inputs.ts';

const test = suite('consistent needs');
const graph = graphOfNeeds({
  base: [],
  one: ['base'],
  two: ['base'],
  mid: ['base'],
  three: ['mid'],
  four: ['mid', 'base'],
});
const ids = [...graph.tasks.keys()];
const publishedIds = ['one:latest', 'two:latest', 'three:latest', 'four:latest'];

/** An image of a task: its variant and the variant of its needs. */
interface Variant {
  readonly variant: string;
  readonly needs: string;
}
interface State {
  readonly remote?: Variant | undefined;
  readonly local?: Variant | undefined;
}

/** Returns the input for a machine without records, and a registry, with the given images. */
function inputOf(states: ReadonlyMap<TaskId, State>, isPush = true): PlanInput {
  const input = selectTasks(everythingBuilt(graph), ...publishedIds);
  const images: EngineImage[] = [];
  const remote = new Map<TaskId, RemoteResult>();
  for (const [id, state] of states) {
    const task = graph.tasks.get(id)!;
    const { key } = input.keyed.get(id)!;
    const labelsOf = ({ needs }: Variant) => ({
      [keyLabel]: key,
      [taskLabel]: id,
      [needsLabel]: JSON.stringify(
        Object.fromEntries(needIds(task).map((need) => [need, `${need}-${needs}`])),
      ),
    });
    if (state.local !== undefined)
      images.push({
        id: `${id}-${state.local.variant}`,
        tags: [contentTag(task, key)],
        labels: labelsOf(state.local),
        bytes: 1,
        created: 0,
      });
    if (state.remote !== undefined) {
      const name = `${id}-${state.remote.variant}`;
      const image = {
        digest: `digest-${name}`,
        manifest: { mediaType: 'm', digest: `digest-${name}`, size: 1 },
        ids: [name, `digest-${name}`],
        labels: labelsOf(state.remote),
        bytes: 1,
      };
      remote.set(id, { image, passed: false });
    }
  }
  const tags = new Map([...input.selected].map((id) => [id, new Map([[`r/${id}`, undefined]])]));
  return {
    ...input,
    existing: { records: new Map(), images, files: new Map(), remote },
    ...(isPush ? { pushTags: tags } : {}),
  };
}

const a = { variant: 'a', needs: 'a' };
const b = { variant: 'b', needs: 'b' };

test('an image is rebuilt if the registry will get another image of its need', () => {
  for (const isPush of [true, false]) {
    const plan = makePlan(
      inputOf(
        new Map([
          ['base:latest', { local: b }],
          ['one:latest', { remote: a }],
        ]),
        isPush,
      ),
    );
    assert.is(plan.steps.get('one:latest')!.action, 'build');
    assert.equal(reasonCodes(plan, 'one'), ['need-image']);
    assert.is(plan.steps.get('base:latest')!.action, 'reuse');
  }
});

test('nothing is built if all images use the same image of a missing need', () => {
  const all = new Map(publishedIds.map((id) => [id, { remote: a }]));
  const input = inputOf(new Map([...all, ['mid:latest', { remote: a }]]));
  assert.equal(actions(makePlan(input)), {
    base: 'skip',
    one: 'retag',
    two: 'retag',
    mid: 'skip',
    three: 'retag',
    four: 'retag',
  });
});

test('images that use different images of a missing need are rebuilt with it', () => {
  const input = inputOf(
    new Map([
      ['one:latest', { remote: a }],
      ['two:latest', { remote: b }],
    ]),
  );
  const plan = makePlan({
    ...input,
    selected: new Set(['one:latest', 'two:latest']),
    scope: new Set(['base:latest', 'one:latest', 'two:latest']),
  });
  assert.equal(actions(plan), { base: 'build', one: 'build', two: 'build' });
});

test('property: after a push, all images use the same image of each need', () => {
  const variant = fc.constantFrom('a', 'b', 'c');
  const image = fc.option(fc.record({ variant, needs: variant }), { nil: undefined });
  const state = fc.record({ remote: image, local: image });
  fc.assert(
    fc.property(fc.array(state, { minLength: ids.length, maxLength: ids.length }), (states) => {
      const input = inputOf(new Map(ids.map((id, index) => [id, states[index]!])));
      const { steps } = makePlan(input);
      const isBuilt = (id: TaskId): boolean => steps.get(id)!.action === 'build';
      const idsOf = (id: TaskId): readonly string[] => {
        const { remote, record } = steps.get(id)!;
        if (isBuilt(id)) return [`${id}-new`];
        if (remote !== undefined) return remote.ids;
        return record?.imageId ? [record.imageId] : (input.existing.remote.get(id)?.image.ids ?? []);
      };
      const needsOf = (id: TaskId): Record<TaskId, string> =>
        steps.get(id)!.record?.needs ?? JSON.parse(input.existing.remote.get(id)!.image.labels[needsLabel]!);
      const uses = new Map<TaskId, Set<string>>();
      /** Notes that the image `used` of a task is used, and so are its needs. The needs of an unknown image are unknown, too. */
      const visit = (id: TaskId, used: string): void => {
        uses.set(id, (uses.get(id) ?? new Set()).add(used));
        const isKnown = idsOf(id).includes(used);
        for (const need of needIds(graph.tasks.get(id)!))
          visit(need, isKnown ? (isBuilt(id) ? idsOf(need)![0]! : needsOf(id)[need]!) : `of ${used}`);
      };
      for (const id of publishedIds) visit(id, idsOf(id)![0]!);
      for (const [id, used] of uses) assert.is(used.size, 1, `${id}: ${[...used].join(', ')}`);
      for (const [id, used] of uses) {
        const { remote } = steps.get(id)!;
        if (remote !== undefined) assert.ok(remote.ids.includes([...used][0]!), `${id} in the registry`);
      }
    }),
    { numRuns: 2000 },
  );
});

test.run();
