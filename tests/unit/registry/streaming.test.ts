import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RegistryError } from '../../../src/model/registry.ts';
import { openRegistry } from '../../../src/registry/registry.ts';

const test = suite('large blobs and tag lists');
const servers: Server[] = [];
test.after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(
  handler: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<string> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const open = (timeoutMs = 300) =>
  openRegistry({
    credentials: async () => undefined,
    timing: { now: () => 0, sleep: async () => undefined, random: () => 0.5 },
    signal: new AbortController().signal,
    timeoutMs,
    tries: 3,
  });

const blob = randomBytes(4 << 20);
const manifest = Buffer.from(
  JSON.stringify({ layers: [{ mediaType: 'x/y', digest: digestOf(blob), size: blob.length }] }),
);
const name = `a@${digestOf(manifest)}`;

/** A registry with one image. `sendBlob`: sends the image's layer. */
const source = (sendBlob: (response: ServerResponse) => void): Promise<string> =>
  serve(({ url }, response) => {
    if (url!.includes('/blobs/')) return sendBlob(response);
    response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }).end(manifest);
  });

/** A registry that accepts uploads. `received`: their Content-Length and bodies. */
const target = (received: [string | undefined, Buffer][]): Promise<string> =>
  serve(async (request, response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    const { method, url, headers } = request;
    if (method === 'HEAD') return response.writeHead(404).end();
    if (method === 'POST') return response.writeHead(202, { location: '/v2/b/blobs/uploads/1' }).end();
    if (url!.includes('/uploads/')) received.push([headers['content-length'], Buffer.concat(chunks)]);
    response.writeHead(201).end();
  });

test('uploads a blob again from the start if reading it stalls or breaks off, with its Content-Length', async () => {
  const responses: ((response: ServerResponse) => void)[] = [
    (response) => void response.write(blob.subarray(0, 1 << 20)),
    (response) => void response.write(blob.subarray(0, 1 << 20), () => response.destroy()),
    (response) => void response.end(blob),
  ];
  const from = await source((response) => {
    response.writeHead(200, { 'content-length': blob.length });
    responses.shift()!(response);
  });
  const received: [string | undefined, Buffer][] = [];
  await open().copy(`${from}/${name}`, `${await target(received)}/b`);
  assert.is(responses.length, 0);
  assert.is(received.length, 1, 'an upload that broke off does not count');
  assert.is(received[0]![0], String(blob.length));
  assert.ok(received[0]![1].equals(blob));
});

test('names the registry whose blob breaks off each time', async () => {
  const from = await source((response) => {
    response.writeHead(200, { 'content-length': blob.length });
    response.write(blob.subarray(0, 1 << 20), () => response.destroy());
  });
  const to = await target([]);
  const error = await open()
    .copy(`${from}/${name}`, `${to}/b`)
    .catch((each: unknown) => each);
  assert.instance(error, RegistryError);
  assert.is((error as RegistryError).problem, 'unreachable');
  assert.ok((error as RegistryError).message.startsWith(from), (error as RegistryError).message);
});

test('keeps only a small part of a large blob in memory', async () => {
  const chunk = randomBytes(1 << 20);
  const chunks = 300;
  const hash = createHash('sha256');
  for (let count = 0; count < chunks; count++) hash.update(chunk);
  const size = chunks * chunk.length;
  const large = Buffer.from(JSON.stringify({ layers: [{ digest: `sha256:${hash.digest('hex')}`, size }] }));
  const host = await serve(async (request, response) => {
    const { method, url } = request;
    if (method === 'GET' && url!.includes('/blobs/')) {
      response.writeHead(200, { 'content-length': size });
      for (let count = 0; count < chunks; count++) if (!response.write(chunk)) await once(response, 'drain');
      return response.end();
    }
    const type = 'application/vnd.oci.image.manifest.v1+json';
    if (method === 'GET') return response.writeHead(200, { 'content-type': type }).end(large);
    if (method === 'HEAD') return response.writeHead(404).end();
    if (method === 'POST') return response.writeHead(202, { location: '/v2/b/blobs/uploads/1' }).end();
    for await (const _ of request) peak = Math.max(peak, process.memoryUsage().arrayBuffers);
    response.writeHead(201).end();
  });
  const before = process.memoryUsage().arrayBuffers;
  let peak = before;
  const port = host.split(':')[1];
  await open(30_000).copy(`localhost:${port}/a@${digestOf(large)}`, `${host}/b`);
  assert.ok(peak - before < size / 2, `${Math.round((peak - before) / 1e6)} MB`);
});

test('reads tags page by page, with any form of link, and stops at a cycle', async () => {
  const requested: string[] = [];
  const links = [
    '</v2/a/tags/list?n=1000&last=b>; rel="next"',
    '<https://inside.example/v2/a/tags/list?last=c>; rel=next',
    '<?last=d>; rel="next"',
    '</v2/a/tags/list?last=c>; rel="next"',
  ];
  const pages = [['b', 'a'], ['c'], null, ['d']];
  const host = await serve(({ url }, response) => {
    requested.push(url!);
    response.writeHead(200, { link: links.shift()! }).end(JSON.stringify({ tags: pages.shift() }));
  });
  assert.equal(await open().tags(`${host}/a`), ['a', 'b', 'c', 'd']);
  assert.equal(requested, [
    '/v2/a/tags/list?n=1000',
    '/v2/a/tags/list?n=1000&last=b',
    '/v2/a/tags/list?last=c',
    '/v2/a/tags/list?last=d',
  ]);
});

test('sends nothing to an upload URL without TLS', async () => {
  const host = await serve(({ method }, response) =>
    response.writeHead(method === 'POST' ? 202 : 404, { location: 'http://far.example/upload' }).end(),
  );
  const error = await open()
    .write(`${host}/a:1`, 'text')
    .catch((each: Error) => each.message);
  assert.match(String(error), /redirects uploads to far\.example without TLS/);
});

test.run();

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
