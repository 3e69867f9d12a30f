import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Fault, type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts';

const test = suite('fault proxy');
const text = 'a body of some length';
/** The requests that the registry received. */
const received: string[] = [];
let server: Server;
let proxy: FaultProxy;

test.before(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (data) => (body += data));
    request.on('end', () => {
      received.push(`${request.method} ${request.url}${body && ` ${body}`}`);
      response.writeHead(200, { location: '/v2/next', 'content-length': text.length }).end(text);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy = await startFaultProxy(`127.0.0.1:${(server.address() as AddressInfo).port}`);
});
test.after(async () => {
  await proxy.stop();
  server.close();
});
test.before.each(() => {
  proxy.clear();
  received.length = 0;
});

/** Sends a request through the proxy. Returns the status and body, or `failed`. */
async function request(path = '/v2/', init: RequestInit = {}): Promise<[number, string] | 'failed'> {
  try {
    const response = await fetch(`http://${proxy.host}${path}`, init);
    return [response.status, await response.text()];
  } catch {
    return 'failed';
  }
}

test('forwards requests without a fault unchanged, with relative URLs', async () => {
  const response = await fetch(`http://${proxy.host}/v2/x?y=1`, { method: 'PUT', body: 'sent' });
  assert.equal(
    [response.status, response.headers.get('location'), await response.text()],
    [200, '/v2/next', text],
  );
  assert.equal(received, ['PUT /v2/x?y=1 sent']);
  assert.equal(proxy.requests, [{ method: 'PUT', path: '/v2/x?y=1', agent: 'node' }]);
  assert.equal(await request('/v2/', { method: 'HEAD' }), [200, '']);
});

test('the registry does not receive a request that fails with a status, but receives one whose response is lost', async () => {
  for (const status of [401, 403, 404, 429, 500, 503] as const) {
    proxy.fail(/./, status);
    assert.is((await request('/v2/', { method: 'POST', body: 'x' }))[0], status);
    proxy.clear();
  }
  const broken: [Fault, number][] = [
    ['reset', 0],
    ['lost', 1],
    ['midway', 1],
  ];
  for (const [fault, count] of broken) {
    received.length = 0;
    proxy.fail(/./, fault);
    assert.is(await request(), 'failed', String(fault));
    assert.is(received.length, count, String(fault));
    proxy.clear();
  }
});

test('a truncated response looks complete', async () => {
  proxy.fail(/./, 'truncated');
  assert.equal(await request(), [200, text.slice(0, text.length / 2)]);
});

test('a fault applies to the nth matching request, once or forever', async () => {
  proxy.fail(/^GET .*\/a/, 500, { nth: 2 });
  proxy.fail(/\/b$/, 403, { nth: 2, forever: true });
  const paths = ['/a', '/a', '/a', '/b', '/b', '/b'];
  const statuses = [];
  for (const path of paths) statuses.push((await request(path))[0]);
  assert.equal(statuses, [200, 500, 200, 200, 403, 403]);
  assert.equal(
    proxy.requests.map(({ fault }) => fault),
    [undefined, 500, undefined, undefined, 403, 403],
  );
});

test('a hanging request continues after release', async () => {
  proxy.fail(/./, 'hang');
  const pending = request();
  await proxy.waitForHanging(1);
  assert.equal(received, []);
  proxy.release();
  assert.equal(await pending, [200, text]);
});

test('closes the connection if the registry is down, and can forward to another registry', async () => {
  const other = createServer((_, response) => response.end('other')).listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const original = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  proxy.setTarget(`127.0.0.1:${port}`);
  assert.equal(await request(), [200, 'other']);
  other.close();
  other.closeAllConnections();
  assert.is(await request(), 'failed');
  proxy.setTarget(original);
  assert.equal(await request(), [200, text]);
});

test.run();
