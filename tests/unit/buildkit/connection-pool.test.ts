import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { build, type SolveResult } from '../../../src/buildkit/build.ts';
import { type Connection, connect, openSocket } from '../../../src/buildkit/connect.ts';
import { type ConnectionPool, makeConnectionPool } from '../../../src/buildkit/connection-pool.ts';
import { EngineLost } from '../../../src/buildkit/engine-lost.ts';
import { SolveFailed } from '../../../src/buildkit/solve-failed.ts';
import type { SolveInput } from '../../../src/buildkit/solve-request.ts';
import { type FakeBuild, type FakeBuildKit, fakeBuildKit } from '../../support/fake-buildkit.ts';
import { settle } from '../../support/fake-engine.ts';

const test = suite('builds that share connections');
const never = new AbortController().signal;
const input: SolveInput = {
  sharedKey: 'sha256:c',
  filename: 'Dockerfile',
  dockerfile: { key: 'dockerfile-1' },
  platform: 'linux/amd64',
  network: 'default',
  args: {},
  labels: {},
  noCache: false,
  namedContexts: {},
  export: { kind: 'moby' },
};

function poolOf(engine: FakeBuildKit): { pool: ConnectionPool; opened: Connection[] } {
  const opened: Connection[] = [];
  const pool = makeConnectionPool(async () => {
    const connection = await connect(
      () => openSocket({ kind: 'unix', path: engine.path }),
      ['direct'],
      never,
    );
    opened.push(connection);
    return connection;
  });
  return { pool, opened };
}

/** Builds on a share of a connection. `name` tells the engine's builds apart. */
async function buildIn(pool: ConnectionPool, name: string, signal = never): Promise<SolveResult> {
  return await build(await pool.acquire(signal), { ...input, labels: { name } }, {}, () => undefined, signal);
}

const nameOf = ({ request }: FakeBuild): string => request.FrontendAttrs['label:name']!;

async function takeAll(engine: FakeBuildKit, count: number): Promise<FakeBuild[]> {
  return await Promise.all(Array.from({ length: count }, () => engine.build()));
}

async function succeed(running: FakeBuild): Promise<void> {
  running.endStatus();
  await running.answer({ 'containerimage.digest': nameOf(running) });
}

async function errorOf(result: Promise<unknown>): Promise<Error> {
  return await result.then(
    () => assert.unreachable('the build succeeded') as never,
    (error: Error) => error,
  );
}

test('80 builds at once share two connections, and later ones use them again', async () => {
  const engine = await fakeBuildKit();
  const { pool, opened } = poolOf(engine);
  for (const round of ['a', 'b']) {
    const results = Array.from({ length: 80 }, (_, index) => buildIn(pool, `${round}${index}`));
    const running = await takeAll(engine, 80);
    assert.is(engine.connections.size, 2);
    await Promise.all(running.map(succeed));
    const digests = (await Promise.all(results)).map(({ digest }) => digest);
    assert.equal(
      digests,
      digests.map((_, index) => `${round}${index}`),
      'each build gets its own answer',
    );
  }
  assert.is(opened.length, 2);
  engine.close();
});

test('a connection that broke gets no more builds', async () => {
  const engine = await fakeBuildKit();
  const { pool, opened } = poolOf(engine);
  const lost = [buildIn(pool, '1'), buildIn(pool, '2')].map(errorOf);
  await takeAll(engine, 2);
  engine.kill();
  for (const error of lost) assert.is(((await error) as EngineLost).reason, 'closed');
  const next = buildIn(pool, '3');
  await succeed(await engine.build());
  assert.is((await next).digest, '3');
  assert.is(opened.length, 2);
  engine.close();
});

test('a connection that broke while nothing used it gets no more builds', async () => {
  const engine = await fakeBuildKit();
  const { pool, opened } = poolOf(engine);
  const first = buildIn(pool, '1');
  await succeed(await engine.build());
  await first;
  const closed = new Promise((resolve) => opened[0]!.http2.once('close', resolve));
  engine.kill();
  await closed;
  const next = buildIn(pool, '2');
  await succeed(await engine.build());
  assert.is((await next).digest, '2');
  engine.close();
});

test('a connection that a build found silent gets no more builds, but those on it go on', async () => {
  const engine = await fakeBuildKit();
  const { pool, opened } = poolOf(engine);
  const shares = [await pool.acquire(never), await pool.acquire(never)];
  const limits = { silence: 24, answer: 600_000, session: 600_000, status: 600_000 };
  const silent = errorOf(build(shares[0]!, input, {}, () => undefined, never, limits));
  const going = build(shares[1]!, input, {}, () => undefined, never);
  const running = await takeAll(engine, 2);
  assert.is(((await silent) as EngineLost).reason, 'silent');
  (await pool.acquire(never)).close();
  assert.is(opened.length, 2);
  const ended = new Promise((resolve) => opened[0]!.http2.once('close', resolve));
  for (const each of running) {
    each.endStatus();
    await each.answer().catch(() => undefined);
  }
  await going;
  // The last of its builds has ended.
  await ended;
  engine.close();
});

test('an answer that cannot be read: the build with the failed step fails, the others lost their engine', async () => {
  const engine = await fakeBuildKit();
  const { pool } = poolOf(engine);
  const results = ['guilty', 'innocent'].map((name) => errorOf(buildIn(pool, name)));
  const running = await takeAll(engine, 2);
  const guilty = running.find((each) => nameOf(each) === 'guilty')!;
  const at = (seconds: number) => ({ seconds: BigInt(seconds), nanos: 0 });
  await guilty.status({
    vertexes: [{ digest: 'b', name: '[1/1] RUN x', started: at(1), completed: at(2), error: 'exit code: 7' }],
  });
  guilty.endStatus();
  guilty.fail('x', { 'errdefs.Source': 'y'.repeat(100_000) });
  const [failed, lost] = await Promise.all(results);
  assert.instance(failed, SolveFailed);
  assert.is(failed!.message, 'exit code: 7');
  assert.instance(lost, EngineLost);
  engine.close();
});

test('an abort cancels its own build only', async () => {
  const engine = await fakeBuildKit();
  const { pool, opened } = poolOf(engine);
  const controller = new AbortController();
  const aborted = errorOf(buildIn(pool, 'aborted', controller.signal));
  const other = buildIn(pool, 'other');
  const running = await takeAll(engine, 2);
  controller.abort(new Error('stop'));
  assert.is((await aborted).message, 'stop');
  await running.find((each) => nameOf(each) === 'aborted')!.cancelled;
  await succeed(running.find((each) => nameOf(each) === 'other')!);
  assert.is((await other).digest, 'other');
  assert.is(opened.length, 1);
  engine.close();
});

test('an abort while the connection is opened ends the wait at once, and leaves the connection to the others', async () => {
  const engine = await fakeBuildKit();
  let open!: () => void;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const { pool: inner } = poolOf(engine);
  const pool = makeConnectionPool(async () => {
    await opened;
    return await inner.acquire(never);
  });
  const controller = new AbortController();
  const waiting = errorOf(pool.acquire(controller.signal));
  const other = pool.acquire(never);
  controller.abort(new Error('stop'));
  assert.is((await waiting).message, 'stop');
  open();
  const share = await other;
  await settle();
  assert.is(share.http2.destroyed, false);
  engine.close();
});

test('a connection that cannot be opened fails all who wait for it, and the next build tries again', async () => {
  const engine = await fakeBuildKit();
  const { pool: inner } = poolOf(engine);
  let tries = 0;
  const pool = makeConnectionPool(async () => {
    if (++tries === 1) throw new EngineLost('unreachable', 'no');
    return await inner.acquire(never);
  });
  const errors = await Promise.all([pool.acquire(never), pool.acquire(never)].map(errorOf));
  assert.equal(
    errors.map(({ message }) => message),
    ['no', 'no'],
  );
  (await pool.acquire(never)).close();
  assert.is(tries, 2);
  engine.close();
});

test.run();
