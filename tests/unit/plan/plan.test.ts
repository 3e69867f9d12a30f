import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keyLabel, needsLabel } from '../../../src/model/labels.ts';
import type { ObservedImage } from '../../../src/model/observed.ts';
import type { Plan } from '../../../src/model/plan.ts';
import { makesFiles, needIds, type TaskId } from '../../../src/model/task.ts';
import type { PlanInput } from '../../../src/plan/input.ts';
import { makePlan } from '../../../src/plan/plan.ts';
import { contentTag, devSuffix, registryTag, resolveNaming } from '../../../src/plan/refs.ts';
import { graphOfNeeds, makeKeys } from '../../support/graphs.ts';
import {
  actions,
  engineImageOf,
  everythingBuilt,
  naming,
  reasonCodes,
  selectTasks,
  withoutResults,
} from '../../support/plan-inputs.ts';

const graph = graphOfNeeds({ $rootfs: [], base: ['$rootfs'], one: ['base'], two: ['base'] });
const all = ['rootfs:latest', 'base:latest', 'one:latest', 'two:latest'];

const test = suite('plan');

test('without results, images are built and commands run', () => {
  const input = everythingBuilt(graph);
  const fresh = {
    ...input,
    existing: { records: new Map(), images: [], files: new Map(), remote: new Map() },
  };
  assert.equal(actions(makePlan(fresh)), { rootfs: 'run', base: 'build', one: 'build', two: 'build' });
  assert.equal(reasonCodes(makePlan(fresh), 'rootfs'), ['not-built']);
  assert.equal(reasonCodes(makePlan(fresh), 'one'), ['not-built', 'need-built']);
});

test('existing results are reused', () => {
  assert.equal(actions(makePlan(everythingBuilt(graph))), {
    rootfs: 'reuse',
    base: 'reuse',
    one: 'reuse',
    two: 'reuse',
  });
});

test('a task without a result that no step needs is skipped', () => {
  const input = selectTasks(
    withoutResults(everythingBuilt(graph), 'rootfs:latest', 'base:latest'),
    'one:latest',
    'two:latest',
  );
  assert.equal(actions(makePlan(input)), { rootfs: 'skip', base: 'skip', one: 'reuse', two: 'reuse' });
});

test('a missing image is built, and so are needs without a result', () => {
  const plan = makePlan(
    selectTasks(
      withoutResults(everythingBuilt(graph), 'one:latest', 'rootfs:latest'),
      'one:latest',
      'two:latest',
    ),
  );
  assert.equal(actions(plan), { rootfs: 'skip', base: 'reuse', one: 'build', two: 'reuse' });
  assert.equal(reasonCodes(plan, 'one'), ['missing']);
});

test('dependents of a built task are built', () => {
  const plan = makePlan(
    selectTasks(
      withoutResults(everythingBuilt(graph), 'one:latest', 'base:latest'),
      'one:latest',
      'two:latest',
    ),
  );
  assert.equal(actions(plan), { rootfs: 'reuse', base: 'build', one: 'build', two: 'build' });
  assert.equal(reasonCodes(plan, 'two'), ['need-built']);
});

test("a record is not used if the image's label has another key", () => {
  const input = everythingBuilt(graph);
  const images = input.existing.images.map((image) =>
    image.id === 'id-one:latest' ? { ...image, labels: { ...image.labels, [keyLabel]: 'inherited' } } : image,
  );
  assert.is(actions(makePlan({ ...input, existing: { ...input.existing, images } })).one, 'build');
});

test("the needs in an image's label override those in its record", () => {
  const input = everythingBuilt(graph);
  const { key } = input.keyed.get('one:latest')!;
  const image = input.existing.images.find(({ id }) => id === 'id-one:latest')!;
  const labels = { ...image.labels, [needsLabel]: JSON.stringify({ 'base:latest': 'id-of-another' }) };
  const images = input.existing.images.map((each) => (each === image ? { ...image, labels } : each));
  const plan = makePlan({ ...input, existing: { ...input.existing, images } });
  assert.equal([actions(plan).one, reasonCodes(plan, 'one')], ['build', ['need-image']]);
  const wrongRecord = { ...input.existing.records.get(key)!, needs: { 'base:latest': 'id-of-another' } };
  const records = new Map([...input.existing.records, [key, wrongRecord]]);
  assert.is(actions(makePlan({ ...input, existing: { ...input.existing, records } })).one, 'reuse');
});

test('a command with modified output files runs again', () => {
  const input = everythingBuilt(graph);
  const files = new Map([...input.existing.files].map(([key]) => [key, 'tampered']));
  const plan = makePlan({ ...input, existing: { ...input.existing, files } });
  assert.equal(actions(plan), { rootfs: 'run', base: 'build', one: 'build', two: 'build' });
  assert.equal(reasonCodes(plan, 'rootfs'), ['missing']);
});

test('an image that was built with another image of a need is rebuilt', () => {
  const input = everythingBuilt(graph);
  const { key } = input.keyed.get('base:latest')!;
  const records = new Map(input.existing.records).set(key, {
    ...input.existing.records.get(key)!,
    imageId: 'id-forced',
  });
  const images = input.existing.images.map((image) =>
    image.id === 'id-base:latest' ? { ...image, id: 'id-forced' } : image,
  );
  const plan = makePlan({ ...input, existing: { ...input.existing, records, images } });
  assert.equal(actions(plan), { rootfs: 'reuse', base: 'reuse', one: 'build', two: 'build' });
  assert.equal(reasonCodes(plan, 'one'), ['need-image']);
});

test('--force builds the selected tasks without a cache, and their dependents', () => {
  const input = { ...everythingBuilt(graph), forced: new Set(['base:latest']) };
  const plan = makePlan(input);
  assert.equal(actions(plan), { rootfs: 'reuse', base: 'build', one: 'build', two: 'build' });
  assert.equal(
    [...plan.steps.values()].map((step) => step.noCache),
    [false, true, false, false],
  );
});

test('without records, images with the right labels and content tag are reused', () => {
  const input = everythingBuilt(graph);
  const files = new Map(input.existing.files);
  const records = new Map(
    [...input.existing.records].filter(([, record]) => record.filesDigest !== undefined),
  );
  const plan = makePlan({
    ...input,
    existing: { images: input.existing.images, records, files, remote: new Map() },
  });
  assert.equal(actions(plan), { rootfs: 'reuse', base: 'reuse', one: 'reuse', two: 'reuse' });
  const untagged = input.existing.images.map((image) => ({ ...image, tags: [] }));
  assert.is(
    actions(
      makePlan({ ...input, existing: { images: untagged, records: new Map(), files, remote: new Map() } }),
    ).one,
    'build',
  );
});

test('a task whose inputs cannot be read is blocked, and so are its dependents', () => {
  const input = everythingBuilt(graph);
  const observations = new Map(input.observations).set('base:latest', {
    kind: 'problem',
    code: 'unreadable',
    detail: 'cannot read x',
  });
  const plan = makePlan({ ...input, observations, keyed: makeKeys(graph, input.scope, observations) });
  assert.equal(actions(plan), { rootfs: 'reuse', base: 'blocked', one: 'blocked', two: 'blocked' });
  assert.equal(reasonCodes(plan, 'one'), ['need-blocked']);
});

test('the reason names the inputs that changed since the previous record', () => {
  const input = everythingBuilt(graph);
  const before = input.keyed.get('one:latest')!;
  const observations = new Map(input.observations).set('one:latest', {
    ...(input.observations.get('one:latest') as ObservedImage),
    context: [{ path: 'new', type: 'dir' }],
  });
  const latest = new Map([
    ['one:latest', { record: input.existing.records.get(before.key)!, manifest: before.manifest! }],
  ]);
  const plan = makePlan({
    ...input,
    observations,
    latest,
    keyed: makeKeys(graph, input.scope, observations),
  });
  assert.equal(plan.steps.get('one:latest')!.reasons, [{ code: 'changed', detail: 'file c/new added' }]);
  assert.is(plan.steps.get('one:latest')!.expectedMs, 1000);
});

test('the last size is that of the task itself; another version only tells how long a build may take', () => {
  const input = everythingBuilt(graph);
  const record = { ...input.existing.records.get(input.keyed.get('one:latest')!.key)!, bytes: 5 };
  const planWith = (task: string) =>
    makePlan({ ...input, latest: new Map([['one:latest', { record: { ...record, task } }]]) }).steps.get(
      'one:latest',
    )!;
  assert.is(planWith('one:latest').previousBytes, 5);
  assert.equal([planWith('one:1').previousBytes, planWith('one:1').expectedMs], [undefined, 1000]);
});

test('a built image gets run tags; a reused image gets only missing tags without a time', () => {
  const input = everythingBuilt(graph);
  const fresh = makePlan({
    ...input,
    existing: { records: new Map(), images: [], files: new Map(), remote: new Map() },
  });
  assert.equal(fresh.steps.get('one:latest')!.newTags, ['r/one:latest-dev1']);
  const reused = makePlan(input).steps.get('one:latest')!;
  assert.equal(reused.newTags, []);
  assert.equal(reused.tags, [reused.contentTag]);
  const release = makePlan({ ...input, naming: { ...naming, suffix: '', timed: false } }).steps.get(
    'one:latest',
  )!;
  assert.equal(release.newTags, ['r/one:latest']);
  const tagged = input.existing.images.map((image) =>
    image.id === 'id-one:latest' ? { ...image, tags: [...image.tags, 'r/one:latest'] } : image,
  );
  const next = makePlan({
    ...input,
    naming: { ...naming, suffix: '', timed: false },
    existing: { ...input.existing, images: tagged },
  });
  assert.equal(next.steps.get('one:latest')!.newTags, []);
  assert.equal(next.steps.get('one:latest')!.tags, ['r/one:latest']);
});

test('another repository does not cause builds or change content tags', () => {
  const input = selectTasks(withoutResults(everythingBuilt(graph), 'one:latest'), 'one:latest', 'two:latest');
  const plan = makePlan({ ...input, naming: { ...naming, repo: 'docker.io/other' } });
  assert.equal(actions(plan), { rootfs: 'reuse', base: 'reuse', one: 'build', two: 'reuse' });
  const [base, two] = [plan.steps.get('base:latest')!, plan.steps.get('two:latest')!];
  assert.equal(base.newTags, []);
  assert.equal([two.tags, two.newTags], [[two.contentTag], []]);
  assert.is(two.registryTag, two.contentTag!.replace('tasks.invalid', 'docker.io/other'));
});

test('a needed image without its content tag gets it again', () => {
  const input = selectTasks(withoutResults(everythingBuilt(graph), 'one:latest'), 'one:latest', 'two:latest');
  const images = input.existing.images.map((image) => ({ ...image, tags: [] }));
  const plan = makePlan({ ...input, existing: { ...input.existing, images } });
  assert.equal(plan.steps.get('base:latest')!.newTags, [plan.steps.get('base:latest')!.contentTag]);
});

test('without records, an up-to-date image is shown with its existing run tags', () => {
  const input = selectTasks(everythingBuilt(graph), 'one:latest');
  const dev = 'r/one:latest-dev202611231200';
  const others = ['r/one:latest-k000000000000', 'r/one:latest-devil', 'other/one:latest-dev202611231200'];
  const images = input.existing.images.map((image) =>
    image.id === 'id-one:latest' ? { ...image, tags: [...image.tags, ...others, dev] } : image,
  );
  const step = makePlan({ ...input, existing: { ...input.existing, images, records: new Map() } }).steps.get(
    'one:latest',
  )!;
  assert.equal([step.action, step.tags, step.newTags], ['reuse', [dev], []]);
});

test('content tags, dev suffixes and the precedence of repositories', () => {
  const task = graphOfNeeds({ app: [] }).tasks.get('app:latest')!;
  const key = 'ab'.repeat(32);
  assert.is(contentTag(task, key), 'tasks.invalid/app:latest-kabababababab');
  assert.is(registryTag(task, key, naming), 'r/app:latest-kabababababab');
  assert.is(registryTag(task, key, { ...naming, cacheRepo: 'r/cache' }), 'r/cache:app-latest-kabababababab');
  const now = new Date('2026-11-23T20:30:59Z');
  assert.is(devSuffix(now), '-dev202611232030');
  assert.is(resolveNaming({ release: false }, {}, now).repo, 'local');
  assert.is(resolveNaming({ repo: 'flag', release: false }, { repo: 'project' }, now).repo, 'flag');
  assert.equal(resolveNaming({ release: true }, { repo: 'project' }, now), {
    repo: 'project',
    suffix: '',
    timed: false,
  });
});

test('property: after a plan was executed, the next plan has nothing to do', () => {
  fc.assert(
    fc.property(
      fc.subarray(all),
      fc.subarray(all, { minLength: 1 }),
      fc.subarray(all),
      (missing, chosen, forced) => {
        const input = {
          ...selectTasks(withoutResults(everythingBuilt(graph), ...missing), ...chosen),
          forced: new Set(forced.filter((id) => chosen.includes(id))),
        };
        const after = afterExecution(input, makePlan(input));
        const next = makePlan({ ...after, forced: new Set() });
        for (const step of next.steps.values())
          assert.ok(
            ['reuse', 'skip'].includes(step.action),
            `${step.task.id} ${step.action} ${JSON.stringify(step.reasons)}`,
          );
      },
    ),
  );
});

test('property: the needs of a step that builds or runs are never skipped', () => {
  fc.assert(
    fc.property(fc.subarray(all), fc.subarray(all, { minLength: 1 }), (missing, chosen) => {
      const { steps } = makePlan(selectTasks(withoutResults(everythingBuilt(graph), ...missing), ...chosen));
      for (const step of steps.values()) {
        if (step.action !== 'build' && step.action !== 'run') continue;
        for (const id of needIds(step.task)) assert.is.not(steps.get(id)!.action, 'skip');
      }
    }),
  );
});

let serial = 0;
/** Returns the input of the next plan after a plan was executed: each task that ran has a new result. */
function afterExecution(input: PlanInput, plan: Plan): PlanInput {
  const records = new Map(input.existing.records);
  const files = new Map(input.existing.files);
  let images = [...input.existing.images];
  const results = new Map<TaskId, string>();
  for (const step of plan.steps.values()) {
    const { id } = step.task;
    if (step.record !== undefined) results.set(id, step.record.imageId ?? step.record.filesDigest!);
    if (step.action !== 'build' && step.action !== 'run') continue;
    const result = `made-${++serial}`;
    results.set(id, result);
    const needs = Object.fromEntries(needIds(step.task).map((need) => [need, results.get(need)!]));
    const isFiles = makesFiles(step.task);
    records.set(step.key, {
      key: step.key,
      task: id,
      ...(isFiles ? { filesDigest: result } : { imageId: result }),
      needs,
      bytes: 1,
      durationMs: 1,
      tags: [],
      time: '',
    });
    if (isFiles) files.set(step.key, result);
    else
      images = [
        ...images,
        { ...engineImageOf(id, step.key, needs, [step.contentTag!, ...step.newTags]), id: result },
      ];
  }
  return { ...input, existing: { records, images, files, remote: new Map() } };
}

test.run();
