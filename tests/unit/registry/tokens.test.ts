import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Credentials, type Registry, RegistryError } from '../../../src/model/registry.ts';
import { openRegistry } from '../../../src/registry/registry.ts';

const test = suite('registry tokens');
const password = 's3cret-pw';
const me = { username: 'me', password };

interface Hub {
  readonly host: string;
  /** `METHOD path`, with digests as `D`. */
  readonly requests: string[];
  /** The scopes of each token request. */
  readonly scopes: string[][];
  registry(credentials: Credentials | undefined): Registry;
}

/**
 * Runs a registry with tokens, like Docker Hub and GHCR: a token grants only the scopes that the user may have, and a request
 * with too few scopes gets a 401. `allowed`: the actions of the user `me` by repository, such as `pull,push`.
 */
async function withHub(
  allowed: Readonly<Record<string, string>>,
  run: (hub: Hub) => Promise<void>,
): Promise<void> {
  const blobs = new Map<string, Buffer>();
  const requests: string[] = [];
  const tokenScopes: string[][] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (data: Buffer) => chunks.push(data));
    request.on('end', () => {
      const url = new URL(request.url!, 'http://x');
      const respond = (
        status: number,
        headers: Record<string, string> = {},
        body: string | Buffer = '',
      ): void => void response.writeHead(status, headers).end(body);
      if (url.pathname === '/token') {
        const scopes = url.searchParams.getAll('scope');
        tokenScopes.push(scopes);
        const basic = `Basic ${Buffer.from(`me:${password}`).toString('base64')}`;
        const { authorization } = request.headers;
        if (authorization !== undefined && authorization !== basic)
          return respond(401, {}, `no ${authorization}`);
        const granted = scopes.map((scope) => {
          const [, repository, actions] = scope.split(':') as [string, string, string];
          const may = authorization === undefined ? [] : (allowed[repository] ?? '').split(',');
          return `${repository}:${actions.split(',').filter((action) => may.includes(action))}`;
        });
        return respond(200, {}, JSON.stringify({ token: Buffer.from(granted.join(' ')).toString('base64') }));
      }
      const [, repository = '', rest = ''] =
        /^\/v2\/(.+?)\/((?:blobs|manifests|tags)\/.*)$/.exec(url.pathname) ?? [];
      requests.push(`${request.method} ${repository}/${rest.replace(/sha256:\w+/, 'D')}`);
      const needed = { GET: 'pull', HEAD: 'pull', DELETE: rest.startsWith('blobs') ? 'push' : 'delete' }[
        request.method!
      ];
      const token = Buffer.from((request.headers.authorization ?? '').slice(7), 'base64').toString('utf8');
      const has = (name: string, action: string): boolean =>
        token.split(' ').some((grant) => {
          const [granted, actions = ''] = grant.split(':');
          return granted === name && actions.split(',').includes(action);
        });
      if (!has(repository, needed ?? 'push'))
        return respond(401, {
          'www-authenticate': `Bearer realm="http://${request.headers.host}/token",service="hub",error="insufficient_scope"`,
        });
      const mounted = url.searchParams.get('mount');
      const source = url.searchParams.get('from');
      if (request.method === 'POST') {
        const blob = source !== null && has(source, 'pull') ? blobs.get(`${source} ${mounted}`) : undefined;
        const isMounted = blob !== undefined;
        if (isMounted) blobs.set(`${repository} ${mounted}`, blob);
        return respond(isMounted ? 201 : 202, { location: `/v2/${repository}/blobs/uploads/1?state=a%3D` });
      }
      if (request.method === 'PUT') {
        const body = Buffer.concat(chunks);
        const real = `sha256:${createHash('sha256').update(body).digest('hex')}`;
        if (rest.startsWith('blobs') && url.searchParams.get('state') !== 'a=') return respond(404);
        blobs.set(`${repository} ${real}`, body).set(`${repository} ${rest.split('/')[1]}`, body);
        return respond(201, { 'docker-content-digest': real });
      }
      if (request.method === 'DELETE') return respond(rest.startsWith('blobs') ? 204 : 405);
      const found = blobs.get(`${repository} ${rest.split('/')[1]}`);
      return found === undefined
        ? respond(404)
        : respond(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }, found);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const registry = (credentials: Credentials | undefined): Registry =>
    openRegistry({
      credentials: async () => credentials,
      timing: { now: () => 0, sleep: async () => undefined, random: () => 0.5 },
      signal: new AbortController().signal,
      timeoutMs: 2_000,
      tries: 2,
    });
  try {
    await run({ host, requests, scopes: tokenScopes, registry });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function denialOf(work: Promise<unknown>): Promise<RegistryError> {
  const error = await work.then(
    () => undefined,
    (each: unknown) => each,
  );
  assert.instance(error, RegistryError);
  assert.is((error as RegistryError).problem, 'denied');
  assert.not.match(`${(error as Error).stack} ${(error as RegistryError).hint}`, /s3cret|wr0ng/);
  return error as RegistryError;
}

test('requests one token for each repository to push to, and reads with it', async () => {
  await withHub({ 'team/app': 'pull,push' }, async ({ host, requests, scopes, registry }) => {
    const mine = registry(me);
    await mine.mayPush(`${host}/team/app`);
    assert.equal(requests, [
      'POST team/app/blobs/uploads/',
      'POST team/app/blobs/uploads/',
      'DELETE team/app/blobs/uploads/1',
    ]);
    await mine.write(`${host}/team/app:journal`, 'text');
    assert.is(await mine.head(`${host}/team/app:other`), undefined);
    assert.equal(scopes, [['repository:team/app:pull,push']]);
  });
});

test('requests one token for both repositories of a mount', async () => {
  await withHub(
    { 'team/app': 'pull,push', 'team/base': 'pull,push' },
    async ({ host, requests, scopes, registry }) => {
      const mine = registry(me);
      await mine.write(`${host}/team/base:1`, 'text');
      const { digest } = await mine.manifest(`${host}/team/base:1`);
      requests.length = 0;
      await mine.copy(`${host}/team/base@${digest}`, `${host}/team/app`);
      // No blob is uploaded, and no request is repeated for lack of a token.
      assert.equal(requests.filter((line) => !line.startsWith('GET')).sort(), [
        'HEAD team/app/manifests/D',
        'POST team/app/blobs/uploads/',
        'POST team/app/blobs/uploads/',
        'PUT team/app/manifests/D',
      ]);
      assert.ok(
        scopes.some((each) => each.join(' ') === 'repository:team/app:pull,push repository:team/base:pull'),
        JSON.stringify(scopes),
      );
    },
  );
});

test('distinguishes missing permission, a wrong password, and missing credentials', async () => {
  await withHub({ 'team/app': 'pull' }, async ({ host, registry }) => {
    const push = (credentials: Credentials | undefined) =>
      denialOf(registry(credentials).mayPush(`${host}/team/app`));
    assert.match((await push(me)).message, /does not allow me to push to team\/app/);
    assert.match((await push({ ...me, password: 'wr0ng' })).message, /rejected the credentials of me/);
    assert.match((await push(undefined)).message, /login required to push to \S+\/team\/app/);
  });
});

test('returns `refused` and keeps the tag if we may push but not delete', async () => {
  await withHub({ 'team/app': 'pull,push' }, async ({ host, requests, registry }) => {
    const mine = registry(me);
    const text = Buffer.from('{"layers":[]}');
    const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    await mine.put(`${host}/team/app:1`, { mediaType, digest, body: text });
    requests.length = 0;
    assert.is(await mine.untag(`${host}/team/app:1`), 'refused');
    assert.not.ok(requests.some((line) => line.startsWith('PUT')));
  });
});

test.run();
