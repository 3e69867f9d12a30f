import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withAbsolutePaths } from '../../../src/cli/environment.ts';

const test = suite('paths in the environment');

test('relative paths start where the person stands', () => {
  assert.equal(withAbsolutePaths({ DOCKER_CONFIG: 'cfg', SSL_CERT_FILE: '../ca.pem' }, '/home/me'), {
    DOCKER_CONFIG: '/home/me/cfg',
    SSL_CERT_FILE: '/home/ca.pem',
  });
});

test('what holds no relative path stays the same object', () => {
  const environment = { DOCKER_CONFIG: '/etc/docker', SSL_CERT_FILE: '', CI: 'cfg' };
  assert.is(withAbsolutePaths(environment, '/home/me'), environment);
});

test.run();
