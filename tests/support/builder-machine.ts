// A builder with two nodes: docker engines of this test behind bridges, which clients take for buildkitd. See
// scripts/with-engine.mjs, in whose network they run.
import type { ChildProcess } from 'node:child_process';
import { execa } from 'execa';
import { type Bridge, startBridge } from './buildkit-bridge.ts';
import {
  createPrivateEngine,
  type PrivateEngine,
  type PrivateEngineOptions,
  privateEngineUnavailable,
} from './private-engine.ts';
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

/** Starts two nodes, and creates the builder `ci` of buildx with them. By default they reach the registries of the test. */
export async function startTestBuilder(
  options: Omit<PrivateEngineOptions, 'store'> = {},
): Promise<TestBuilder> {
  const nodes = await Promise.all([startNode(options), startNode(options)]);
  const environment = { BUILDX_CONFIG: tempFolder(), DOCKER_HOST: 'unix:///nowhere/docker.sock' };
  // Not `execFileSync`: buildx looks at the node, whose bridge is in this process.
  const create = async (address: string, ...more: string[]): Promise<unknown> =>
    await execa('docker', ['buildx', 'create', '--name=ci', ...more, address], { env: environment });
  await create(nodes[0].address, '--driver=remote');
  await create(nodes[1].address, '--append');
  return {
    nodes,
    environment,
    close: async () => {
      for (const { bridge } of nodes) bridge.close();
      await Promise.all(nodes.map(({ engine }) => engine.close()));
    },
  };
}

/** Returns the first node of a run with --json whose build prints a line that begins with a word. */
export async function nodeThatPrints({ stdout }: ChildProcess, word: string): Promise<string> {
  return await new Promise((resolve) => {
    let text = '';
    stdout?.on('data', (data: Buffer) => {
      text += data;
      const started = /"type":"task-started"[^\n]*"node":"(ci\d)"/.exec(text);
      if (started !== null && new RegExp(`"line":"#\\d+ ${word}`).test(text)) resolve(started[1]!);
    });
  });
}

async function startNode(options: Omit<PrivateEngineOptions, 'store'>): Promise<TestNode> {
  const engine = createPrivateEngine({ sharesNetwork: true, ...options, store: 'containerd' });
  await engine.start();
  const bridge = await startBridge(engine.env.DOCKER_HOST!.replace('unix://', ''), 0);
  return { engine, bridge, address: `tcp://127.0.0.1:${bridge.port}` };
}
