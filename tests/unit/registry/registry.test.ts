import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Credentials } from '../../../src/model/registry.ts';
import { parseChallenges } from '../../../src/registry/challenge.ts';
import { type Client, openClient } from '../../../src/registry/client.ts';
import { dockerCredentials } from '../../../src/registry/credentials.ts';
import { choosePlatform, type Descriptor } from '../../../src/registry/manifest.ts';
import { pinImage } from '../../../src/registry/pin.ts';
import { baseUrl, parseReference } from '../../../src/registry/reference.ts';
import { registryErrorOf } from '../../support/registry-error.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';

const test = suite('registry client');
const hex = 'a'.repeat(64);

/** [a name, its host, repository, and tag or digest] */
const names: [string, string, string, string][] = [
  ['debian', 'docker.io', 'library/debian', 'latest'],
  ['debian:12', 'docker.io', 'library/debian', '12'],
  ['index.docker.io/debian', 'docker.io', 'library/debian', 'latest'],
  ['docker.io/team/app:1', 'docker.io', 'team/app', '1'],
  ['team/app', 'docker.io', 'team/app', 'latest'],
  ['localhost/app', 'localhost', 'app', 'latest'],
  ['h:5000/a/b:t', 'h:5000', 'a/b', 't'],
  ['[::1]:5000/a', '[::1]:5000', 'a', 'latest'],
  [`h.example/a@sha256:${hex}`, 'h.example', 'a', `sha256:${hex}`],
  [`h.example/a:1@sha256:${hex}`, 'h.example', 'a', `sha256:${hex}`],
];
for (const [text, host, repository, last] of names) {
  test(text, () => {
    const found = parseReference(text);
    assert.equal([found.host, found.repository, found.digest ?? found.tag], [host, repository, last]);
  });
}

test('rejects invalid image names', () => {
  for (const text of ['', 'UP', 'a:', 'a b', '$X', 'a@sha256:12', 'a//b', hex, '-a', 'h:5000/', 'a:b:c'])
    assert.throws(() => parseReference(text), /is not a valid image name/, text);
});

test('any text is parsed or rejected, and the full name of a parsed reference parses to the same reference', () => {
  const text = fc.stringMatching(/^[a-z0-9.:/@_-]{1,20}$/);
  fc.assert(
    fc.property(text, (name) => {
      let first: ReturnType<typeof parseReference>;
      try {
        first = parseReference(name);
      } catch {
        return;
      }
      assert.equal(parseReference(`${first.host}/${first.repository}:${first.tag}`), first);
    }),
  );
});

test('uses plain HTTP for loopback only', () => {
  assert.is(baseUrl('127.0.0.1:5000'), 'http://127.0.0.1:5000');
  assert.is(baseUrl('[::1]:5000'), 'http://[::1]:5000');
  assert.is(baseUrl('127.0.0.1.example'), 'https://127.0.0.1.example');
});

test('parses authentication challenges', () => {
  assert.equal(parseChallenges('Bearer realm="https://a/t",service="s, x" , scope=r , Basic realm="b\\"c"'), [
    { scheme: 'bearer', parameters: { realm: 'https://a/t', service: 's, x', scope: 'r' } },
    { scheme: 'basic', parameters: { realm: 'b"c' } },
  ]);
});

test('chooses the image for a platform', () => {
  const image = (architecture: string, variant?: string): Descriptor => ({
    mediaType: '',
    digest: `${architecture}${variant ?? ''}`,
    platform: { os: 'linux', architecture, ...(variant ? { variant } : {}) },
  });
  const all = [image('amd64'), image('arm', 'v5'), image('arm', 'v6'), image('arm64', 'v8')];
  const chosen = (platform: string): string | undefined => choosePlatform(all, platform)?.digest;
  assert.is(chosen('linux/amd64'), 'amd64');
  assert.is(chosen('linux/arm64'), 'arm64v8');
  assert.is(chosen('linux/arm/v7'), 'armv6');
  assert.is(chosen('linux/s390x'), undefined);
  assert.is(chosen('windows/amd64'), undefined);
});

test("finds credentials in docker's configuration: helpers before auths, old names, identity tokens", async () => {
  const config = tempFolder();
  const bin = tempFolder();
  const auth = (text: string): string => Buffer.from(text).toString('base64');
  writeFiles(bin, {
    'docker-credential-mine*': `#!/bin/sh
read name
case "$name" in
  helped.example) echo '{"Username":"<token>","Secret":"refresh"}' ;;
  *) echo "credentials not found in native keychain"; exit 1 ;;
esac`,
    'docker-credential-bad*': '#!/bin/sh\necho s3cret; exit 3',
  });
  writeFiles(config, {
    'config.json': JSON.stringify({
      auths: {
        'https://index.docker.io/v1/': { auth: auth('me:pass:word') },
        'https://old.example/v1/': { auth: auth('old:p') },
        'token.example': { auth: auth('x:'), identitytoken: 'idt' },
        'helped.example': { auth: auth('not:me') },
      },
      credHelpers: { 'helped.example': 'mine', 'bad.example': 'bad' },
    }),
  });
  const find = dockerCredentials({ DOCKER_CONFIG: config, PATH: `${bin}:/usr/bin:/bin` });
  assert.equal(await find('docker.io'), { username: 'me', password: 'pass:word' });
  assert.equal(await find('old.example'), { username: 'old', password: 'p' });
  assert.equal(await find('token.example'), { identityToken: 'idt' });
  assert.equal(await find('helped.example'), { identityToken: 'refresh' });
  assert.is(await find('other.example'), undefined);
  const error = await find('bad.example').catch((each: Error) => each);
  assert.match((error as Error).message, /docker-credential-bad.*bad\.example.*exit code 3/);
  assert.not.match((error as Error).message, /s3cret/);
  writeFiles(config, { 'config.json': '{ "auths": s3cret' });
  const broken = await dockerCredentials({ DOCKER_CONFIG: config })('a').catch((each: Error) => each);
  assert.match((broken as Error).message, /config\.json is not valid JSON/);
  assert.not.match((broken as Error).message, /s3cret/);
});

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** Runs a server on loopback, with a client. `pauses`: how long the client would have slept. */
async function serve(
  handler: Handler,
  run: (it: { client: Client; host: string; pauses: number[] }) => Promise<void>,
  credentials?: Credentials,
): Promise<void> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (data) => (body += data));
    request.on('end', () => handler(request, response, body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const pauses: number[] = [];
  const client = openClient({
    credentials: async () => credentials,
    timing: { now: () => 0, sleep: async (ms) => void pauses.push(ms), random: () => 0.5 },
    signal: new AbortController().signal,
    timeoutMs: 200,
    tries: 5,
  });
  try {
    await run({ client, host, pauses });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';
const digestOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const send = (response: ServerResponse, text: string, type = manifestType): void =>
  void response.writeHead(200, { 'content-type': type }).end(text);

test('retries after 429, 5xx, resets and timeouts, with growing pauses, and follows Retry-After', async () => {
  const responses: Handler[] = [
    (_, response) => response.writeHead(429, { 'retry-after': '7' }).end(),
    (_, response) => response.writeHead(503).end(),
    (_, response) => response.destroy(),
    () => undefined,
    (_, response) => send(response, '{}'),
  ];
  await serve(
    (request, response, body) => responses.shift()!(request, response, body),
    async ({ client, host, pauses }) => {
      assert.is((await client.manifest(parseReference(`${host}/a`))).digest, digestOf('{}'));
      assert.equal(pauses, [7000, 600, 1200, 2400]);
    },
  );
});

test('reports permanent failures with a hint: connection refused, missing image, no permission, too many requests', async () => {
  const status: Record<string, number> = { gone: 404, closed: 403, secret: 401, busy: 429, down: 500 };
  await serve(
    (request, response) =>
      response
        .writeHead(status[request.url!.split('/')[2]!]!)
        .end('{"errors":[{"code":"DENIED","message":"tok3n"}]}'),
    async ({ client, host, pauses }) => {
      const errorFor = (name: string) => registryErrorOf(client.manifest(parseReference(`${host}/${name}`)));
      const [gone, closed, secret, busy, down] = await Promise.all(Object.keys(status).map(errorFor));
      assert.equal(
        [gone!.problem, gone!.exitCode, gone!.message],
        ['missing', 1, `${host}/gone:latest not found`],
      );
      assert.equal([closed!.problem, closed!.exitCode], ['denied', 3]);
      assert.equal(
        [secret!.problem, secret!.hint],
        ['denied', `check the name, or log in: docker login ${host}`],
      );
      assert.match(busy!.message, /too many requests/);
      assert.match(down!.message, /returned 500 \(DENIED\)/);
      for (const each of [gone, closed, secret, busy, down]) assert.not.match(each!.message, /tok3n/);
      assert.is(pauses.length, 8, 'only 429 and 5xx are retried');
    },
  );
  await serve(
    () => undefined,
    async ({ client, pauses }) => {
      const closed = createServer().listen(0, '127.0.0.1');
      await once(closed, 'listening');
      const host = `127.0.0.1:${(closed.address() as AddressInfo).port}`;
      await new Promise((resolve) => closed.close(resolve));
      const error = await registryErrorOf(client.manifest(parseReference(`${host}/a`)));
      assert.is(error.message, `${host} cannot be reached: ECONNREFUSED`);
      assert.equal(pauses, []);
    },
  );
});

test('retries if a registry that has responded before refuses the connection', async () => {
  const answer: Handler = (_, response) => send(response, '{}');
  const server = createServer((request, response) => answer(request, response, '')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const next = createServer((request, response) => answer(request, response, ''));
  const client = openClient({
    credentials: async () => undefined,
    timing: {
      now: () => 0,
      sleep: async () => void (await once(next.listen(port, '127.0.0.1'), 'listening')),
      random: () => 0.5,
    },
    signal: new AbortController().signal,
    timeoutMs: 2_000,
    tries: 5,
  });
  const reference = parseReference(`127.0.0.1:${port}/a`);
  await client.manifest(reference);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  try {
    assert.is((await client.manifest(reference)).body.toString(), '{}');
  } finally {
    next.closeAllConnections();
    next.close();
  }
});

test('requests one token for each scope, and a new one when it is rejected', async () => {
  let valid = 1;
  const requested: string[] = [];
  await serve(
    ({ url, headers }, response) => {
      if (url!.startsWith('/token')) {
        requested.push(`${url} ${headers.authorization}`);
        response.end(JSON.stringify({ token: `t${valid}` }));
      } else if (headers.authorization === `Bearer t${valid}`) send(response, '{}');
      else
        response
          .writeHead(401, { 'www-authenticate': `Bearer realm="http://${headers.host}/token",service="s"` })
          .end();
    },
    async ({ client, host }) => {
      const read = (name: string) => client.manifest(parseReference(`${host}/${name}`));
      await read('a');
      await read('a');
      await read('b');
      valid = 2;
      await read('a');
      const basic = `Basic ${Buffer.from('me:pw').toString('base64')}`;
      const url = (name: string): string =>
        `/token?service=s&scope=repository%3A${name}%3Apull&account=me ${basic}`;
      assert.equal(requested, [url('a'), url('b'), url('a')]);
    },
    { username: 'me', password: 'pw' },
  );
});

test('sends an identity token as a form, and does not print it if it is rejected', async () => {
  const bodies: string[] = [];
  await serve(
    ({ url, headers }, response, body) => {
      if (url === '/token') {
        bodies.push(body);
        response.writeHead(401).end('no s3cret');
      } else
        response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${headers.host}/token"` }).end();
    },
    async ({ client, host }) => {
      const error = await registryErrorOf(client.manifest(parseReference(`${host}/a`)));
      assert.is(error.problem, 'denied');
      assert.not.match(`${error.message} ${error.hint}`, /s3cret/);
      assert.is(new URLSearchParams(bodies[0]).get('refresh_token'), 's3cret');
    },
    { identityToken: 's3cret' },
  );
});

test('sends no credentials to the target of a redirect or to a token server without TLS', async () => {
  const seen: (string | undefined)[] = [];
  const other = createServer(({ headers }, response) => {
    seen.push(headers.authorization);
    response.end('blob');
  }).listen(0, '127.0.0.1');
  // A failing test must not keep the process alive.
  other.unref();
  await once(other, 'listening');
  const target = `http://127.0.0.1:${(other.address() as AddressInfo).port}/x`;
  await serve(
    ({ url, headers }, response) => {
      if (url!.includes('/far/'))
        response.writeHead(401, { 'www-authenticate': 'Bearer realm="http://far.example/t"' }).end();
      else if (headers.authorization === undefined)
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      else
        response.writeHead(307, { location: url!.includes('/out/') ? 'http://far.example/' : target }).end();
    },
    async ({ client, host }) => {
      await client.blob(parseReference(`${host}/a`), digestOf('blob'));
      assert.equal(seen, [undefined]);
      assert.match(
        (await registryErrorOf(client.manifest(parseReference(`${host}/far`)))).message,
        /insecure or invalid token server/,
      );
      assert.match(
        (await registryErrorOf(client.manifest(parseReference(`${host}/out`)))).message,
        /redirects to far\.example without TLS/,
      );
    },
    { username: 'me', password: 'pw' },
  );
  other.close();
});

test('rejects content that does not match its digest', async () => {
  await serve(
    (_, response) => send(response, '{}'),
    async ({ client, host }) => {
      const reference = parseReference(`${host}/a@sha256:${hex}`);
      assert.match(
        (await registryErrorOf(client.manifest(reference))).message,
        /sent content that does not match/,
      );
      assert.match(
        (await registryErrorOf(client.blob(reference, `sha256:${hex}`))).message,
        /sent content that does not match/,
      );
    },
  );
});

test("pins a name to its platform's image or to the index, and detects ONBUILD", async () => {
  const blobs = new Map<string, [string, string]>();
  const put = (value: object, type: string): string => {
    const text = JSON.stringify(value);
    blobs.set(digestOf(text), [text, type]);
    return digestOf(text);
  };
  const image = (OnBuild: string[] | null): string =>
    put({ config: { digest: put({ config: { OnBuild } }, 'x') } }, manifestType);
  const [plain, triggering] = [image(null), image(['COPY . /'])];
  const entry = (digest: string, os: string, architecture: string) => ({
    digest,
    platform: { os, architecture },
  });
  const index = put(
    {
      manifests: [
        entry(plain, 'linux', 'amd64'),
        entry(triggering, 'linux', 'arm64'),
        entry(plain, 'unknown', 'unknown'),
      ],
    },
    indexType,
  );
  await serve(
    ({ url }, response) => {
      const name = path.basename(url!);
      const [text, type] = blobs.get({ multi: index, single: triggering }[name] ?? name)!;
      send(response, text, type);
    },
    async ({ client, host }) => {
      const pin = (tag: string, platform: string) => pinImage(client, `${host}/a:${tag}`, platform);
      assert.equal(await pin('multi', 'linux/amd64'), { digest: plain, onbuild: false });
      assert.equal(await pin('multi', 'linux/arm64'), { digest: triggering, onbuild: true });
      assert.equal(await pin('multi', 'any'), { digest: index, onbuild: true });
      assert.equal(await pin('single', 'linux/amd64'), { digest: triggering, onbuild: true });
      const error = await registryErrorOf(pin('multi', 'linux/s390x'));
      assert.equal([error.problem, error.hint], ['missing', 'its platforms are linux/amd64, linux/arm64']);
      assert.is(await client.head(parseReference(`${host}/a:multi`)), index);
    },
  );
});

test.run();
