// Registries that lack features, send wrong data, or never stop sending.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Registry } from '../../../src/model/registry.ts';
import { type Client, openClient } from '../../../src/registry/client.ts';
import { pinImage } from '../../../src/registry/pin.ts';
import { parseReference } from '../../../src/registry/reference.ts';
import { openRegistry } from '../../../src/registry/registry.ts';
import { registryErrorOf } from '../../support/registry-error.ts';

const test = suite('registries that misbehave');
const type = 'application/vnd.oci.image.manifest.v1+json';
const digestOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

interface Server {
  readonly host: string;
  readonly client: Client;
  readonly registry: Registry;
  readonly abort: AbortController;
}
type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

async function serve(
  handler: Handler,
  run: (server: Server) => Promise<void>,
  timeoutMs = 200,
): Promise<void> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (data) => (body += data));
    request.on('end', () => handler(request, response, body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const abort = new AbortController();
  const options = {
    credentials: async () => undefined,
    timing: { now: Date.now, sleep: async () => undefined, random: () => 0.5 },
    signal: abort.signal,
    timeoutMs,
    tries: 2,
  };
  try {
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    await run({ host, abort, client: openClient(options), registry: openRegistry(options) });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const refuse = (response: ServerResponse, status: number, code: string, message: string): void =>
  void response.writeHead(status).end(JSON.stringify({ errors: [{ code, message }] }));

test('uses GET if HEAD is not supported', async () => {
  for (const status of [405, 501, 400, 403])
    await serve(
      ({ method, url }, response) => {
        if (method === 'HEAD') response.writeHead(status).end();
        else if (url!.endsWith('/gone') || url!.includes('f'.repeat(64))) response.writeHead(404).end();
        else response.writeHead(200, { 'content-type': type }).end('{}');
      },
      async ({ host, client }) => {
        const repo = parseReference(`${host}/a`);
        assert.is(await client.head(parseReference(`${host}/a:1`)), digestOf('{}'));
        assert.is(await client.head(parseReference(`${host}/a:gone`)), undefined);
        assert.is(await client.hasBlob(repo, digestOf('{}')), true);
        assert.is(await client.hasBlob(repo, `sha256:${'f'.repeat(64)}`), false);
      },
    );
});

test('ignores a digest header that is missing, invalid, or not SHA-256', async () => {
  for (const stated of [`sha512:${'a'.repeat(128)}`, 'sha256:x', '', 'latest'])
    await serve(
      (_, response) =>
        void response.writeHead(200, { 'content-type': type, 'docker-content-digest': stated }).end('{}'),
      async ({ host, client }) => {
        assert.is(await client.head(parseReference(`${host}/a:1`)), digestOf('{}'), stated);
      },
    );
});

test('a manifest is put again while the registry does not see a blob that is there, and not for ever', async () => {
  const put = async (refusals: number): Promise<{ error: unknown; requests: number }> => {
    let [requests, left, error] = [0, refusals, undefined as unknown];
    await serve(
      (_, response) => {
        requests++;
        if (left-- > 0) return refuse(response, 400, 'MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry');
        response.writeHead(201).end();
      },
      async ({ host, registry }) => {
        const manifest = { mediaType: type, digest: digestOf('{}'), body: Buffer.from('{}') };
        error = await registry.put(`${host}/a:1`, manifest).catch((thrown: unknown) => thrown);
      },
    );
    return { error, requests };
  };
  assert.equal(await put(1), { error: undefined, requests: 2 });
  const { error, requests } = await put(100);
  assert.match((error as Error).message, /returned 400 \(MANIFEST_BLOB_UNKNOWN\)/);
  assert.ok(requests < 10, `${requests} requests`);
});

test('reports a tag that cannot be overwritten as immutable, but not if it has the same digest already', async () => {
  const refusals: [number, string, string][] = [
    [
      400,
      'TAG_INVALID',
      "The image tag '1' already exists in the repository and cannot be overwritten because the repository is immutable.",
    ],
    [412, 'PRECONDITION', "Failed to process request due to '1' configured as immutable."],
    [409, 'DENIED', 'manifest is immutable'],
    [403, 'DENIED', 'Repository does not allow updating assets'],
    [400, 'UNKNOWN', 'Repository does not allow updating assets: docker-hosted'],
    [403, 'MANIFEST_INVALID', 'Tag exist, overwrite not allowed'],
    [403, 'DENIED', "Not enough permissions to delete/overwrite artifact 'a/1/manifest.json'"],
    [
      405,
      'DENIED',
      'The operation is disallowed on this registry, repository or image. View troubleshooting steps',
    ],
    [409, 'TAG_LOCKED', "The tag '1' of a is locked"],
    [409, 'CONFLICT', 'Tag 1 already exists and must not be replaced'],
    [400, 'MANIFEST_INVALID', 'The repository has enabled tag immutability; tags cannot be moved'],
  ];
  for (const [status, code, message] of refusals)
    await serve(
      ({ method, url }, response) => {
        if (method === 'PUT' && !url!.includes('sha256')) return refuse(response, status, code, message);
        response.writeHead(200, { 'content-type': type, 'docker-content-digest': digestOf('{}') }).end();
      },
      async ({ host, registry }) => {
        const put = (text: string) =>
          registry.put(`${host}/a:1`, { mediaType: type, digest: digestOf(text), body: Buffer.from(text) });
        await put('{}');
        const error = await registryErrorOf(put('{"a":1}'));
        assert.equal([error.problem, error.exitCode], ['immutable', 3]);
        assert.match(
          error.message,
          new RegExp(`${host}/a:1: its tags are immutable \\(${status} \\(${code}\\)\\)`),
        );
      },
    );
  await serve(
    (_, response) => refuse(response, 412, 'DENIED', 'will exceed the configured upper limit of 10.0 GiB'),
    async ({ host, registry }) => {
      const put = registry.put(`${host}/a:1`, {
        mediaType: type,
        digest: digestOf('{}'),
        body: Buffer.from('{}'),
      });
      assert.is((await registryErrorOf(put)).problem, 'broken', 'another failed precondition');
    },
  );
});

test('stops reading an endless list of tags, and ignores invalid tags', async () => {
  let pages = 0;
  await serve(
    (_, response) => {
      response.setHeader('link', `</v2/a/tags/list?last=${++pages}>; rel="next"`);
      response.end('{"tags":[]}');
    },
    async ({ host, registry }) => {
      assert.match(
        (await registryErrorOf(registry.tags(`${host}/a`))).message,
        /returns too many tags for a/,
      );
      assert.ok(pages <= 5_000);
    },
    60_000,
  );
  for (const tags of ['["1",7,null,"a b","../x","\\u001b[2J",{},"__proto__"]', '{"0":"1"}', '"1"'])
    await serve(
      (_, response) => void response.end(`{"tags":${tags}}`),
      async ({ host, registry }) => {
        if (tags.startsWith('[')) assert.equal(await registry.tags(`${host}/a`), ['1', '__proto__']);
        else
          assert.match(
            (await registryErrorOf(registry.tags(`${host}/a`))).message,
            /returned an invalid tag list for a/,
          );
      },
    );
});

test('stops at redirect loops and invalid redirects', async () => {
  for (const to of ['/again', 'http://', 'file:///etc/passwd', 'http://elsewhere.example/'])
    await serve(
      (_, response) => void response.writeHead(307, { location: to }).end(),
      async ({ host, client }) => {
        const error = await registryErrorOf(client.manifest(parseReference(`${host}/a`)));
        assert.match(error.message, /redirects (too many times|to )/);
      },
    );
});

test('gives up on a response that trickles or never ends', async () => {
  const drip = (response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': type });
    const timer = setInterval(() => response.write('x'), 20);
    response.on('close', () => clearInterval(timer));
  };
  await serve(
    (_, response) => drip(response),
    async ({ host, client }) => {
      const reference = parseReference(`${host}/a`);
      assert.match((await registryErrorOf(client.manifest(reference))).message, /no answer in time/);
      const request = { method: 'GET', path: 'blobs/x', access: 'pull', ok: [200], streamed: true } as const;
      const { stream } = await client.request(reference, request);
      const drain = async (): Promise<void> => {
        for await (const _ of stream!);
      };
      assert.match((await registryErrorOf(drain())).message, /no answer in time/);
    },
  );
  await serve(
    (_, response) => {
      response.writeHead(200, { 'content-type': type });
      const pour = (): void => void response.write(Buffer.alloc(1 << 20), () => response.destroyed || pour());
      pour();
    },
    async ({ host, client }) =>
      assert.match(
        (await registryErrorOf(client.manifest(parseReference(`${host}/a`)))).message,
        /sent more than/,
      ),
    60_000,
  );
});

test('an interrupt ends every wait for a registry', async () => {
  const waits: Handler[] = [
    () => undefined,
    (_, response) => void response.writeHead(200, { 'content-type': type }).write('x'),
    (_, response) => void response.writeHead(503, { 'retry-after': '50' }).end(),
  ];
  for (const wait of waits) {
    let server: Server | undefined;
    await serve(
      (request, response, body) => {
        wait(request, response, body);
        setImmediate(() => server!.abort.abort(new Error('interrupted')));
      },
      async (at) => {
        server = at;
        const work = at.client.manifest(parseReference(`${at.host}/a`)).catch((each: Error) => each);
        assert.match(((await work) as Error).message, /interrupted/);
      },
      60_000,
    );
  }
});

test('rejects an image for another platform, alone or in an index', async () => {
  const blobs = new Map<string, [text: string, type: string]>();
  const put = (value: object, mediaType = ''): string => {
    const text = JSON.stringify(value);
    blobs.set(digestOf(text), [text, mediaType]);
    return digestOf(text);
  };
  const image = (platform: object): string => put({ config: { digest: put(platform) } }, type);
  const indexType = 'application/vnd.oci.image.index.v1+json';
  const names: Record<string, string> = {
    amd64: image({ os: 'linux', architecture: 'amd64' }),
    arm64: image({ os: 'linux', architecture: 'arm64' }),
    armv6: image({ os: 'linux', architecture: 'arm', variant: 'v6' }),
    unknown: image({}),
    mislabeled: put(
      {
        manifests: [
          {
            digest: image({ os: 'linux', architecture: 'amd64' }),
            platform: { os: 'linux', architecture: 'arm64' },
          },
        ],
      },
      indexType,
    ),
  };
  await serve(
    ({ url }, response) => {
      const name = url!.split('/').at(-1)!;
      const [text, mediaType] = blobs.get(names[name] ?? name)!;
      response.writeHead(200, { 'content-type': mediaType }).end(text);
    },
    async ({ host, client }) => {
      const pin = (tag: string, platform: string) => pinImage(client, `${host}/a:${tag}`, platform);
      const good: [string, string][] = [
        ['amd64', 'linux/amd64'],
        ['amd64', 'any'],
        ['arm64', 'linux/arm64/v8'],
        ['arm64', 'linux/aarch64'],
        ['armv6', 'linux/arm/v7'],
        ['unknown', 'linux/amd64'],
      ];
      for (const [tag, platform] of good)
        assert.is((await pin(tag, platform)).digest, names[tag], `${tag} ${platform}`);
      const bad: [string, string][] = [
        ['amd64', 'linux/arm64'],
        ['amd64', 'windows/amd64'],
        ['arm64', 'linux/arm'],
        ['armv6', 'linux/arm64'],
        ['armv6', 'linux/arm/v5'],
        ['mislabeled', 'linux/arm64'],
      ];
      for (const [tag, platform] of bad) {
        const error = await registryErrorOf(pin(tag, platform));
        assert.equal([error.problem, error.exitCode], ['missing', 1], `${tag} ${platform}`);
        assert.match(error.message, new RegExp(`has no image for ${platform}: it is for linux/`));
      }
    },
  );
});

test.run();
