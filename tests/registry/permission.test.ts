import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Registry, RegistryError } from '../../src/model/registry.ts';
import { credentialsFor } from '../../src/registry/credentials.ts';
import { dockerRegistry } from '../../src/registry/registry.ts';
import { hasRegistry, type RealRegistry, restart, startRegistry, user } from '../support/registry.ts';
import { tempFolder, writeFiles } from '../support/temp.ts';

const test = suite("permission, by docker's configuration");

/** An environment in which docker has logged in to a host. */
function loggedIn(host: string, words: string | undefined): Record<string, string> {
  const folder = tempFolder();
  const auths = words === undefined ? {} : { [host]: { auth: Buffer.from(words).toString('base64') } };
  writeFiles(folder, { 'config.json': JSON.stringify({ auths }) });
  return { DOCKER_CONFIG: folder };
}

function registryAs(host: string, words: string | undefined): Registry {
  return dockerRegistry(loggedIn(host, words), new AbortController().signal, { tries: 1, timeoutMs: 5_000 });
}

async function failure(work: Promise<unknown>): Promise<RegistryError> {
  const error = await work.then(
    () => undefined,
    (each: unknown) => each,
  );
  assert.instance(error, RegistryError);
  return error as RegistryError;
}

if (hasRegistry) {
  let real: RealRegistry;
  test.before(async () => {
    real = await startRegistry({ auth: true });
  });
  test.after(async () => await real.stop());

  test('whoever may push may', async () => {
    await registryAs(real.host, `${user.username}:${user.password}`).mayPush(`${real.host}/team/app`);
  });

  test('nobody, and somebody with a wrong password, is told so before anything else, without a secret', async () => {
    for (const [words, message, hint] of [
      [undefined, `login required to push to ${real.host}/team/app`, 'docker login'],
      ['me:wr0ng-pw', 'rejected the credentials of me for team/app', 'log in again: docker login'],
    ] as const) {
      const error = await failure(registryAs(real.host, words).mayPush(`${real.host}/team/app`));
      assert.equal([error.problem, error.exitCode], ['denied', 3]);
      assert.ok(error.message.includes(message), error.message);
      assert.ok(error.hint?.includes(`${hint} ${real.host}`), error.hint);
      assert.not.match(`${error.stack} ${error.hint} ${JSON.stringify(error)}`, /wr0ng-pw|bWU6/);
    }
  });

  test('where we may not delete because we are nobody, that is told, and is no refusal to delete', async () => {
    const name = `${real.host}/team/app`;
    const registry = registryAs(real.host, 'me:wr0ng-pw');
    assert.is((await failure(registry.untag(`${name}:1`))).problem, 'denied');
    assert.is((await failure(registry.remove(`${name}@sha256:${'0'.repeat(64)}`))).problem, 'denied');
  });

  test('a registry that does not run is unreachable; one that came back goes on with what it had', async () => {
    const registry = registryAs(real.host, `${user.username}:${user.password}`);
    const name = `${real.host}/team/app:kept`;
    await registry.write(name, 'text');
    await real.stop();
    const error = await failure(registry.mayPush(`${real.host}/team/app`));
    assert.is(error.problem, 'unreachable');
    real = await restart(real);
    assert.is(await registry.read(name), 'text');
  });

  test('an engine gets the credentials of the host that an image is pushed to', async () => {
    const find = credentialsFor(loggedIn(real.host, 'me:pw'));
    assert.equal(await find(`${real.host}/team/app:1`), { username: 'me', password: 'pw' });
    assert.is(await find('debian:12'), undefined);
  });
} else test.skip('docker-registry is not installed');

test.run();
