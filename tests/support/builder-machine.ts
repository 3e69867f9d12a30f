// A builder with two nodes: docker engines of this test behind bridges, which clients take for buildkitd. See
// scripts/with-engine.mjs, in whose network they run.
import { execFileSync } from 'node:child_process';
import { type Bridge, startBridge } from './buildkit-bridge.ts';
import { createPrivateEngine, type PrivateEngine, privateEngineUnavailable } from './private-engine.ts';
import { hasRegistry } from './registry.ts';
import { tempFolder } from './temp.ts';

/** Why there are no builder nodes on this machine; undefined if there are. */
export const builderUnavailable =
  process.env.TASKS_TEST_ENGINE_STORE !== 'containerd'
    ? 'run it with scripts/with-engine.mjs, whose docker has the image store of containerd'
    : hasRegistry
      ? privateEngineUnavailable
      : 'there is no docker-registry';

export interface TestNode {
  readonly engine: PrivateEngine;
  readonly bridge: Bridge;
  /** `tcp://127.0.0.1:PORT` */
  readonly address: string;
}

export interface TestBuilder {
  readonly nodes: readonly [TestNode, TestNode];
  /** The environment in which the builder `ci` has both nodes, `ci0` and `ci1`, and there is no docker engine. */
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Starts two nodes, and creates the builder `ci` of buildx with them. */
export async function startTestBuilder(): Promise<TestBuilder> {
  const nodes = await Promise.all([startNode(), startNode()]);
  const environment = { BUILDX_CONFIG: tempFolder(), DOCKER_HOST: 'unix:///nowhere/docker.sock' };
  const create = (address: string, ...more: string[]): unknown =>
    execFileSync('docker', ['buildx', 'create', '--name=ci', ...more, address], {
      env: { ...process.env, ...environment },
      stdio: 'ignore',
    });
  create(nodes[0].address, '--driver=remote');
  create(nodes[1].address, '--append');
  return {
    nodes,
    environment,
    close: async () => {
      for (const { bridge } of nodes) bridge.close();
      await Promise.all(nodes.map(({ engine }) => engine.close()));
    },
  };
}

async function startNode(): Promise<TestNode> {
  const engine = createPrivateEngine({ store: 'containerd', sharesNetwork: true });
  await engine.start();
  const bridge = await startBridge(engine.env.DOCKER_HOST!.replace('unix://', ''), 0);
  return { engine, bridge, address: `tcp://127.0.0.1:${bridge.port}` };
}
