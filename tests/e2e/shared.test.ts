// TASKS_CACHE_URL with a store that is down, slow or not a store at all. tests/engine/shared-store.test.ts tests a working store.
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openRedisStore } from '../../src/cache/redis-store.ts';
import { type CliResult, makeProject, runCli } from '../support/cli.ts';
import { freePort, redisUnavailable, startRedis } from '../support/redis.ts';

const test = suite('e2e: broken shared store');
const secret = 'xyzzy';
const definitions = `import { command } from 'image-tasks';
export const one = command({ name: 'one', versions: ['1', '2', '3'], run: ['true'] });
`;
const build = async (url: string): Promise<CliResult> => {
  const env = { DOCKER_HOST: 'unix:///nowhere.sock', TASKS_CACHE_URL: url };
  const result = await runCli(['build'], { cwd: makeProject(definitions), env });
  assert.not.match(result.out + result.err, secret);
  return result;
};
/** Checks that the build succeeds without the store, with one warning. */
const assertWarned = ({ code, err }: CliResult, warning: RegExp): void => {
  assert.is(code, 0, err);
  assert.match(err, /3 built/);
  assert.equal(err.match(/warning/g), ['warning'], err);
  assert.match(err, warning);
};

test('a store that is down', async () => {
  const port = await freePort();
  assertWarned(
    await build(`redis://:${secret}@127.0.0.1:${port}`),
    new RegExp(`shared records at redis://127.0.0.1:${port}: .*ECONNREFUSED`),
  );
});

const behaviours: Record<string, (socket: Socket) => void> = {
  'a store that accepts connections and never answers': (socket) => void socket.resume(),
  'a store that closes connections': (socket) => void socket.destroy(),
  'a server with another protocol': (socket) =>
    void socket.resume().write(`HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n`),
  'a store that answers with an error': (socket) => socket.on('data', () => void socket.write('-ERR no\r\n')),
};
for (const [name, behave] of Object.entries(behaviours)) {
  test(name, async () => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
      behave(socket);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    try {
      assertWarned(await build(`redis://:${secret}@127.0.0.1:${port}`), /using only \.cache/);
    } finally {
      for (const socket of sockets) socket.destroy();
      server.close();
    }
  });
}

test('an invalid URL: exit code 2, and the URL is not printed', async () => {
  const { code, err } = await build(`http://:${secret}@127.0.0.1`);
  assert.is(code, 2);
  assert.match(err, /TASKS_CACHE_URL is not the address[\s\S]*hint: expected redis:/);
});

if (redisUnavailable !== undefined) test.skip(`(skipped: ${redisUnavailable})`);
else {
  test('values that are too long or of another type are skipped', async () => {
    const redis = await startRedis('right');
    try {
      const warnings: string[] = [];
      const store = openRedisStore(redis.url, (text) => warnings.push(text));
      const isAny = (value: unknown): value is unknown => value !== undefined;
      for (const name of ['good', 'long', 'list']) await store.set('record', name, { name });
      const [prefix] = redis.cli('KEYS', '*good').trim().split('record:good');
      redis.cli('DEL', `${prefix}record:list`);
      redis.cli('LPUSH', `${prefix}record:list`, 'x');
      redis.cli('SETRANGE', `${prefix}record:long`, String(64 << 20), 'x');
      const before = process.memoryUsage().rss;
      const found = await store.get(
        'record',
        ['good', 'long', 'list', 'none', '__proto__', 'constructor'],
        isAny,
      );
      assert.equal(warnings, []);
      assert.equal([...found], [['good', { name: 'good' }]]);
      assert.ok(process.memoryUsage().rss - before < 32 << 20, 'the long value was not read');
    } finally {
      await redis.close();
    }
  });

  test('a store with another password', async () => {
    const redis = await startRedis('right');
    try {
      assertWarned(await build(redis.url.replace('right', secret)), /WRONGPASS|invalid password/i);
    } finally {
      await redis.close();
    }
  });
}

test.run();
