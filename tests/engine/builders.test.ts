// BuildKit without the API of a docker engine: at an address, and by a builder of buildx. A bridge to this machine's engine stands in
// for buildkitd, so images are in that engine's store.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { execa } from 'execa';
import { suite } from 'uvu';
import { makeBuilder } from '../../src/engine/build.ts';
import { type BuilderAddress, dialerOfBuilder } from '../../src/engine/builder-address.ts';
import { engineTarget } from '../../src/engine/built-image.ts';
import { dockerEngine } from '../../src/engine/docker.ts';
import { resolveEndpoint } from '../../src/engine/endpoint.ts';
import type { Environment } from '../../src/model/environment.ts';
import { type Bridge, startBridge } from '../support/buildkit-bridge.ts';
import { busybox } from '../support/busybox.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { engineSuite, type SuiteEngine } from '../support/engine-suite.ts';
import { testLabel } from '../support/suite-request.ts';
import { tempFolder } from '../support/temp.ts';

const never = new AbortController().signal;
const socket = path.join(tempFolder(), 'buildkitd.sock');

interface Found {
  readonly address: BuilderAddress;
  readonly environment?: Environment;
}

/** Starts a bridge, and opens a suite's engine that builds through it. `find` returns the builder, and the environment for it. */
async function openBuilder(
  listen: string | number,
  find: (bridge: Bridge) => Found | Promise<Found>,
): Promise<SuiteEngine> {
  const api = await connectTestEngine();
  const endpoint = resolveEndpoint(process.env);
  if (endpoint.kind !== 'unix') throw new Error(`these tests need a local engine, not ${endpoint.url}`);
  const bridge = await startBridge(endpoint.path, listen);
  const { address, environment = process.env } = await find(bridge);
  const engine = dockerEngine(process.env, { signal: never });
  const builder = makeBuilder({
    target: engineTarget(api),
    ...dialerOfBuilder(address, environment),
    apiVersion: async () => undefined,
    proxies: {},
    login: async () => undefined,
    environment,
    signal: never,
  });
  const program = busybox();
  return {
    engine: { ...engine, build: builder.build, grants: builder.grants },
    files: { 'bin/sh': program, 'bin/sleep': program, 'bin/cat': program },
    close: async () => {
      bridge.close();
      await removeImages(api, testLabel, String(process.pid));
    },
  };
}

engineSuite('a buildkitd at a unix socket', () =>
  openBuilder(socket, () => ({ address: { kind: 'unix', path: socket } })),
);

engineSuite('a buildkitd at a TCP port', () =>
  openBuilder(0, ({ port }) => ({
    address: { kind: 'tcp', host: '127.0.0.1', port },
  })),
);

/** Builders of the test are apart from those of the user. */
async function createBuildxBuilder(): Promise<Environment> {
  const environment = { ...process.env, BUILDX_CONFIG: tempFolder() };
  const args = ['buildx', 'create', '--name=node', '--driver=remote', `unix://${socket}-2`];
  // Not `execFileSync`: buildx looks at the node, whose bridge is in this process.
  await execa('docker', args, { env: environment });
  return environment;
}

// Debian 12 has no package of buildx. A client without it answers `--help` all the same.
const help = spawnSync('docker', ['buildx', 'dial-stdio', '--help'], { encoding: 'utf8' });
if (help.stdout?.includes('buildx dial-stdio')) {
  engineSuite('a builder of buildx', () =>
    openBuilder(`${socket}-2`, async () => ({
      address: { kind: 'buildx', name: 'node' },
      environment: await createBuildxBuilder(),
    })),
  );
} else {
  const test = suite('a builder of buildx (skipped: the docker client has no `buildx dial-stdio`)');
  test.skip('builds as an engine does', () => undefined);
  test.run();
}
