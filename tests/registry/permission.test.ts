import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Registry } from '../../src/model/registry.ts';
import { credentialsFor } from '../../src/registry/credentials.ts';
import { dockerRegistry } from '../../src/registry/registry.ts';
import { hasRegistry, type RealRegistry, restart, startRegistry, user } from '../support/registry.ts';
import { registryErrorOf } from '../support/registry-error.ts';
import { logIn } from '../support/release.ts';

const test = suite("permissions with docker's credentials");

function registryAs(host: string, login: string | undefined): Registry {
  return dockerRegistry({ DOCKER_CONFIG: logIn(host, login) }, new AbortController().signal, {
    tries: 1,
    timeoutMs: 5_000,
  });
}

if (hasRegistry) {
  let real: RealRegistry;
  test.before(async () => {
    real = await startRegistry({ auth: true });
  });
  test.after(async () => await real.stop());

  test('mayPush succeeds with valid credentials', async () => {
    await registryAs(real.host, `${user.username}:${user.password}`).mayPush(`${real.host}/team/app`);
  });

  test('reports missing or wrong credentials without printing them', async () => {
    for (const [login, message, hint] of [
      [undefined, `login required to push to ${real.host}/team/app`, 'docker login'],
      ['me:wr0ng-pw', 'rejected the credentials of me for team/app', 'log in again: docker login'],
    ] as const) {
      const error = await registryErrorOf(registryAs(real.host, login).mayPush(`${real.host}/team/app`));
      assert.equal([error.problem, error.exitCode], ['denied', 3]);
      assert.ok(error.message.includes(message), error.message);
      assert.ok(error.hint?.includes(`${hint} ${real.host}`), error.hint);
      assert.not.match(`${error.stack} ${error.hint} ${JSON.stringify(error)}`, /wr0ng-pw|bWU6/);
    }
  });

  test('a delete with wrong credentials fails as `denied` instead of returning `refused`', async () => {
    const name = `${real.host}/team/app`;
    const registry = registryAs(real.host, 'me:wr0ng-pw');
    assert.is((await registryErrorOf(registry.untag(`${name}:1`))).problem, 'denied');
  });

  test('a stopped registry is unreachable, and works again after a restart', async () => {
    const registry = registryAs(real.host, `${user.username}:${user.password}`);
    const name = `${real.host}/team/app:kept`;
    await registry.write(name, 'text');
    await real.stop();
    const error = await registryErrorOf(registry.mayPush(`${real.host}/team/app`));
    assert.is(error.problem, 'unreachable');
    real = await restart(real);
    assert.is(await registry.read(name), 'text');
  });

  test('finds the credentials for an image by its host', async () => {
    const find = credentialsFor({ DOCKER_CONFIG: logIn(real.host, 'me:pw') });
    assert.equal(await find(`${real.host}/team/app:1`), { username: 'me', password: 'pw' });
    assert.is(await find('debian:12'), undefined);
  });
} else test.skip('docker-registry is not installed');

test.run();
