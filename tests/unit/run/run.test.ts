import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import { keyLabel, needsLabel, taskLabel } from '../../../src/model/labels.ts';
import { settle } from '../../support/fake-engine.ts';
import { makeSampleProject } from '../../support/sample-project.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';
import { makeTestProject, testSuffix } from '../../support/test-project.ts';

const test = suite('run');

test('the first run builds everything, the second nothing', async () => {
  const project = makeSampleProject();
  const first = await project.build();
  assert.is(first.outcome, 'ok');
  assert.is(first.counts.built, 5);
  const second = await project.build();
  assert.equal([second.counts.built, second.counts.reused], [0, 5]);
});

test('a build gets its needs as content tags and folders of files, and its own labels', async () => {
  const project = makeSampleProject();
  const { plan, run } = await project.plan({ selectors: ['one'] });
  const running = run();
  await settle();
  const base = project.engine.pending[0]!.request;
  assert.equal(
    base.context.map(({ entry }) => entry.path),
    ['rootfs', 'rootfs/rootfs.tar'],
  );
  project.engine.pending[0]!.succeed();
  await settle();
  const { request } = project.engine.pending[1]!;
  assert.is(request.args.BASE, plan.steps.get('base:latest')!.contentTag);
  assert.is(request.labels[keyLabel], plan.steps.get('one:latest')!.key);
  assert.is(request.labels[taskLabel], 'one:latest');
  assert.equal(Object.keys(JSON.parse(request.labels[needsLabel]!) as object), ['base:latest']);
  project.engine.pending[1]!.succeed();
  assert.is((await running).outcome, 'ok');
  assert.ok(project.engine.allImages.some(({ tags }) => tags.includes(`test/one:latest${testSuffix}`)));
  assert.not.ok(
    project.engine.allImages.some(({ tags }) => tags.includes(`test/base:latest${testSuffix}`)),
    'an internal image gets no run tag',
  );
});

test('a command gets only the environment variables it declares', async () => {
  const project = makeSampleProject();
  await project.build({ selectors: ['rootfs'] });
  const { env, argv, cwd } = project.commands[0]!;
  assert.equal(Object.keys(env).sort(), ['EPOCH', 'HOME', 'LANG', 'PATH', 'TASKS_OUT']);
  assert.equal(argv, [path.join(project.root, 'make-it'), 'now']);
  assert.is(cwd, project.root);
});

test("the files of an image with output 'files' are stored and reused", async () => {
  const root = tempFolder();
  writeFiles(root, { 'm/Dockerfile': 'FROM scratch\n' });
  const exported = image({ name: 'exported', context: 'm', output: 'files' });
  const project = makeTestProject({ exported }, root);
  const { run } = await project.plan();
  const running = run();
  await settle();
  const { request, succeed } = project.engine.pending[0]!;
  mkdirSync(path.join(request.exportTo!, 'dir'));
  writeFileSync(path.join(request.exportTo!, 'dir/file'), 'content');
  succeed();
  const { results } = await running;
  assert.is(
    readFileSync(
      path.join(project.cacheFolder, 'files', results.get('exported:latest')!.key, 'dir/file'),
      'utf8',
    ),
    'content',
  );
  assert.is((await project.build()).counts.reused, 1);
});

test('a phase emits its events in order', async () => {
  const project = makeSampleProject();
  await project.build({ selectors: ['lone'] });
  assert.equal(
    project.events.map((event) => event.type),
    ['phase-started', 'task-started', 'task-progress', 'task-progress', 'task-finished', 'phase-finished'],
  );
  const last = project.events.at(-1)!;
  assert.ok(last.type === 'phase-finished' && last.ok && last.counts.built === 1 && last.ms > 0);
  for (const event of project.events) assert.match(event.time, /^\d{4}-\d\d-\d\dT/);
});

test.run();
