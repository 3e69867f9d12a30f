import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Fault, type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts';

const test = suite('fault proxy');
const text = 'a body of some length';
/** The requests that reached the server behind the proxy. */
const arrived: string[] = [];
let server: Server;
let proxy: FaultProxy;

test.before(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (data) => (body += data));
    request.on('end', () => {
      arrived.push(`${request.method} ${request.url}${body && ` ${body}`}`);
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
  arrived.length = 0;
});

/** Returns the status and body of the response, or `failed`. */
async function ask(path = '/v2/', init: RequestInit = {}): Promise<[number, string] | 'failed'> {
  try {
    const answer = await fetch(`http://${proxy.host}${path}`, init);
    return [answer.status, await answer.text()];
  } catch {
    return 'failed';
  }
}

test('a request without a fault passes through unchanged, relative addresses included', async () => {
  const answer = await fetch(`http://${proxy.host}/v2/x?y=1`, { method: 'PUT', body: 'sent' });
  assert.equal([answer.status, answer.headers.get('location'), await answer.text()], [200, '/v2/next', text]);
  assert.equal(arrived, ['PUT /v2/x?y=1 sent']);
  assert.equal(proxy.requests, [{ method: 'PUT', path: '/v2/x?y=1', agent: 'node' }]);
  assert.equal(await ask('/v2/', { method: 'HEAD' }), [200, '']);
});

test('a request that gets an error status never reaches the registry; one with a lost response does', async () => {
  for (const status of [401, 403, 404, 429, 500, 503] as const) {
    proxy.fail(/./, status);
    assert.is((await ask('/v2/', { method: 'POST', body: 'x' }))[0], status);
    proxy.clear();
  }
  const broken: [Fault, number][] = [
    ['reset', 0],
    ['lost', 1],
    ['midway', 1],
  ];
  for (const [fault, count] of broken) {
    arrived.length = 0;
    proxy.fail(/./, fault);
    assert.is(await ask(), 'failed', String(fault));
    assert.is(arrived.length, count, String(fault));
    proxy.clear();
  }
});

test('a truncated response looks complete', async () => {
  proxy.fail(/./, 'truncated');
  assert.equal(await ask(), [200, text.slice(0, text.length / 2)]);
});

test('a fault applies to the nth matching request, once or from then on', async () => {
  proxy.fail(/^GET .*\/a/, 500, { nth: 2 });
  proxy.fail(/\/b$/, 403, { nth: 2, forever: true });
  const paths = ['/a', '/a', '/a', '/b', '/b', '/b'];
  const statuses = [];
  for (const path of paths) statuses.push((await ask(path))[0]);
  assert.equal(statuses, [200, 500, 200, 200, 403, 403]);
  assert.equal(
    proxy.requests.map(({ fault }) => fault),
    [undefined, 500, undefined, undefined, 403, 403],
  );
});

test('a hanging request continues after release', async () => {
  proxy.fail(/./, 'hang');
  const asked = ask();
  await proxy.waitForHanging(1);
  assert.equal(arrived, []);
  proxy.release();
  assert.equal(await asked, [200, text]);
});

test('a stopped registry closes the connection, and the proxy can switch to another registry', async () => {
  const other = createServer((_, response) => response.end('other')).listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const here = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  proxy.setTarget(`127.0.0.1:${port}`);
  assert.equal(await ask(), [200, 'other']);
  other.close();
  other.closeAllConnections();
  assert.is(await ask(), 'failed');
  proxy.setTarget(here);
  assert.equal(await ask(), [200, text]);
});

test.run();
