import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import type { TaskRecord } from '../../../src/model/record.ts';
import { makePlan } from '../../../src/plan/plan.ts';
import { imageNodes } from '../../../src/schedule/image-nodes.ts';
import { graphOf } from '../../support/graphs.ts';
import { everythingBuilt } from '../../support/plan-inputs.ts';

const test = suite('image nodes');

const base = image({ name: 'base', versions: ['1'], context: 'base' });
const app = image({ name: 'app', versions: ['1'], context: 'app', needs: { BASE: base } });

/**
 * Returns the nodes after a run in which each task was built on the given node. `appNeeds`: what the record of an app that is gone says
 * about its needs.
 */
function nodesAfter(
  built: Readonly<Record<string, string>>,
  appNeeds?: TaskRecord['needs'],
): Readonly<Record<string, readonly string[]>> {
  const input = everythingBuilt(graphOf({ base, app }));
  const records = new Map(
    [...input.existing.records].map(([key, record]) => {
      const node = built[record.task];
      const needs = record.task === 'app:1' ? (appNeeds ?? record.needs) : record.needs;
      return [key, { ...record, needs, ...(node === undefined ? {} : { node }) }];
    }),
  );
  const images = input.existing.images.filter(({ id }) => appNeeds === undefined || id !== 'id-app:1');
  const plan = makePlan({ ...input, existing: { ...input.existing, records, images } });
  const previous = new Map([...records.values()].map((record) => [record.task, { record }]));
  return Object.fromEntries(imageNodes(plan, previous));
}

test('an image is on the node that built it, and on nodes that built its dependents', () => {
  assert.equal(nodesAfter({ 'base:1': 'x', 'app:1': 'y' }), { 'base:1': ['x', 'y'], 'app:1': ['y'] });
  assert.equal(nodesAfter({}), {});
});

test('a node that built a dependent from another image does not have the current one', () => {
  const built = { 'base:1': 'x', 'app:1': 'y' };
  assert.equal(nodesAfter(built, { 'base:1': 'id-base:1' }), { 'base:1': ['x', 'y'], 'app:1': ['y'] });
  assert.equal(nodesAfter(built, { 'base:1': 'another' }), { 'base:1': ['x'], 'app:1': ['y'] });
});

test.run();
