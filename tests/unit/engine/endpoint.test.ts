import { createHash } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { resolveEndpoint } from '../../../src/engine/endpoint.ts';
import { TasksError } from '../../../src/model/errors.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';

const test = suite('the endpoint of the engine');

/** Creates a docker configuration with a context `work`, and returns its folder. */
function createConfig(address: string, isCurrent: boolean): string {
  const folder = tempFolder();
  const id = createHash('sha256').update('work').digest('hex');
  writeFiles(folder, {
    'config.json': JSON.stringify(isCurrent ? { currentContext: 'work' } : {}),
    [`contexts/meta/${id}/meta.json`]: JSON.stringify({
      Name: 'work',
      Endpoints: { docker: { Host: address } },
    }),
  });
  return folder;
}

test('DOCKER_HOST overrides DOCKER_CONTEXT, which overrides the current context, which overrides the default socket', () => {
  const DOCKER_CONFIG = createConfig('tcp://build:2375', true);
  const url = (environment: Record<string, string>): string =>
    resolveEndpoint({ HOME: '/nowhere', ...environment }).url;
  assert.is(url({}), 'unix:///var/run/docker.sock');
  assert.is(url({ DOCKER_CONFIG }), 'tcp://build:2375');
  assert.is(url({ DOCKER_CONFIG, DOCKER_CONTEXT: 'default' }), 'unix:///var/run/docker.sock');
  assert.is(url({ DOCKER_CONFIG: createConfig('unix:///x', false), DOCKER_CONTEXT: 'work' }), 'unix:///x');
  assert.is(url({ DOCKER_CONFIG, DOCKER_HOST: 'unix:///y' }), 'unix:///y');
  assert.is(url({ DOCKER_TLS_VERIFY: '1' }), 'tcp://localhost:2376', 'the default if TLS is enabled');
  assert.is(url({ DOCKER_CONFIG, DOCKER_TLS: '1' }), 'tcp://build:2375');
});

test('unix and tcp addresses are connected to directly, others through the client', () => {
  const kind = (DOCKER_HOST: string, more = {}): unknown => {
    const { url, origin, context, ...rest } = resolveEndpoint({ DOCKER_HOST, ...more });
    return rest;
  };
  assert.equal(kind('unix:///a/b'), { kind: 'unix', path: '/a/b' });
  assert.equal(kind('tcp://h:1234'), { kind: 'tcp', host: 'h', port: 1234 });
  assert.equal(kind('tcp://[::1]'), { kind: 'tcp', host: '::1', port: 2375 });
  assert.equal(kind('ssh://me@h'), { kind: 'client' });
  // Any non-empty value enables TLS, as in the client.
  for (const name of ['DOCKER_TLS_VERIFY', 'DOCKER_TLS'])
    for (const value of ['1', '0'])
      assert.equal(kind('tcp://h:2376', { [name]: value }), { kind: 'client' }, name);
  assert.is(
    (kind('tcp://h:2375', { DOCKER_TLS: '', DOCKER_TLS_VERIFY: '' }) as { kind: string }).kind,
    'tcp',
  );
  assert.throws(
    () => kind('h:1'),
    (error: Error) => error instanceof TasksError && error.exitCode === 3,
  );
});

test('any TLS setting or file of a context enables TLS, verified or not', () => {
  const kindOf = (settings: object, pems: readonly string[] = []): string => {
    const id = createHash('sha256').update('work').digest('hex');
    const DOCKER_CONFIG = tempFolder();
    writeFiles(DOCKER_CONFIG, {
      [`contexts/meta/${id}/meta.json`]: JSON.stringify({
        Name: 'work',
        Endpoints: { docker: { Host: 'tcp://h:2376', ...settings } },
      }),
      ...Object.fromEntries(pems.map((pem) => [`contexts/tls/${id}/docker/${pem}`, ''])),
    });
    return resolveEndpoint({ DOCKER_CONFIG, DOCKER_CONTEXT: 'work', DOCKER_TLS_VERIFY: '1' }).kind;
  };
  assert.is(kindOf({}), 'tcp');
  assert.is(kindOf({ SkipTLSVerify: false }), 'tcp');
  assert.is(kindOf({ SkipTLSVerify: true }), 'client');
  for (const pem of ['ca.pem', 'cert.pem', 'key.pem']) assert.is(kindOf({}, [pem]), 'client', pem);
});

test.run();
