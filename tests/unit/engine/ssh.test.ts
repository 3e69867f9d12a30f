import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { connect, type EngineApi } from '../../../src/engine/api.ts';
import { resolveEndpoint } from '../../../src/engine/endpoint.ts';
import { listImages } from '../../../src/engine/queries.ts';
import { DialFailed, openStdio } from '../../../src/engine/stdio-transport.ts';
import { type Timeouts, timeouts } from '../../../src/engine/timeouts.ts';
import { TasksError } from '../../../src/model/errors.ts';
import { settle } from '../../support/fake-engine.ts';
import { type FakeSsh, fakeSsh, sshTo } from '../../support/fake-ssh.ts';
import { stubEngine } from '../../support/stub-engine.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('engines behind ssh');
const address = 'ssh://me@build.example:2222';

function connectBy(ssh: Pick<FakeSsh, 'env'>, limits: Partial<Timeouts> = {}): EngineApi {
  return connect(resolveEndpoint({ DOCKER_HOST: address }), ssh.env, {
    timeouts: { ...timeouts, ...limits },
  });
}

/** An engine that keeps connections open, as docker engines do. */
async function keepingEngine(): Promise<{ readonly path: string; close(): void }> {
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    request.resume().on('end', () => response.end('[]'));
  });
  const file = path.join(tempFolder(), 's');
  await new Promise<void>((resolve) => server.listen(file, resolve));
  return {
    path: file,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function errorOf(work: Promise<unknown>): Promise<Error> {
  return await work.then(
    () => assert.unreachable('no error') as never,
    (error: Error) => error,
  );
}

/** Waits until a child process has ended, and until this process knows it. */
async function gone(pid: number): Promise<void> {
  while (existsSync(`/proc/${pid}`)) await new Promise((resolve) => setImmediate(resolve));
  await settle();
}

test('requests of all kinds use one ssh after the other, and reads its address', async () => {
  const engine = await stubEngine(({ url }) => ({ body: url === '/images/json' ? [] : { a: 1 } }));
  const ssh = sshTo(engine.env.DOCKER_HOST.slice('unix://'.length));
  const api = connectBy(ssh);
  assert.equal(await listImages(api), []);
  const response = await api.request({ method: 'POST', path: '/images/a/tag?repo=b&tag=c', body: { a: 1 } });
  assert.equal([response.status, response.body.toString()], [200, '{"a":1}']);
  assert.equal(
    engine.requests.map(({ method, url }) => `${method} ${url}`),
    ['GET /images/json', 'POST /images/a/tag?repo=b&tag=c'],
  );
  assert.equal(ssh.calls()[0], [
    ...['-l', 'me', '-p', '2222', '-o', 'ConnectTimeout=15', '-T'],
    ...['--', 'build.example', 'docker', 'system', 'dial-stdio'],
  ]);
  engine.close();
});

test('an engine that keeps connections open is reached by one ssh, and by another when that has ended', async () => {
  const engine = await keepingEngine();
  const ssh = sshTo(engine.path);
  const api = connectBy(ssh);
  for (let count = 0; count < 5; count++) {
    await api.get('/images/json');
    await api.request({ method: 'POST', path: '/images/a/tag', body: {} });
  }
  assert.is(ssh.calls().length, 1);
  process.kill(ssh.pids()[0]!, 'SIGKILL');
  await gone(ssh.pids()[0]!);
  assert.is((await api.get('/images/json')).status, 200);
  assert.is(ssh.calls().length, 2);
  engine.close();
});

test('requests at the same time have an ssh each', async () => {
  const engine = await keepingEngine();
  const ssh = sshTo(engine.path);
  const api = connectBy(ssh);
  await Promise.all([api.get('/a'), api.get('/b'), api.get('/c')]);
  assert.is(ssh.calls().length, 3);
  await Promise.all([api.get('/a'), api.get('/b'), api.get('/c')]);
  assert.is(ssh.calls().length, 3);
  engine.close();
});

test('an ssh that nothing uses ends after a while', async () => {
  const ssh = fakeSsh('process.stdin.pipe(process.stdout);');
  const transport = openStdio('ssh', [], ssh.env, 5);
  const closed = new Promise((resolve) => transport.once('close', resolve));
  // Such an ssh does not keep this process running, either.
  const running = setInterval(() => undefined, 1000);
  transport.write('x');
  await new Promise((resolve) => transport.once('data', resolve));
  transport.unref();
  transport.ref();
  transport.unref();
  await closed;
  await gone(ssh.pids()[0]!);
  clearInterval(running);
});

test('if ssh fails, what it printed is the reason', async () => {
  const ssh = fakeSsh(`console.error('ssh: Could not resolve hostname build.example'); process.exit(255);`);
  for (const request of [
    () => listImages(connectBy(ssh)),
    () => connectBy(ssh).request({ method: 'POST', path: '/x' }),
  ]) {
    const error = (await errorOf(request())) as TasksError;
    assert.instance(error, TasksError);
    assert.is(error.exitCode, 3);
    assert.is(
      error.message,
      `cannot connect to the docker engine at ${address} (DOCKER_HOST): ssh: Could not resolve hostname build.example`,
    );
    assert.instance(error.cause, DialFailed);
  }
  const silent = await errorOf(listImages(connectBy(fakeSsh('process.exit(7);'))));
  assert.match(silent.message, /ssh failed with exit code 7$/);
  const missing = await errorOf(listImages(connectBy({ env: { PATH: '/nowhere' } })));
  assert.match(missing.message, /cannot start ssh: it is not on PATH$/);
});

test('an ssh that is killed during a request: the connection was lost', async () => {
  const ssh = fakeSsh(`process.stdin.once('data', () => {
  process.stdout.write('HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\n', () => process.kill(process.pid, 'SIGKILL'));
});`);
  const error = (await errorOf(listImages(connectBy(ssh)))) as TasksError;
  assert.is(error.exitCode, 3);
  assert.match(
    error.message,
    /^lost the connection to the docker engine at ssh:.*: ssh was killed by SIGKILL$/,
  );
});

test('an ssh that hangs is killed when the request times out', async () => {
  const ssh = fakeSsh('setInterval(() => undefined, 1000);');
  const error = await errorOf(listImages(connectBy(ssh, { response: 500 })));
  assert.match(error.message, /is not responding/);
  await gone(ssh.pids()[0]!);
});

test('the end is noticed although a process that ssh left behind holds its error output open', async () => {
  // A connection that is shared by ControlPersist does that.
  const ssh = fakeSsh(`import { spawn } from 'node:child_process';
const left = spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'inherit'], detached: true });
process.stdout.write(String(left.pid), () => process.exit(3));`);
  const transport = openStdio('ssh', [], ssh.env);
  let left = '';
  transport.on('data', (data) => (left += data));
  const error = await new Promise<Error>((resolve) => transport.once('error', resolve));
  assert.is(error.message, 'ssh failed with exit code 3');
  process.kill(Number(left), 'SIGKILL');
});

test('all bytes arrive although ssh ends while nobody reads, and both directions are counted', async () => {
  const length = 3_000_000;
  const ssh = fakeSsh(
    `process.stdin.once('data', () => process.stdout.write(Buffer.alloc(${length}), () => process.exit(0)));`,
  );
  const transport = openStdio('ssh', [], ssh.env);
  transport.write('go');
  await new Promise((resolve) => transport.once('readable', resolve));
  for (let turn = 0; turn < 2_000; turn++) await settle();
  assert.ok(transport.bytesRead < length, 'what nobody reads is not read ahead');
  let received = 0;
  for await (const chunk of transport as AsyncIterable<Buffer>) received += chunk.length;
  assert.equal([received, transport.bytesRead, transport.bytesWritten], [length, length, 2]);
});

test.run();
