import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keyLabel, needsLabel, taskLabel } from '../../../src/model/labels.ts';
import type { TaskRecord } from '../../../src/model/record.ts';
import type { PlanInput } from '../../../src/plan/input.ts';
import { makePlan } from '../../../src/plan/plan.ts';
import { configTag, contentTag, taggedConfigDigest } from '../../../src/plan/refs.ts';
import { graphOfNeeds } from '../../support/graphs.ts';
import { actions, everythingBuilt } from '../../support/plan-inputs.ts';

const test = suite('identity of images across image stores');

const graph = graphOfNeeds({ base: [], app: ['base'] });
const config = `sha256:${'c'.repeat(64)}`;
const manifest = `sha256:${'d'.repeat(64)}`;
const otherConfig = `sha256:${'e'.repeat(64)}`;

interface Case {
  /** The ID of the base image in the engine. */
  readonly id: string;
  /** The identity of the base image in the label of the app image. */
  readonly usedBy: string;
  readonly tags?: readonly string[];
  /** The local record of the base image; without it, `.cache` was deleted. */
  readonly record?: Partial<TaskRecord>;
}

/** Returns the actions of the plan for an engine that has both images. */
function plan({ id, usedBy, tags = [], record }: Case): Record<string, string> {
  const input = everythingBuilt(graph);
  const images = input.existing.images.map((image) => {
    const key = image.labels[keyLabel]!;
    if (image.labels[taskLabel] === 'base:latest') return { ...image, id, tags: [...image.tags, ...tags] };
    const labels = { ...image.labels, [needsLabel]: JSON.stringify({ 'base:latest': usedBy }) };
    return { ...image, labels, tags: [contentTag({ name: 'app', version: 'latest' }, key)] };
  });
  const { key } = input.keyed.get('base:latest')!;
  const known = input.existing.records.get(key)!;
  const records = new Map(record ? [[key, { ...known, ...record }]] : []);
  return actions(
    makePlan({ ...input, existing: { ...input.existing, images, records } } satisfies PlanInput),
  );
}

const nothing = { base: 'reuse', app: 'reuse' };
const rebuild = { base: 'reuse', app: 'build' };

test('an image that was built on another image store is recognized by either digest', () => {
  for (const id of [config, manifest])
    assert.equal(plan({ id, usedBy: `${manifest} ${config}` }), nothing, id);
  assert.equal(plan({ id: manifest, usedBy: config }), rebuild, 'nothing says that they are one image');
});

test('without records, a tag says the config digest of an image that was pulled', () => {
  const tag = configTag({ name: 'base' }, config);
  assert.equal(plan({ id: manifest, usedBy: config, tags: [tag] }), nothing);
  assert.equal(plan({ id: manifest, usedBy: otherConfig, tags: [tag] }), rebuild);
  const ofOther = configTag({ name: 'other' }, config);
  assert.equal(plan({ id: manifest, usedBy: config, tags: [ofOther] }), rebuild, 'of another name');
  assert.equal(plan({ id: manifest, usedBy: config, tags: [`${tag}0`] }), rebuild, 'not a digest');
});

test('a record holds all digests, also after the engine has changed its image store', () => {
  const built = { imageId: manifest, configDigest: config };
  assert.equal(plan({ id: manifest, usedBy: config, record: built }), nothing);
  assert.equal(plan({ id: config, usedBy: config, record: built }), nothing);
  const pushed = { imageId: config, manifestDigest: manifest };
  assert.equal(plan({ id: manifest, usedBy: config, record: pushed }), nothing);
  assert.equal(plan({ id: manifest, usedBy: otherConfig, record: pushed }), rebuild);
});

test('digests in records of others are not trusted, only the ID of an image that is here', () => {
  const shared = { imageId: manifest, configDigest: config, shared: true } as const;
  assert.equal(plan({ id: manifest, usedBy: config, record: shared }), rebuild);
  assert.equal(plan({ id: manifest, usedBy: manifest, record: shared }), nothing);
});

test('a config tag gives back its digest, among any other tags', () => {
  const tags = ['tasks.invalid/app:1.0-k012345678901', configTag({ name: 'app' }, config), 'team/app:1.0'];
  assert.is(taggedConfigDigest({ name: 'app' }, tags), config);
  assert.is(taggedConfigDigest({ name: 'ap' }, tags), undefined);
});

test.run();
