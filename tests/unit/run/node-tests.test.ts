import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { newOwner } from '../../../src/cache/owner.ts';
import { TasksError } from '../../../src/model/errors.ts';
import type { ConnectedNode, TestRequest } from '../../../src/model/ports.ts';
import type { TaskRecord } from '../../../src/model/record.ts';
import type { Services } from '../../../src/run/services.ts';
import { nodeRunner } from '../../../src/run/test-runner.ts';
import { silent } from '../../support/build-request.ts';
import { type FakeNode, fakeNode } from '../../support/fake-node.ts';
import { type FakeRegistry, fakeRegistry } from '../../support/fake-registry.ts';

const test = suite('tests on builder nodes');
const never = new AbortController().signal;
const record: TaskRecord = {
  key: 'k',
  task: 'app:1',
  imageId: 'sha256:1',
  needs: {},
  bytes: 0,
  durationMs: 0,
  tags: [],
  time: '',
};

function setUp(registry: FakeRegistry, nodes: readonly FakeNode[]) {
  const id = `sha256:${'1'.repeat(64)}`;
  const digest = registry.push('h/app:1', { id, labels: {}, platform: 'linux/amd64', created: 0 });
  const request: TestRequest = {
    imageId: `h/app@${digest}`,
    platform: 'linux/amd64',
    files: [],
    program: '/test',
    env: {},
    owner: newOwner(),
  };
  let connections = 0;
  const connect = async (): Promise<readonly ConnectedNode[]> => {
    connections++;
    return nodes.map((node) => ({ ...node, jobs: 1 }));
  };
  const memo = { memoize: <T>(_: string, compute: () => Promise<T>) => compute() };
  const services = { registryMode: { registry, nodes: [], connect }, memo } as unknown as Services;
  const run = nodeRunner(services);
  return { request, run, connections: () => connections };
}

const counts = (nodes: readonly FakeNode[]): number[] => nodes.map(({ tested }) => tested.length);

test('a test runs on the node that built the image; the nodes are connected to once', async () => {
  const registry = fakeRegistry();
  const nodes = [fakeNode('ci0', registry), fakeNode('ci1', registry)];
  const { request, run, connections } = setUp(registry, nodes);
  for (let round = 0; round < 3; round++)
    assert.equal(await run(request, { ...record, node: 'ci1' }, silent, never), { exitCode: 0 });
  assert.equal(counts(nodes), [0, 3]);
  assert.is(connections(), 1);
});

test('a test that fails is not run again elsewhere', async () => {
  const registry = fakeRegistry();
  const nodes = [fakeNode('ci0', registry), fakeNode('ci1', registry)];
  for (const { engine } of nodes) engine.testExit = 3;
  const { request, run } = setUp(registry, nodes);
  assert.equal(await run(request, record, silent, never), { exitCode: 3 });
  assert.equal(counts(nodes), [1, 0]);
});

test('a test whose node is lost runs once more on another one; after that it fails', async () => {
  const registry = fakeRegistry();
  const nodes = [fakeNode('ci0', registry), fakeNode('ci1', registry), fakeNode('ci2', registry)];
  nodes[0]!.isLost = true;
  const { request, run } = setUp(registry, nodes);
  assert.equal(await run(request, { ...record, node: 'ci0' }, silent, never), { exitCode: 0 });
  assert.equal(counts(nodes), [1, 1, 0]);
  for (const node of nodes) node.isLost = true;
  const error = await run(request, record, silent, never).catch((thrown: Error) => thrown);
  assert.instance(error, TasksError);
});

test('a test goes to a node that runs its platform; without one it fails with what to do', async () => {
  const registry = fakeRegistry();
  const nodes = [fakeNode('arm', registry, { native: 'linux/arm64' }), fakeNode('ci1', registry)];
  const { request, run } = setUp(registry, nodes);
  await run(request, { ...record, node: 'arm' }, silent, never);
  assert.equal(counts(nodes), [0, 1]);
  const error = await setUp(registry, [nodes[0]!])
    .run(request, record, silent, never)
    .catch((thrown: TasksError) => thrown);
  assert.match((error as TasksError).hint ?? '', 'add a node');
});

test('an image with ONBUILD instructions is not tested on a node', async () => {
  const registry = fakeRegistry();
  const nodes = [fakeNode('ci0', registry)];
  const { image } = registry;
  registry.image = async (name, platform) => ({ ...(await image(name, platform))!, onbuild: true });
  const { request, run } = setUp(registry, nodes);
  const error = await run(request, record, silent, never).catch((thrown: Error) => thrown);
  assert.match((error as Error).message, 'tasks test --builder default');
  assert.equal(counts(nodes), [0]);
});

test.run();
