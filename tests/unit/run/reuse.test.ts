import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeSampleProject } from '../../support/sample-project.ts';

const test = suite('reuse of results');

test('modified output files are not used: the command runs again', async () => {
  const project = makeSampleProject();
  const { results } = await project.build({ selectors: ['rootfs'] });
  const output = path.join(project.cacheFolder, 'files', results.get('rootfs:latest')!.key, 'rootfs.tar');
  writeFileSync(output, 'other');
  await project.build({ selectors: ['base'] });
  assert.is(project.commands.length, 2);
  assert.is(readFileSync(output, 'utf8'), 'bytes');
});

test('--force builds without the cache, and the next run rebuilds the dependents', async () => {
  const project = makeSampleProject();
  await project.build();
  const { plan, run } = await project.plan({ selectors: ['base'], force: true });
  assert.is(plan.steps.get('base:latest')!.noCache, true);
  await run();
  const next = await project.plan();
  assert.equal(
    [...next.plan.steps.values()].filter((step) => step.action === 'build').map((step) => step.task.id),
    ['one:latest', 'two:latest'],
  );
  assert.equal(
    next.plan.steps.get('one:latest')!.reasons.map((reason) => reason.code),
    ['need-image'],
  );
});

test('records name the run that made them', async () => {
  const project = makeSampleProject();
  const first = await project.build();
  const runs = new Set([...first.results.values()].map(({ run }) => run));
  assert.is(runs.size, 1);
  const [firstRun] = runs;
  assert.type(firstRun, 'string');
  const second = await project.build({ selectors: ['base'], force: true });
  assert.is.not(second.results.get('base:latest')!.run, firstRun);
});

test('without .cache, images are found by key and content tag', async () => {
  const project = makeSampleProject();
  await project.build();
  rmSync(project.cacheFolder, { recursive: true });
  const { counts } = await project.build({ selectors: ['one', 'two', 'lone'] });
  assert.equal([counts.built, counts.reused], [0, 4]);
});

test('a release tags the images of a dev build and builds nothing', async () => {
  const project = makeSampleProject();
  await project.build();
  const { counts } = await project.build({ release: true });
  assert.is(counts.built, 0);
  assert.ok(project.engine.allImages.some(({ tags }) => tags.includes('test/one:latest')));
});

test('a damaged record is set aside with a warning and not used', async () => {
  const project = makeSampleProject();
  const { results } = await project.build({ selectors: ['lone'] });
  const file = path.join(project.cacheFolder, 'records', `v1%3a${results.get('lone:latest')!.key}`);
  writeFileSync(file, readFileSync(file, 'utf8').slice(0, 90));
  project.engine.allImages.length = 0;
  assert.is((await project.build({ selectors: ['lone'] })).counts.built, 1);
  assert.match(project.warnings.join(), /damaged: set aside/);
});

test.run();
