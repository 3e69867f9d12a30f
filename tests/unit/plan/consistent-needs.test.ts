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

const test = suite('one image of each need');
const graph = graphOfNeeds({
  base: [],
  one: ['base'],
  two: ['base'],
  mid: ['base'],
  three: ['mid'],
  four: ['mid', 'base'],
});
const ids = [...graph.tasks.keys()];
const published = ['one:latest', 'two:latest', 'three:latest', 'four:latest'];

/** An image of a task: its variant, and the variant of each need that it stands on. */
interface Variant {
  readonly variant: string;
  readonly on: string;
}
interface State {
  readonly remote?: Variant | undefined;
  readonly here?: Variant | undefined;
}

/** A machine without records, and a registry, that have these. */
function worldOf(states: ReadonlyMap<TaskId, State>, isPush = true): PlanInput {
  const input = selectTasks(everythingBuilt(graph), ...published);
  const images: EngineImage[] = [];
  const remote = new Map<TaskId, RemoteResult>();
  for (const [id, state] of states) {
    const task = graph.tasks.get(id)!;
    const { key } = input.keyed.get(id)!;
    const labelsOf = ({ on }: Variant) => ({
      [keyLabel]: key,
      [taskLabel]: id,
      [needsLabel]: JSON.stringify(Object.fromEntries(needIds(task).map((need) => [need, `${need}-${on}`]))),
    });
    if (state.here !== undefined)
      images.push({
        id: `${id}-${state.here.variant}`,
        tags: [contentTag(task, key)],
        labels: labelsOf(state.here),
        bytes: 1,
        created: 0,
      });
    if (state.remote !== undefined) {
      const name = `${id}-${state.remote.variant}`;
      const image = {
        digest: `digest-${name}`,
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

const a = { variant: 'a', on: 'a' };
const b = { variant: 'b', on: 'b' };

test('a need that the registry lost, and that is uploaded again as another image: all stand on that', () => {
  for (const isPush of [true, false]) {
    const plan = makePlan(
      worldOf(
        new Map([
          ['base:latest', { here: b }],
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

test('a need that the registry lost, and all stand on one image of it: nothing is built', () => {
  const all = new Map(published.map((id) => [id, { remote: a }]));
  const input = worldOf(new Map([...all, ['mid:latest', { remote: a }]]));
  assert.equal(actions(makePlan(input)), {
    base: 'skip',
    one: 'retag',
    two: 'retag',
    mid: 'skip',
    three: 'retag',
    four: 'retag',
  });
});

test('images that stand on different images of a need that is nowhere are built again, with it', () => {
  const input = worldOf(
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

test('whatever the registry and the engine have: after a push each need is one image to all', () => {
  const variant = fc.constantFrom('a', 'b', 'c');
  const some = fc.option(fc.record({ variant, on: variant }), { nil: undefined });
  const state = fc.record({ remote: some, here: some });
  fc.assert(
    fc.property(fc.array(state, { minLength: ids.length, maxLength: ids.length }), (states) => {
      const input = worldOf(new Map(ids.map((id, at) => [id, states[at]!])));
      const { steps } = makePlan(input);
      /** What each is after the push, as far as anything tells. */
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
      const visit = (id: TaskId, as: string): void => {
        uses.set(id, (uses.get(id) ?? new Set()).add(as));
        const isThis = idsOf(id).includes(as);
        for (const need of needIds(graph.tasks.get(id)!))
          visit(need, isThis ? (isBuilt(id) ? idsOf(need)![0]! : needsOf(id)[need]!) : `on ${as}`);
      };
      for (const id of published) visit(id, idsOf(id)![0]!);
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
