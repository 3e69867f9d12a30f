import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import type { RemoteImage } from '../../../src/model/registry.ts';
import { recheckNeeds } from '../../../src/release/recheck.ts';
import { UploadConflict, uploadAll } from '../../../src/release/upload.ts';
import { fakeNode } from '../../support/fake-node.ts';
import { fakeRegistry } from '../../support/fake-registry.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';
import { makeTestProject } from '../../support/test-project.ts';

const test = suite('the last look at what a push publishes');

const base = image({ name: 'base', context: 'i' });
const mid = image({ name: 'mid', context: 'i', dockerfile: 'd', needs: { BASE: base } });
const app = image({ name: 'app', context: 'i', dockerfile: 'd', needs: { BASE: mid } });

/** A project whose images are in the registry, and what a push of `app` would recheck. */
async function built(registry = fakeRegistry(), machine = '') {
  const root = tempFolder();
  writeFiles(root, { 'i/Dockerfile': 'FROM scratch\nCOPY . /\n', 'i/a': 'a', d: 'ARG BASE\nFROM $BASE\n' });
  const project = makeTestProject({ base, mid, app }, root, undefined, registry);
  project.nodes = [fakeNode('ci0', registry, { machine })];
  await project.build();
  const { plan, services } = await project.plan({ selectors: ['app'] });
  const step = plan.steps.get('app:latest')!;
  const published = (await registry.image(step.registryTag!, 'linux/amd64'))!;
  const check = (images: ReadonlyMap<string, RemoteImage> = new Map([['app:latest', published]])) =>
    recheckNeeds([step], plan.steps, images, services);
  return { project, registry, check, plan, services };
}

const conflict = async (work: Promise<void>): Promise<string> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.instance(error, UploadConflict);
  return (error as Error).message;
};

test('nothing to object while the tags stay', async () => {
  const { check } = await built();
  await check();
});

test('another machine forces a need, at any depth: a new plan is needed', async () => {
  for (const forced of ['mid', 'base']) {
    const { registry, check } = await built();
    const other = await built(registry, 'other');
    await other.project.build({ selectors: [forced], force: true });
    assert.match(
      await conflict(check()),
      forced === 'mid' ? /another|built/ : /mid:latest was built with another base/,
    );
  }
});

test('another machine replaces the image itself', async () => {
  const { registry, check } = await built();
  const other = await built(registry, 'other');
  await other.project.build({ selectors: ['app'], force: true });
  assert.match(await conflict(check()), 'another machine pushed app:latest');
});

test('a need without a tag contradicts nothing', async () => {
  const { registry, check, plan } = await built();
  await registry.untag(plan.steps.get('base:latest')!.registryTag!);
  await check();
});

test('an image that a node built, and whose tag is gone before the push, is planned again', async () => {
  const { registry, plan, services } = await built();
  const step = plan.steps.get('app:latest')!;
  await registry.untag(step.registryTag!);
  const upload = uploadAll([step], {
    results: new Map([['app:latest', step.record!]]),
    services,
    registry,
    jobs: 1,
    signal: new AbortController().signal,
    onStart: () => undefined,
    onProgress: () => undefined,
    onDone: async () => undefined,
  });
  assert.match(await conflict(upload), 'no longer the image of app:latest');
});

test.run();
