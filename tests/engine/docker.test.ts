import { dockerEngine } from '../../src/engine/docker.ts';
import { openRegistry } from '../../src/registry/registry.ts';
import { busybox } from '../support/busybox.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { engineSuite, type SuiteRegistry } from '../support/engine-suite.ts';
import { hasRegistry, type RealRegistry, startRegistry, user } from '../support/registry.ts';
import { testLabel } from '../support/suite-request.ts';

engineSuite('docker', async () => {
  const api = await connectTestEngine();
  const program = busybox();
  const server = hasRegistry ? await startRegistry({ auth: true }) : undefined;
  return {
    engine: dockerEngine(process.env, { signal: new AbortController().signal }),
    // busybox runs the program that it is named after.
    files: { 'bin/sh': program, 'bin/sleep': program, 'bin/cat': program },
    ...(server === undefined ? {} : { remote: remoteOf(server) }),
    close: async () => {
      await removeImages(api, testLabel, String(process.pid));
      await server?.stop();
    },
  };
});

function remoteOf({ host }: RealRegistry): SuiteRegistry {
  const registry = openRegistry({
    credentials: async () => user,
    timing: { now: Date.now, sleep: async () => undefined, random: () => 0.5 },
    signal: new AbortController().signal,
    timeoutMs: 10_000,
    tries: 3,
  });
  const wrong = { ...user, password: 'wr0ng' };
  const denied = [undefined, wrong].map((credentials) => ({ host, credentials }));
  return { registry, host, credentials: user, denied };
}
