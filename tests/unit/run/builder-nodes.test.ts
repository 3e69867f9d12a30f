import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openBuilder } from '../../../src/app/nodes.ts';
import { command, image } from '../../../src/define/index.ts';
import type { TasksError } from '../../../src/model/errors.ts';
import type { RunEvent } from '../../../src/model/events.ts';
import { needsLabel } from '../../../src/model/labels.ts';
import { StepFailed } from '../../../src/model/ports.ts';
import { runTests } from '../../../src/run/test-phase.ts';
import { settle } from '../../support/fake-engine.ts';
import { fakeNode } from '../../support/fake-node.ts';
import { fakeRegistry } from '../../support/fake-registry.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';
import { makeTestProject } from '../../support/test-project.ts';

const test = suite('builds on builder nodes');

const base = image({ name: 'base', context: 'i' });
const app = image({ name: 'app', context: 'i', dockerfile: 'app.Dockerfile', needs: { BASE: base } });
const exports = { base, app };

/** A project of a machine, with nodes on which RUN gives other results than elsewhere. */
function machine(
  registry = fakeRegistry(),
  name = '',
  definitions: Parameters<typeof makeTestProject>[0] = exports,
) {
  const root = tempFolder();
  writeFiles(root, {
    'i/Dockerfile': 'FROM scratch\nCOPY . /\n',
    'i/a': 'a',
    'app.Dockerfile': 'ARG BASE\nFROM $BASE\n',
    'lists/a': '#!/bin/sh\n',
  });
  const project = makeTestProject(definitions, root, undefined, registry);
  const nodes = [fakeNode('ci0', registry, { machine: name }), fakeNode('ci1', registry, { machine: name })];
  project.nodes = nodes;
  return { project, nodes, registry, builds: () => nodes.flatMap(({ built }) => built) };
}

const contentTags = (registry: ReturnType<typeof fakeRegistry>, name: string): string[] =>
  Object.keys(registry.tagDigests(`test/${name}`)).filter((tag) => /-k[0-9a-f]{12}$/.test(tag));

test('images are pushed without a tag, and get their content tag; needs are named by digest', async () => {
  const { project, registry, builds } = machine();
  const { outcome, results } = await project.build();
  assert.is(outcome, 'ok');
  const [tag] = contentTags(registry, 'base');
  const digest = registry.tagDigests('test/base')[tag!];
  assert.is(results.get('base:latest')?.manifestDigest, digest);
  const request = builds().find(({ task }) => task === 'app:latest')!;
  assert.equal(Object.values(request.namedImages), [`test/base@${digest}`]);
  assert.match(request.args.BASE!, /^tasks\.invalid\/base:/, 'the same text as in an engine');
  assert.is(request.pushTo, 'test/app');
  assert.equal(project.engine.allImages, [], 'the engine has no part in it');
});

test('keys are those of an engine', async () => {
  const { project } = machine();
  const onNodes = await project.plan();
  const keys = (plan: typeof onNodes.plan): string[] => [...plan.steps.values()].map(({ key }) => key);
  const before = keys(onNodes.plan);
  project.nodes = undefined;
  assert.equal(keys((await project.plan()).plan), before);
});

test('nothing is built again, also on another machine; the names of the images are printed with their digest', async () => {
  const { project, registry } = machine();
  await project.build();
  const other = machine(registry, 'other');
  await other.project.build();
  assert.equal(other.builds(), []);
  const finished = other.project.events.flatMap((event) => (event.type === 'task-finished' ? [event] : []));
  const tags = finished.find(({ id }) => id === 'app:latest')?.tags;
  assert.match(tags?.[0] ?? '', /^test\/app@sha256:[0-9a-f]{64}$/);
});

test('events name the node', async () => {
  const { project } = machine();
  await project.build();
  const nodes = project.events.flatMap((event) => ('id' in event ? [event.node] : []));
  assert.ok(nodes.length > 0);
  const phase = project.events.find(({ type }) => type === 'phase-started');
  assert.equal(phase?.type === 'phase-started' && phase.nodes, ['ci0', 'ci1']);
  assert.equal(
    nodes.every((node) => node === 'ci0' || node === 'ci1'),
    true,
  );
});

test('events of a test name its node, once it has begun there', async () => {
  const tested = image({ name: 'tested', context: 'i', test: 'lists/a' });
  const { project, nodes } = machine(fakeRegistry(), '', { tested });
  const { results } = await project.build();
  const { plan, services } = await project.plan();
  const events: RunEvent[] = [];
  const passes = { has: async () => false, add: async () => undefined };
  const { outcome } = await runTests([...plan.steps.values()], results, services, passes, {
    jobs: 1,
    retest: false,
    broken: new Map(),
    untestable: new Map(),
    keepGoing: false,
    signal: new AbortController().signal,
    listen: (event) => events.push(event),
  });
  assert.is(outcome, 'ok');
  const [node] = nodes.filter((each) => each.tested.length > 0);
  const finished = events.find(({ type }) => type === 'task-finished');
  assert.is(finished?.type === 'task-finished' && finished.node, node!.name);
});

test('a task whose node is lost is built once more on another one, which gets all others', async () => {
  const { project, nodes } = machine();
  for (const node of nodes) node.engine.autoFinish = false;
  const running = (await project.plan({ selectors: ['base'] })).run();
  await settle();
  const [first, second] = nodes[0]!.built.length > 0 ? nodes : [nodes[1]!, nodes[0]!];
  first!.isLost = true;
  first!.engine.pending[0]!.succeed();
  await settle();
  assert.is(second!.built.length, 1);
  second!.engine.pending[0]!.succeed();
  const { outcome, results } = await running;
  assert.is(outcome, 'ok');
  assert.is(results.get('base:latest')?.node, second!.name);
  assert.is(project.warnings.length, 1);
});

test('a task that loses two nodes fails: it does not end a third one', async () => {
  const { project, nodes, registry } = machine();
  const third = fakeNode('ci2', registry);
  project.nodes = [...nodes, third];
  for (const node of [...nodes, third]) node.isLost = true;
  const { outcome, failed } = await project.build({ selectors: ['base'] });
  assert.is(outcome, 'not-ready');
  assert.equal(failed, ['base:latest']);
  assert.is([...nodes, third].flatMap(({ built }) => built).length, 2);
});

test('a build that fails by itself is not tried on another node', async () => {
  const { project, nodes, builds } = machine();
  for (const node of nodes) node.engine.autoFinish = false;
  const running = (await project.plan({ selectors: ['base'] })).run();
  await settle();
  for (const { engine } of nodes) engine.pending[0]?.fail(new StepFailed('no space left on device'));
  assert.is((await running).outcome, 'failed');
  assert.is(builds().length, 1);
});

test('a task for which there is no node fails with what to do', async () => {
  const arm = image({ name: 'arm', context: 'i', platforms: ['linux/arm64'] });
  const { project } = machine(fakeRegistry(), '', { arm });
  project.engine.emulated = [];
  const { outcome } = await project.build();
  assert.is(outcome, 'not-ready');
});

test('with nodes swapped, keys and images are the same', async () => {
  const both = image({ name: 'both', context: 'i', platforms: ['linux/amd64', 'linux/arm64'] });
  const registry = fakeRegistry();
  const first = machine(registry, '', { both });
  first.project.nodes = [fakeNode('a', registry), fakeNode('b', registry, { native: 'linux/arm64' })];
  await first.project.build();
  const second = machine(registry, '', { both });
  const swapped = [fakeNode('a', registry, { native: 'linux/arm64' }), fakeNode('b', registry)];
  second.project.nodes = swapped;
  await second.project.build();
  assert.equal(
    swapped.flatMap(({ built }) => built),
    [],
  );
});

test('killed between push and tag: the next run builds it again and sets the tag', async () => {
  const { project, registry, builds } = machine();
  registry.beforeCall = ({ method }) => {
    if (method === 'put') throw new Error('killed');
  };
  await project.build({ selectors: ['base'] });
  assert.equal(contentTags(registry, 'base'), []);
  registry.beforeCall = () => undefined;
  assert.is((await project.build({ selectors: ['base'] })).outcome, 'ok');
  assert.is(contentTags(registry, 'base').length, 1);
  assert.is(builds().length, 2);
});

test('an image whose need was forced by another machine is built again, although .cache is warm, and replaces its tag', async () => {
  const { project, registry, builds } = machine();
  await project.build();
  const before = registry.tagDigests('test/app');
  const other = machine(registry, 'other');
  await other.project.build({ selectors: ['base'], force: true });
  await project.build();
  assert.equal(
    builds().map(({ task }) => task),
    ['base:latest', 'app:latest', 'app:latest'],
  );
  const [tag] = contentTags(registry, 'app');
  assert.is.not(registry.tagDigests('test/app')[tag!], before[tag!]);
  const { labels } = (await registry.image(`test/app:${tag}`, 'linux/amd64'))!;
  const base = (await registry.image(`test/base:${contentTags(registry, 'base')[0]}`, 'linux/amd64'))!;
  assert.ok(base.ids.some((id) => labels[needsLabel]!.includes(id)));
});

test('a command gets an image by its digest', async () => {
  const made = command({ name: 'made', run: ['true'], needs: { base } });
  const { project } = machine(fakeRegistry(), '', { base, made });
  const { outcome } = await project.build();
  assert.is(outcome, 'ok');
  assert.match(project.commands[0]!.env.TASKS_NEED_BASE!, /^test\/base@sha256:/);
});

test('a builder without a repository is an error, before anything is connected to', async () => {
  const connections = { builder: async () => async () => assert.unreachable() };
  const named = { name: 'ci', origin: '--builder' };
  const never = new AbortController().signal;
  const error = await openBuilder(
    { builder: named, names: { release: false } },
    {},
    { connections } as never,
    never,
  ).catch((thrown: TasksError) => thrown);
  assert.is((error as TasksError).exitCode, 2);
  assert.match((error as TasksError).message, /no repository to push images to/);
});

test.run();
