// Two machines build one key on two builders, over one registry: every order of their requests.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import { needsLabel } from '../../../src/model/labels.ts';
import { settle } from '../../support/fake-engine.ts';
import { fakeNode } from '../../support/fake-node.ts';
import { type FakeRegistry, fakeRegistry, type RegistryCall } from '../../support/fake-registry.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';
import { makeTestProject } from '../../support/test-project.ts';

const test = suite('the content tag of what two machines build');

const base = image({ name: 'base', context: 'i' });
const app = image({ name: 'app', context: 'i', dockerfile: 'app.Dockerfile', needs: { BASE: base } });

/** A registry whose requests about tags wait until the test lets them pass. */
function gated(registry: FakeRegistry) {
  const waiting: { call: RegistryCall; pass: () => void }[] = [];
  let isOpen = true;
  const gate = async (method: RegistryCall['method'], name: string): Promise<void> => {
    if (isOpen || name.includes('@')) return;
    await new Promise<void>((pass) => waiting.push({ call: { method, name }, pass }));
  };
  const through: FakeRegistry = {
    ...registry,
    async head(name) {
      await gate('head', name);
      return await registry.head(name);
    },
    async image(name, platform) {
      await gate('image', name);
      return await registry.image(name, platform);
    },
    async put(name, manifest) {
      await gate('put', name);
      await registry.put(name, manifest);
    },
  };
  return {
    through,
    close: () => {
      isOpen = false;
    },
    open: () => {
      isOpen = true;
      for (const { pass } of waiting.splice(0)) pass();
    },
    /** Lets the next request pass. Returns false if there is none. */
    async step(): Promise<boolean> {
      await settle();
      const next = waiting.shift();
      next?.pass();
      await settle();
      return next !== undefined;
    },
  };
}

function machine(registry: FakeRegistry, name: string) {
  const root = tempFolder();
  writeFiles(root, {
    'i/Dockerfile': 'FROM scratch\nCOPY . /\n',
    'i/a': 'a',
    'app.Dockerfile': 'ARG BASE\nFROM $BASE\n',
  });
  const gate = gated(registry);
  const project = makeTestProject({ base, app }, root, undefined, gate.through);
  project.nodes = [fakeNode('node', registry, { machine: name })];
  return { project, gate };
}

/** All orders of so many turns of each of two machines. */
function orders(first: number, second: number): (0 | 1)[][] {
  if (first === 0 && second === 0) return [[]];
  return [
    ...(first === 0 ? [] : orders(first - 1, second).map((rest) => [0 as const, ...rest])),
    ...(second === 0 ? [] : orders(first, second - 1).map((rest) => [1 as const, ...rest])),
  ];
}

/** Returns when a machine has its nth turn. */
function turnOf(order: readonly (0 | 1)[], machine: 0 | 1, nth: number): number {
  return order.flatMap((each, at) => (each === machine ? [at] : []))[nth - 1]!;
}

/** The requests of a machine: two looks, before and after it builds, the PUT, and the look after it. */
const requests = 4;

test('in every order of requests both succeed, and dependents are built on the image that has the tag', async () => {
  for (const order of orders(requests, requests)) {
    const registry = fakeRegistry();
    const machines = [machine(registry, 'one'), machine(registry, 'two')] as const;
    const plans = [
      await machines[0].project.plan({ selectors: ['base'] }),
      await machines[1].project.plan({ selectors: ['base'] }),
    ];
    for (const { gate } of machines) gate.close();
    const runs = plans.map((plan) => plan.run());
    for (const turn of order) await machines[turn]!.gate.step();
    for (const { gate } of machines) gate.open();
    const results = await Promise.all(runs);
    assert.equal(
      results.map(({ outcome }) => outcome),
      ['ok', 'ok'],
      order.join(''),
    );
    const [tag] = Object.keys(registry.tagDigests('test/base')).filter((name) =>
      /-k[0-9a-f]{12}$/.test(name),
    );
    const digest = registry.tagDigests('test/base')[tag!];
    const used = results.map(({ results: each }) => each.get('base:latest')!.manifestDigest);
    assert.ok(used.includes(digest), order.join(''));
    for (const each of [0, 1] as const)
      if (turnOf(order, each, requests) > turnOf(order, each === 0 ? 1 : 0, requests - 1))
        assert.is(used[each], digest, `${order.join('')}: ${each} looked after the other one's PUT`);

    // A machine that was overtaken after its last look finds out in the next run.
    for (const { project } of machines) {
      const { outcome } = await project.build();
      assert.is(outcome, 'ok');
    }
    const apps = Object.entries(registry.tagDigests('test/app')).filter(([name]) =>
      /-k[0-9a-f]{12}$/.test(name),
    );
    assert.is(apps.length, 1);
    const made = (await registry.image(`test/app@${apps[0]![1]}`, 'linux/amd64'))!;
    assert.match(made.labels[needsLabel]!, new RegExp(digest!), order.join(''));
  }
});

test('the first writer wins: who looks after it adopts its image before dependents start', async () => {
  const registry = fakeRegistry();
  const [one, two] = [machine(registry, 'one'), machine(registry, 'two')];
  const plan = await two.project.plan();
  await one.project.build();
  const { results } = await plan.run();
  const tags = registry.tagDigests('test/base');
  const [tag] = Object.keys(tags).filter((name) => /-k[0-9a-f]{12}$/.test(name));
  assert.is(results.get('base:latest')?.manifestDigest, tags[tag!]);
  assert.equal(two.project.outcomes(), { 'base:latest': 'reused', 'app:latest': 'reused' });
});

test('a tag that another program keeps moving to something else fails the task', async () => {
  const registry = fakeRegistry();
  const { project } = machine(registry, 'one');
  registry.afterCall = ({ method, name }) => {
    if (method !== 'put') return;
    const foreign = { id: `sha256:${'f'.repeat(64)}`, labels: {}, platform: 'linux/amd64', created: 0 };
    registry.push(name, foreign);
  };
  const { outcome } = await project.build({ selectors: ['base'] });
  assert.is(outcome, 'failed');
  const failure = project.events.find(
    (event) => event.type === 'task-finished' && event.outcome === 'failed',
  );
  assert.match(JSON.stringify(failure), /keeps moving the tag/);
});

test('--force replaces the tag', async () => {
  const registry = fakeRegistry();
  const [one, two] = [machine(registry, 'one'), machine(registry, 'two')];
  await one.project.build({ selectors: ['base'] });
  const before = Object.values(registry.tagDigests('test/base'));
  await two.project.build({ selectors: ['base'], force: true });
  assert.is.not(Object.values(registry.tagDigests('test/base')).join(), before.join());
});

test('an image with other labels than were asked for gets no tag', async () => {
  const registry = fakeRegistry();
  const { project } = machine(registry, 'one');
  const [node] = project.nodes!;
  const { build } = node!.builder;
  project.nodes = [
    {
      ...node!,
      builder: {
        ...node!.builder,
        build: (request, progress, signal) => build({ ...request, labels: {} }, progress, signal),
      },
    },
  ];
  const { outcome } = await project.build({ selectors: ['base'] });
  assert.is(outcome, 'failed');
  assert.equal(Object.keys(registry.tagDigests('test/base')), []);
});

test.run();
