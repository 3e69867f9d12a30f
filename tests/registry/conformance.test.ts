import { suite } from 'uvu';
import { openRegistry } from '../../src/registry/registry.ts';
import { hasRegistry, startRegistry, user } from '../support/registry.ts';
import { registrySuite } from '../support/registry-suite.ts';

if (hasRegistry)
  for (const auth of [false, true])
    for (const deletes of [true, false])
      registrySuite(
        `docker-registry, ${auth ? 'with a password' : 'without a password'}, deletes ${deletes ? 'on' : 'off'}`,
        async () => {
          const { host, putBlob, stop } = await startRegistry({ auth, deletes });
          const registry = openRegistry({
            credentials: async () => (auth ? user : undefined),
            timing: { now: Date.now, sleep: async () => undefined, random: () => 0.5 },
            signal: new AbortController().signal,
            timeoutMs: 10_000,
            tries: 3,
          });
          return { registry, host, deletes, putBlob, close: stop };
        },
      );
else {
  const test = suite('registry: docker-registry');
  test.skip('not installed');
  test.run();
}
