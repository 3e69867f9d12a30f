import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import { resolveEndpoint } from '../../../src/engine/endpoint.ts';
import { proxyArgs } from '../../../src/engine/proxies.ts';
import { openMemo } from '../../../src/incremental/memo.ts';
import type { ObservedImage } from '../../../src/model/observed.ts';
import { graphOf, makeKeys, observe } from '../../support/graphs.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';

const test = suite("proxies in the docker client's configuration");

function argsOf(config: object | string, environment: Record<string, string> = {}): Record<string, string> {
  const folder = tempFolder();
  writeFiles(folder, { 'config.json': typeof config === 'string' ? config : JSON.stringify(config) });
  const all = { DOCKER_CONFIG: folder, ...environment };
  return proxyArgs(resolveEndpoint(all), all);
}

test('each proxy becomes a build arg in upper and in lower case', () => {
  const proxies = {
    default: { httpProxy: 'a', httpsProxy: 'b', noProxy: 'c', ftpProxy: 'd', allProxy: 'e' },
  };
  assert.equal(argsOf({ proxies }), {
    HTTP_PROXY: 'a',
    http_proxy: 'a',
    HTTPS_PROXY: 'b',
    https_proxy: 'b',
    NO_PROXY: 'c',
    no_proxy: 'c',
    FTP_PROXY: 'd',
    ftp_proxy: 'd',
    ALL_PROXY: 'e',
    all_proxy: 'e',
  });
  for (const withoutProxies of [
    {},
    { proxies: null },
    { proxies: { default: { httpProxy: '', other: 'x', noProxy: 7 } } },
  ])
    assert.equal(argsOf(withoutProxies), {});
  assert.equal(argsOf('no JSON', { DOCKER_HOST: 'unix:///x' }), {});
});

test("an engine's own proxies replace the default ones", () => {
  const engines: [string, string][] = [
    ['unix:///var/run/docker.sock', ''],
    ['unix:///other.sock', 'unix:///other.sock'],
    ['tcp://h:2375', 'tcp://h'],
    ['tcp://h:2376', 'tcp://h:2376'],
    ['tcp://h:2375', 'tcp://h:2375/'],
    ['tcp://[::1]:2375', 'tcp://[::1]:2375'],
    ['http://docker.example.com', 'ssh://me@build.example'],
  ];
  for (const [name, DOCKER_HOST] of engines) {
    const proxies = { default: { httpProxy: 'all', noProxy: 'x' }, [name]: { httpProxy: 'own' } };
    assert.equal(argsOf({ proxies }, { DOCKER_HOST }), { HTTP_PROXY: 'own', http_proxy: 'own' }, name);
    assert.is(argsOf({ proxies }, { DOCKER_HOST: 'unix:///third.sock' }).HTTP_PROXY, 'all');
  }
});

/** Returns the key and observation of an image with this Dockerfile if the builder adds these args. */
async function keyOf(
  dockerfile: string,
  builderArgs: Record<string, string>,
  args: Record<string, string> = {},
) {
  const root = tempFolder();
  writeFiles(root, { 'c/Dockerfile': dockerfile, 'c/x': '' });
  const graph = graphOf({ t: image({ name: 't', context: 'c', args }) });
  const memo = openMemo(`${root}/memo`, (message) => {
    throw new Error(message);
  });
  const observations = await observe(graph, ['t:latest'], {
    root,
    memo,
    environment: {},
    now: new Date(0),
    programId: 'test',
    lock: new Map(),
    builderArgs,
  });
  const { key, manifest } = makeKeys(graph, new Set(['t:latest']), observations).get('t:latest')!;
  const observed = observations.get('t:latest') as ObservedImage;
  return { key, lines: JSON.stringify(manifest.lines), builderArgs: observed.builderArgs };
}

const [one, two] = ['1', '2'].map((port) => ({
  HTTP_PROXY: `http://p:${port}`,
  http_proxy: `http://p:${port}`,
}));

test('only the proxies that a Dockerfile declares are in the key and in the build', async () => {
  const declared: [string, boolean][] = [
    ['FROM scratch\nCOPY x /\n', false],
    ['FROM scratch\nARG HTTP_PROXY\nCOPY x /\n', true],
    ['FROM scratch\nARG http_proxy\nCOPY x /\n', true],
    ['FROM scratch\nARG HTTP_PROXY=none\nENV P=$HTTP_PROXY\n', true],
    ['FROM scratch\nARG HTTPS_PROXY\nCOPY x /\n', false],
    ['FROM scratch AS other\nARG HTTP_PROXY\nFROM scratch\nCOPY x /\n', false],
    // Unknown syntax: everything counts.
    ['# syntax=example.com/other\nFROM scratch\nCOPY x /\n', true],
  ];
  for (const [dockerfile, counts] of declared) {
    const [first, second, none] = [
      await keyOf(dockerfile, one!),
      await keyOf(dockerfile, two!),
      await keyOf(dockerfile, {}),
    ];
    assert.is(first.key !== second.key, counts, dockerfile);
    assert.is(first.key !== none.key, counts, dockerfile);
    assert.is(first.builderArgs !== undefined, counts, dockerfile);
  }
});

test("the task's own arg overrides the builder's", async () => {
  const text = 'FROM scratch\nARG HTTP_PROXY\nCOPY x /\n';
  const own = { HTTP_PROXY: 'mine' };
  assert.is((await keyOf(text, one!, own)).key, (await keyOf(text, two!, own)).key);
});

test('COPY can use the value of a declared proxy', async () => {
  const text = 'FROM scratch\nARG HTTP_PROXY\nCOPY $HTTP_PROXY /\n';
  const keys = await Promise.all(['x', 'Dockerfile'].map((HTTP_PROXY) => keyOf(text, { HTTP_PROXY })));
  assert.match(keys[0]!.lines, /"file","x"/);
  assert.not.match(keys[1]!.lines, /"file","x"/);
});

test("a proxy's password changes the key, but is not in the manifest", async () => {
  const text = 'FROM scratch\nARG HTTP_PROXY\nCOPY x /\n';
  const [first, second] = await Promise.all(
    ['me:hunter2', 'me:hunter3'].map((user) => keyOf(text, { HTTP_PROXY: `http://${user}@p:1` })),
  );
  assert.is.not(first!.key, second!.key);
  assert.not.match(first!.lines, /hunter|me:/);
  assert.equal(first!.builderArgs, { HTTP_PROXY: 'http://me:hunter2@p:1' });
});

test.run();
