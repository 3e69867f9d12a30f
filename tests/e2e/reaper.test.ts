import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type StubEngine, stubEngine } from '../support/stub-engine.ts';

const test = suite('e2e: reaper');

/** Starts the reaper, writes `input` to it, closes its input, and waits until it exits. */
async function runReaper(engine: StubEngine, input: string): Promise<void> {
  const child = spawn(process.execPath, [path.resolve('dist/reaper.js')], {
    env: { ...process.env, ...engine.env },
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  child.stdin.end(input);
  const [code] = await once(child, 'exit');
  assert.is(code, 0);
}

test('containers that were added and not released are removed when the input ends', async () => {
  const engine = await stubEngine(() => ({ status: 204 }));
  await runReaper(engine, '+one\n+two\n-one\n+three\n-three\n');
  assert.equal(
    engine.requests.map(({ method, url }) => `${method} ${url}`),
    ['DELETE /containers/two?force=1&v=1'],
  );
  engine.close();
});

test('without remaining containers, no request is sent', async () => {
  const engine = await stubEngine(() => ({ status: 204 }));
  await runReaper(engine, '+one\n-one\n');
  assert.equal(engine.requests, []);
  engine.close();
});

test('a container that does not exist yet is retried', async () => {
  const engine = await stubEngine(() => ({ status: engine.requests.length < 3 ? 404 : 204 }));
  await runReaper(engine, '+one\n');
  assert.is(engine.requests.length, 3);
  engine.close();
});

test.run();
