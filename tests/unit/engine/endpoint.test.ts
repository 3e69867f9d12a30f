import { createHash } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Machine, resolveEndpoint } from '../../../src/engine/endpoint.ts';
import { TasksError } from '../../../src/model/errors.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';

const test = suite('the endpoint of the engine');

/** A machine on which only these files exist. */
const machineWith = (...files: string[]): Machine => ({ exists: (file) => files.includes(file), uid: 7 });
const empty = machineWith();

/** Creates a docker configuration with a context `work`, and returns its folder. */
function createConfig(endpoint: object, files: Readonly<Record<string, string>> = {}): string {
  const folder = tempFolder();
  writeFiles(folder, {
    [`contexts/meta/${workId}/meta.json`]: JSON.stringify({ Name: 'work', Endpoints: { docker: endpoint } }),
    ...files,
  });
  return folder;
}
const workId = createHash('sha256').update('work').digest('hex');

/** Returns what an address means, without where it comes from. */
function parse(DOCKER_HOST: string, more: Record<string, string> = {}): unknown {
  const { url, origin, ...rest } = resolveEndpoint({ HOME: '/me', DOCKER_HOST, ...more }, empty);
  return rest;
}

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assert.instance(error, TasksError);
    assert.is((error as TasksError).exitCode, 3);
    return (error as Error).message;
  }
  return assert.unreachable() as never;
}

test('DOCKER_HOST overrides DOCKER_CONTEXT, which overrides the current context, which overrides the default socket', () => {
  const Host = 'tcp://build:2375';
  const isCurrent = createConfig({ Host }, { 'config.json': '{"currentContext":"work"}' });
  const isNotCurrent = createConfig({ Host }, { 'config.json': '{}' });
  const url = (environment: Record<string, string>): string =>
    resolveEndpoint({ HOME: '/nowhere', ...environment }, empty).url;
  assert.is(url({}), 'unix:///var/run/docker.sock');
  assert.is(url({ DOCKER_CONFIG: isCurrent }), Host);
  assert.is(url({ DOCKER_CONFIG: isCurrent, DOCKER_CONTEXT: 'default' }), 'unix:///var/run/docker.sock');
  assert.is(url({ DOCKER_CONFIG: isNotCurrent }), 'unix:///var/run/docker.sock');
  assert.is(url({ DOCKER_CONFIG: isNotCurrent, DOCKER_CONTEXT: 'work' }), Host);
  assert.is(url({ DOCKER_CONFIG: isCurrent, DOCKER_CONTEXT: 'x', DOCKER_HOST: 'unix:///y' }), 'unix:///y');
  assert.is(url({ DOCKER_TLS_VERIFY: '1' }), 'tcp://localhost:2376', 'the default if TLS is enabled');
  assert.is(url({ DOCKER_CONFIG: isCurrent, DOCKER_TLS: '1' }), Host);
  assert.match(
    messageOf(() => url({ DOCKER_CONFIG: isCurrent, DOCKER_CONTEXT: 'other' })),
    /the docker context "other" does not exist/,
  );
});

test('without settings: the default socket, or else that of a rootless engine or of Docker Desktop', () => {
  const [system, mine, numbered] = ['/var/run/docker.sock', '/run/me/docker.sock', '/run/user/7/docker.sock'];
  const [desktop, old] = ['/me/.docker/run/docker.sock', '/me/.docker/desktop/docker.sock'];
  const choose = (...files: string[]): string[] => {
    const { url, origin } = resolveEndpoint(
      { HOME: '/me', XDG_RUNTIME_DIR: '/run/me' },
      machineWith(...files),
    );
    return [url.slice('unix://'.length), origin];
  };
  assert.equal(choose(), [system, 'default']);
  assert.equal(choose(old, desktop, numbered, mine, system), [system, 'default']);
  assert.equal(choose(old, desktop, numbered, mine), [mine, 'rootless docker']);
  assert.equal(choose(old, desktop, numbered), [numbered, 'rootless docker']);
  assert.equal(choose(old, desktop), [desktop, 'Docker Desktop']);
  assert.equal(choose(old), [old, 'Docker Desktop']);
  const chosen = resolveEndpoint({ HOME: '/me', DOCKER_HOST: 'unix:///gone' }, machineWith(mine));
  assert.is(chosen.url, 'unix:///gone', 'a setting is never replaced');
});

test('addresses of sockets and of TCP, as docker reads them', () => {
  const defaultSocket = { kind: 'unix', path: '/var/run/docker.sock' };
  assert.equal(parse('unix:///a/b'), { kind: 'unix', path: '/a/b' });
  assert.equal(parse('unix://'), defaultSocket);
  assert.equal(parse('tcp://h:1234'), { kind: 'tcp', host: 'h', port: 1234 });
  assert.equal(parse(' tcp://h:1234/ '), { kind: 'tcp', host: 'h', port: 1234 });
  assert.equal(parse('http://h'), { kind: 'tcp', host: 'h', port: 2375 });
  assert.equal(parse('tcp://[::1]'), { kind: 'tcp', host: '::1', port: 2375 });
  assert.equal(parse('tcp://'), { kind: 'tcp', host: 'localhost', port: 2375 });
  assert.equal(parse('h:1'), { kind: 'tcp', host: 'h', port: 1 });
  for (const wrong of ['npipe:////./pipe/docker', 'fd://', 'tcp://h:1/path', 'tcp://h h:1', 'x://h'])
    assert.match(
      messageOf(() => parse(wrong)),
      `DOCKER_HOST has an invalid engine address: "${wrong}"`,
    );
});

test('TLS by variables: any value enables it, DOCKER_TLS_VERIFY verifies, the certificates are in ~/.docker', () => {
  const tls = (more: Record<string, string>): unknown =>
    (parse('tcp://h:2376', more) as { tls?: unknown }).tls;
  const [verified, unverified] = [
    { folder: '/me/.docker', verify: true, needsCa: true },
    { folder: '/me/.docker', verify: false, needsCa: false },
  ];
  for (const value of ['1', '0']) {
    assert.equal(tls({ DOCKER_TLS_VERIFY: value }), verified);
    assert.equal(tls({ DOCKER_TLS: value }), unverified);
  }
  assert.equal(tls({ DOCKER_TLS: '', DOCKER_TLS_VERIFY: '' }), undefined);
  assert.equal(tls({ DOCKER_TLS: '1', DOCKER_TLS_VERIFY: '1' }), verified);
  assert.equal(tls({ DOCKER_TLS: '1', DOCKER_CONFIG: '/c' }), { ...unverified, folder: '/c' });
  assert.equal(tls({ DOCKER_TLS: '1', DOCKER_CERT_PATH: '/p' }), { ...unverified, folder: '/p' });
  assert.equal(parse('unix:///s', { DOCKER_TLS_VERIFY: '1' }), { kind: 'unix', path: '/s' });
});

test('TLS of a context: its own certificates and SkipTLSVerify count, the variables do not', () => {
  const tls = (settings: object, files: Readonly<Record<string, string>> = {}): unknown => {
    const DOCKER_CONFIG = createConfig({ Host: 'tcp://h:2376', ...settings }, files);
    const environment = {
      DOCKER_CONFIG,
      DOCKER_CONTEXT: 'work',
      DOCKER_TLS_VERIFY: '1',
      DOCKER_CERT_PATH: '/',
    };
    const endpoint = resolveEndpoint(environment, empty);
    if (endpoint.kind !== 'tls') return undefined;
    const { folder, ...rest } = endpoint.tls;
    const isOwn = folder === `${DOCKER_CONFIG}/contexts/tls/${workId}/docker`;
    return { ...rest, folder: isOwn ? 'own' : folder };
  };
  const verified = { verify: true, needsCa: false };
  assert.equal(tls({}), undefined);
  assert.equal(tls({ SkipTLSVerify: false }), undefined);
  assert.equal(tls({ SkipTLSVerify: true }), { verify: false, needsCa: false, folder: undefined });
  for (const pem of ['ca.pem', 'cert.pem', 'key.pem']) {
    const files = { [`contexts/tls/${workId}/docker/${pem}`]: '' };
    assert.equal(tls({}, files), { ...verified, folder: 'own' }, pem);
    assert.equal(tls({ SkipTLSVerify: true }, files), { ...verified, verify: false, folder: 'own' }, pem);
  }
});

test.run();
