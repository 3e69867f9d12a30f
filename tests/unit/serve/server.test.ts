import http from 'node:http';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RunEvent } from '../../../src/model/events.ts';
import { authorize } from '../../../src/serve/authorize.ts';
import { createEventHistory } from '../../../src/serve/event-history.ts';
import { openPageServer, type PageServer } from '../../../src/serve/server.ts';
import { openEventStream } from '../../support/event-stream.ts';

const test = suite('serve');

const server = { port: 1234, token: 'secret' };
const good = { method: 'GET', url: '/secret/', headers: { host: '127.0.0.1:1234' } };

test('a request from this machine with the token is allowed', () => {
  assert.equal(authorize(good, server), { path: '' });
  assert.equal(authorize({ ...good, url: '/secret/events?x=1' }, server), { path: 'events' });
  const headers = {
    host: 'localhost:1234',
    origin: 'http://localhost:1234',
    'sec-fetch-site': 'same-origin',
  };
  assert.equal(authorize({ ...good, headers }, server), { path: '' });
});

test('another token, host, origin, site or method is refused', () => {
  for (const url of ['/', '/secre/', '/secrets/', '/Secret/', '/secret', '//secret/', undefined])
    assert.equal(authorize({ ...good, url }, server), { refused: 404 });
  for (const headers of [
    {},
    { host: 'evil.example' },
    { host: 'evil.example:1234' },
    { host: '127.0.0.1' },
    { host: '127.0.0.1:1234', origin: 'http://evil.example' },
    { host: '127.0.0.1:1234', origin: 'http://localhost:1234' },
    { host: '127.0.0.1:1234', origin: 'null' },
    { host: '127.0.0.1:1234', 'sec-fetch-site': 'cross-site' },
    { host: '127.0.0.1:1234', 'sec-fetch-site': 'same-site' },
  ])
    assert.equal(authorize({ ...good, headers }, server), { refused: 403 });
  for (const method of ['POST', 'OPTIONS', 'PUT'])
    assert.equal(authorize({ ...good, method }, server), { refused: 405 });
});

const time = '2026-11-24T00:00:00.000Z';
const output = (line: string): RunEvent => ({ type: 'task-output', phase: 'build', time, id: 'a', line });
const started: RunEvent = { type: 'run-started', time, command: 'build', jobs: 1, tasks: [] };

test('a page that connects late gets the current state: last progress and last lines', () => {
  const history = createEventHistory();
  history.add(started);
  for (let line = 0; line < 1000; line++) history.add(output(String(line)));
  for (const text of ['one', 'two'])
    history.add({ type: 'task-progress', phase: 'build', time, id: 'a', text });
  const all = history.after(0).map(({ data }) => JSON.parse(data) as RunEvent);
  assert.is(all.length, 302);
  assert.is(all[0]!.type, 'run-started');
  assert.equal(
    all.slice(1, 301).map((event) => 'line' in event && Number(event.line)),
    Array.from({ length: 300 }, (_, at) => 700 + at),
  );
  assert.match(JSON.stringify(all[301]), /"two"/);
  assert.is(history.after(1002).length, 1);
  history.add(started);
  assert.is(history.after(0).length, 1);
});

/** Runs a test with a server and closes it afterwards. */
async function withServer(
  handler: (server: PageServer) => Promise<void>,
  renderPage = async () => '<p>page',
): Promise<void> {
  const server = await openPageServer({
    renderPage,
    renderErrorPage: (error) => `<p>${(error as Error).message}`,
  });
  try {
    await handler(server);
  } finally {
    await server.close();
  }
}

test('the headers of the page keep it private', () =>
  withServer(async ({ url }) => {
    const response = await fetch(url);
    assert.is(await response.text(), '<p>page');
    assert.is(response.headers.get('content-type'), 'text/html; charset=utf-8');
    assert.is(response.headers.get('cache-control'), 'no-store');
    assert.is(response.headers.get('referrer-policy'), 'no-referrer');
    assert.is(response.headers.get('access-control-allow-origin'), null);
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/[\w-]{32}\/$/);
  }));

/** Returns the status of a request with any Host header, which fetch does not allow. */
function statusFor(url: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    http
      .get(url, { headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
      .on('error', reject);
  });
}

test('requests with other hosts, origins, tokens and paths are refused', () =>
  withServer(async ({ url }) => {
    assert.is(await statusFor(url, {}), 200);
    assert.is(await statusFor(url, { host: 'evil.example' }), 403);
    assert.is(await statusFor(`${url}events`, { origin: 'http://evil.example' }), 403);
    assert.is(await statusFor(new URL('/', url).href, {}), 404);
    assert.is(await statusFor(`${url}other`, {}), 404);
    assert.is((await fetch(url, { method: 'POST' })).status, 405);
  }));

test('events are streamed, and a page that reconnects gets the events that it missed', () =>
  withServer(async (server) => {
    server.send(started);
    const first = await openEventStream(`${server.url}events`);
    assert.equal(await first.next(), { id: '1', event: 'message', data: JSON.stringify(started) });
    server.send(output('x'));
    assert.is((await first.next()).id, '2');
    server.notifyNewPlan();
    assert.is((await first.next()).event, 'plan');
    first.close();
    server.send(output('y'));
    const second = await openEventStream(`${server.url}events`, { 'last-event-id': '2' });
    assert.match((await second.next()).data, /"y"/);
    await server.close();
    assert.is((await second.next()).event, 'end');
    assert.is(await second.ended, true);
  }));

test('if rendering the page fails, the response is the error page', () =>
  withServer(
    async ({ url }) => {
      const response = await fetch(url);
      assert.is(response.status, 500);
      assert.is(await response.text(), '<p>no luck');
    },
    async () => {
      throw new Error('no luck');
    },
  ));

test('a closed server accepts no connections', async () => {
  const server = await openPageServer({
    renderPage: async () => '',
    renderErrorPage: String,
  });
  await server.close();
  const failed = await fetch(server.url).then(
    () => false,
    () => true,
  );
  assert.ok(failed);
});

test.run();
