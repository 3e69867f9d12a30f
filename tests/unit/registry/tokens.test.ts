import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Credentials, type Registry, RegistryError } from '../../../src/model/registry.ts';
import { openRegistry } from '../../../src/registry/registry.ts';

const test = suite('pushing with tokens');
const password = 's3cret-pw';
const me = { username: 'me', password };

interface Hub {
  readonly host: string;
  /** `METHOD path`, without what is random. */
  readonly requests: string[];
  /** The scopes that tokens were asked for. */
  readonly asked: string[][];
  registry(credentials: Credentials | undefined): Registry;
}

/**
 * A registry as Docker Hub and GHCR are: tokens for scopes, no more than one may do; a token for too little is a 401.
 * `allowed`: what `me` may do, `team/app: pull,push`
 */
async function withHub(
  allowed: Readonly<Record<string, string>>,
  run: (hub: Hub) => Promise<void>,
): Promise<void> {
  const blobs = new Map<string, Buffer>();
  const requests: string[] = [];
  const asked: string[][] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (data: Buffer) => chunks.push(data));
    request.on('end', () => {
      const url = new URL(request.url!, 'http://x');
      const say = (status: number, headers: Record<string, string> = {}, body: string | Buffer = ''): void =>
        void response.writeHead(status, headers).end(body);
      if (url.pathname === '/token') {
        const scopes = url.searchParams.getAll('scope');
        asked.push(scopes);
        const basic = `Basic ${Buffer.from(`me:${password}`).toString('base64')}`;
        const { authorization } = request.headers;
        if (authorization !== undefined && authorization !== basic)
          return say(401, {}, `no ${authorization}`);
        const granted = scopes.map((scope) => {
          const [, repository, actions] = scope.split(':') as [string, string, string];
          const may = authorization === undefined ? [] : (allowed[repository] ?? '').split(',');
          return `${repository}:${actions.split(',').filter((action) => may.includes(action))}`;
        });
        return say(200, {}, JSON.stringify({ token: Buffer.from(granted.join(' ')).toString('base64') }));
      }
      const [, repository = '', rest = ''] =
        /^\/v2\/(.+?)\/((?:blobs|manifests|tags)\/.*)$/.exec(url.pathname) ?? [];
      requests.push(`${request.method} ${repository}/${rest.replace(/sha256:\w+/, 'D')}`);
      const wanted = { GET: 'pull', HEAD: 'pull', DELETE: rest.startsWith('blobs') ? 'push' : 'delete' }[
        request.method!
      ];
      const token = Buffer.from((request.headers.authorization ?? '').slice(7), 'base64').toString('utf8');
      const has = (name: string, action: string): boolean =>
        token.split(' ').some((grant) => {
          const [granted, actions = ''] = grant.split(':');
          return granted === name && actions.split(',').includes(action);
        });
      if (!has(repository, wanted ?? 'push'))
        return say(401, {
          'www-authenticate': `Bearer realm="http://${request.headers.host}/token",service="hub",error="insufficient_scope"`,
        });
      const mounted = url.searchParams.get('mount');
      const source = url.searchParams.get('from');
      if (request.method === 'POST') {
        const blob = source !== null && has(source, 'pull') ? blobs.get(`${source} ${mounted}`) : undefined;
        const isMounted = blob !== undefined;
        if (isMounted) blobs.set(`${repository} ${mounted}`, blob);
        return say(isMounted ? 201 : 202, { location: `/v2/${repository}/blobs/uploads/1?state=a%3D` });
      }
      if (request.method === 'PUT') {
        const body = Buffer.concat(chunks);
        const real = `sha256:${createHash('sha256').update(body).digest('hex')}`;
        if (rest.startsWith('blobs') && url.searchParams.get('state') !== 'a=') return say(404);
        blobs.set(`${repository} ${real}`, body).set(`${repository} ${rest.split('/')[1]}`, body);
        return say(201, { 'docker-content-digest': real });
      }
      if (request.method === 'DELETE') return say(rest.startsWith('blobs') ? 204 : 405);
      const found = blobs.get(`${repository} ${rest.split('/')[1]}`);
      return found === undefined
        ? say(404)
        : say(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }, found);
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
    await run({ host, requests, asked, registry });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function denied(work: Promise<unknown>): Promise<RegistryError> {
  const error = await work.then(
    () => undefined,
    (each: unknown) => each,
  );
  assert.instance(error, RegistryError);
  assert.is((error as RegistryError).problem, 'denied');
  assert.not.match(`${(error as Error).stack} ${(error as RegistryError).hint}`, /s3cret|wr0ng/);
  return error as RegistryError;
}

test('a push asks for one token a repository, and reads with it', async () => {
  await withHub({ 'team/app': 'pull,push' }, async ({ host, requests, asked, registry }) => {
    const mine = registry(me);
    await mine.mayPush(`${host}/team/app`);
    assert.equal(requests, [
      'POST team/app/blobs/uploads/',
      'POST team/app/blobs/uploads/',
      'DELETE team/app/blobs/uploads/1',
    ]);
    await mine.write(`${host}/team/app:journal`, 'text');
    assert.is(await mine.head(`${host}/team/app:other`), undefined);
    assert.equal(asked, [['repository:team/app:pull,push']]);
  });
});

test('a mount asks for both repositories at once', async () => {
  await withHub(
    { 'team/app': 'pull,push', 'team/base': 'pull,push' },
    async ({ host, requests, asked, registry }) => {
      const mine = registry(me);
      await mine.write(`${host}/team/base:1`, 'text');
      const { digest } = await mine.manifest(`${host}/team/base:1`);
      requests.length = 0;
      await mine.copy(`${host}/team/base@${digest}`, `${host}/team/app`);
      // Nothing is sent, and no request is made in vain for want of a token.
      assert.equal(requests.filter((line) => !line.startsWith('GET')).sort(), [
        'HEAD team/app/manifests/D',
        'POST team/app/blobs/uploads/',
        'POST team/app/blobs/uploads/',
        'PUT team/app/manifests/D',
      ]);
      assert.ok(
        asked.some(
          (scopes) => scopes.join(' ') === 'repository:team/app:pull,push repository:team/base:pull',
        ),
        JSON.stringify(asked),
      );
    },
  );
});

test('a good password without permission, a wrong one, and none are told apart', async () => {
  await withHub({ 'team/app': 'pull' }, async ({ host, registry }) => {
    const push = (credentials: Credentials | undefined) =>
      denied(registry(credentials).mayPush(`${host}/team/app`));
    assert.match((await push(me)).message, /does not allow me to push to team\/app/);
    assert.match((await push({ ...me, password: 'wr0ng' })).message, /rejected the credentials of me/);
    assert.match((await push(undefined)).message, /login required to push to \S+\/team\/app/);
  });
});

test('a registry that lets us push but not delete refuses to delete, and the tag stays', async () => {
  await withHub({ 'team/app': 'pull,push' }, async ({ host, requests, registry }) => {
    const mine = registry(me);
    const text = Buffer.from('{"layers":[]}');
    const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    await mine.put(`${host}/team/app@${digest}`, { mediaType, digest, body: text });
    requests.length = 0;
    assert.is(await mine.remove(`${host}/team/app@${digest}`), 'refused');
    assert.not.ok(requests.some((line) => line.startsWith('PUT')));
  });
});

test.run();
