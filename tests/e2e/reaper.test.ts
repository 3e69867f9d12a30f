import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type StubEngine, stubEngine } from '../support/stub-engine.ts';

const test = suite('what removes the containers of a killed run');

/** Starts it, tells it this, ends its input, and waits for its end. */
async function reap(engine: StubEngine, text: string, before?: (pid: number) => void): Promise<void> {
  const child = spawn(process.execPath, [path.resolve('dist/reaper.js')], {
    env: { ...process.env, ...engine.env },
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  child.stdin.write(text);
  before?.(child.pid!);
  child.stdin.end();
  const [code] = await once(child, 'exit');
  assert.is(code, 0);
}

test('what was watched and not released goes when the input ends', async () => {
  const engine = await stubEngine(() => ({ status: 204 }));
  await reap(engine, '+one\n+two\n-one\n+three\n-three\n');
  assert.equal(
    engine.requests.map(({ method, url }) => `${method} ${url}`),
    ['DELETE /containers/two?force=1&v=1'],
  );
  engine.close();
});

test('nothing is asked where nothing is left', async () => {
  const engine = await stubEngine(() => ({ status: 204 }));
  await reap(engine, '+one\n-one\n');
  assert.equal(engine.requests, []);
  engine.close();
});

test('a container that the engine was still making is asked for again', async () => {
  const engine = await stubEngine(() => ({ status: engine.requests.length < 3 ? 404 : 204 }));
  await reap(engine, '+one\n');
  assert.is(engine.requests.length, 3);
  engine.close();
});

test.run();
