// With `maxAge`, a build uses BuildKit's cache only where the task was built in its current period: other caches may hold downloads
// that are older than the image says.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import { fakeEngine } from '../../support/fake-engine.ts';
import { type FakeNode, fakeNode } from '../../support/fake-node.ts';
import { fakeRegistry } from '../../support/fake-registry.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';
import { makeTestProject } from '../../support/test-project.ts';

const test = suite('maxAge and caches of builds');

const weekly = image({ name: 'weekly', context: 'c', maxAge: '7d' });
const app = image({ name: 'app', context: 'c', dockerfile: 'app.Dockerfile', needs: { BASE: weekly } });

/** A machine with a checkout of its own. */
function machine(registry = fakeRegistry()) {
  const root = tempFolder();
  writeFiles(root, {
    'c/Dockerfile': 'FROM scratch\nRUN update\nCOPY file /\n',
    'c/file': '1',
    'app.Dockerfile': 'ARG BASE\nFROM $BASE\n',
  });
  const project = makeTestProject({ weekly, app }, root, fakeEngine(registry), registry);
  const edit = (text: string): void => writeFileSync(path.join(root, 'c/file'), text);
  const noCache = async (): Promise<boolean> =>
    (await project.plan()).plan.steps.get('weekly:latest')!.noCache;
  return { project, edit, noCache };
}

const nextWeek = new Date('2026-12-01T00:00:00Z');

test('the first build of a period uses no cache, and later ones do', async () => {
  const { project, edit, noCache } = machine();
  assert.is(await noCache(), true, 'never built');
  await project.build();
  edit('2');
  assert.is(await noCache(), false);
  project.planned = nextWeek;
  assert.is(await noCache(), true);
  await project.build();
  edit('3');
  assert.is(await noCache(), false);
});

test('an image that was pulled says nothing about the cache here', async () => {
  const registry = fakeRegistry();
  const [here, other] = [machine(registry), machine(registry)];
  await here.project.build();
  here.project.planned = nextWeek;
  other.project.planned = nextWeek;
  const { results } = await other.project.build();
  const { key, imageId } = results.get('weekly:latest')!;
  const pushed = other.project.engine.allImages.find(({ id }) => id === imageId)!;
  registry.push(`test/weekly:latest-k${key.slice(0, 12)}`, { ...pushed, platform: 'linux/amd64' });
  const planned = await here.project.plan({ fromRegistry: true });
  assert.is(planned.plan.steps.get('weekly:latest')!.action, 'pull');
  assert.is((await planned.run()).outcome, 'ok');
  here.edit('2');
  assert.is(await here.noCache(), true);
});

test('an engine without the last build is another one, or has lost its cache', async () => {
  const { project, edit, noCache } = machine();
  await project.build();
  edit('2');
  project.engine.allImages.length = 0;
  assert.is(await noCache(), true);
});

test('of several nodes, only the one that built the task in this period uses its cache', async () => {
  const registry = fakeRegistry();
  const { project, edit, noCache } = machine(registry);
  const [one, two] = [fakeNode('ci0', registry), fakeNode('ci1', registry)];
  const noCacheOf = ({ built }: FakeNode): boolean[] =>
    built.filter(({ task }) => task === 'weekly:latest').map((request) => request.noCache);
  project.nodes = [one];
  await project.build();
  edit('2');
  await project.build();
  assert.equal(noCacheOf(one), [true, false]);
  project.nodes = [two];
  edit('3');
  await project.build();
  edit('4');
  await project.build();
  assert.equal(noCacheOf(two), [true, false]);
  project.nodes = undefined;
  edit('5');
  assert.is(await noCache(), true, 'in the engine of this machine');
});

test('a build cache in a registry is not for tasks with maxAge', async () => {
  const registry = fakeRegistry();
  const root = tempFolder();
  writeFiles(root, { 'c/Dockerfile': 'FROM scratch\nRUN update\nCOPY file /\n', 'c/file': '1' });
  const project = makeTestProject(
    { weekly, plain: image({ name: 'plain', context: 'c' }) },
    root,
    fakeEngine(registry),
    registry,
  );
  const node = fakeNode('ci0', registry);
  project.nodes = [node];
  project.settings = { cacheTo: 'h/steps' };
  await project.build();
  assert.equal(Object.fromEntries(node.built.map(({ task, cacheTag }) => [task, cacheTag])), {
    'weekly:latest': undefined,
    'plain:latest': 'h/steps:plain-latest-linux-amd64',
  });
});

test.run();
