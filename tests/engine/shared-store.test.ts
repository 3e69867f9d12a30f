// Records that machines share through Redis: two checkouts of one project, each with a .cache of its own, stand for two
// machines that use one engine.
import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type EngineApi, listImages } from '../../src/engine/api.ts';
import { busybox } from '../support/busybox.ts';
import { type CliResult, makeProject, runCli } from '../support/cli.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { type Redis, redisUnavailable, startRedis } from '../support/redis.ts';

const test = suite('records shared through redis');
const label = 'image-tasks.shared-test';
const repo = `tasks-shared-${process.pid}`;
const definitions = `import { image, project } from 'image-tasks';
export default project({ repo: '${repo}' });
const labels = { '${label}': '1' };
export const base = image({ name: 'base', context: 'base', labels });
export const app = image({ name: 'app', context: 'app', labels, needs: { BASE: base }, test: 'app/test' });
`;

/** A machine's checkout. */
function checkout(): string {
  const root = makeProject(definitions, {
    'base/Dockerfile': 'FROM scratch\nCOPY bin /bin\n',
    'app/Dockerfile': 'ARG BASE\nFROM $BASE\nCOPY x /\n',
    'app/.dockerignore': 'test\n',
    'app/x': 'x\n',
    'app/test*': '#!/bin/sh\n[ "$(cat /x)" = x ]\n',
  });
  mkdirSync(path.join(root, 'base/bin'));
  for (const name of ['sh', 'cat']) copyFileSync(busybox(), path.join(root, 'base/bin', name));
  return root;
}

if (redisUnavailable !== undefined) test.skip(`(skipped: ${redisUnavailable})`);
else {
  let api: EngineApi;
  let redis: Redis;
  const run = async (cwd: string, ...args: string[]): Promise<CliResult> => {
    const ran = await runCli(args, { cwd, env: { TASKS_CACHE_URL: redis.url } });
    assert.is(ran.code, 0, ran.err);
    assert.not.match(ran.out + ran.err, 'xyzzy');
    return ran;
  };
  /** Without their content tags images are not found by their labels: only a record tells of them. */
  const untag = async (): Promise<void> => {
    for (const { tags } of (await listImages(api)).filter(({ labels }) => labels[label] !== undefined))
      for (const tag of tags.filter((each) => /-k[0-9a-f]{12}$/.test(each)))
        await api.request({ method: 'DELETE', path: `/images/${tag}?noprune=1` });
  };

  test.before(async () => {
    api = await connectTestEngine();
    redis = await startRedis('xyzzy');
  });
  test.after(async () => {
    await removeImages(api, label);
    await redis.close();
  });
  test.before.each(async () => {
    await removeImages(api, label);
    redis.cli('FLUSHALL');
  });

  test('a second machine reuses images of the first, and tests them itself; then its own .cache knows', async () => {
    const [a, b] = [checkout(), checkout()];
    const built = await run(a, 'build');
    assert.match((await run(a, 'test')).err, /1 passed/);
    await untag();

    const reused = await run(b, 'build');
    assert.match(reused.err, /2 up to date/);
    assert.is(reused.out, built.out, 'the tags that the first machine gave');
    assert.match((await run(b, 'test')).err, /1 passed/);

    redis.cli('FLUSHALL');
    await untag();
    assert.match((await run(b, 'build')).err, /2 up to date/);
    await run(checkout(), 'plan');
  });

  test('values that others put in their place, and images that are gone, cost a build', async () => {
    const [a, b] = [checkout(), checkout()];
    await run(a, 'build');
    await untag();
    const names = redis.cli('KEYS', '*').trim().split('\n');
    assert.is(names.length, 4, names.join('\n'));
    for (const name of names) {
      assert.ok(Number(redis.cli('TTL', name)) > 80 * 86_400, 'nothing stays for ever');
      redis.cli('SET', name, 'garbage');
    }
    const lied = await run(b, 'build');
    assert.match(lied.err, /2 built/);
    assert.equal(lied.err.match(/warning/g), ['warning'], lied.err);

    await removeImages(api, label);
    const gone = await run(checkout(), 'build');
    assert.match(gone.err, /2 built/);
    assert.not.match(gone.err, /warning/);
  });

  test('a store that stops answering in between: one warning, and all is built', async () => {
    const [a, b] = [checkout(), checkout()];
    await run(a, 'build');
    await removeImages(api, label);
    redis.pause();
    try {
      const { err } = await run(b, 'build');
      assert.match(err, /2 built/);
      assert.equal(err.match(/warning/g), ['warning'], err);
      assert.match(err, /no answer within 2 s/);
    } finally {
      redis.resume();
    }
  });
}

test.run();
