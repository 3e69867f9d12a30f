// Records shared through Redis. Two checkouts of a project, each with its own .cache, stand for two machines that use one engine.
import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineApi } from '../../src/engine/api.ts';
import { listImages } from '../../src/engine/queries.ts';
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

/** Creates a checkout for one machine. */
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
  /** Removes the content tags: without them, images are not found by their labels, only by a record. */
  const removeContentTags = async (): Promise<void> => {
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

  test("a second machine reuses the first one's images, runs the tests itself, and stores the records in its own .cache", async () => {
    const [a, b] = [checkout(), checkout()];
    const built = await run(a, 'build');
    assert.match((await run(a, 'test')).err, /1 passed/);
    await removeContentTags();

    const reused = await run(b, 'build');
    assert.match(reused.err, /2 up to date/);
    assert.is(reused.out, built.out, 'the tags are those of the first machine');
    assert.match((await run(b, 'test')).err, /1 passed/);

    redis.cli('FLUSHALL');
    await removeContentTags();
    assert.match((await run(b, 'build')).err, /2 up to date/);
    await run(checkout(), 'plan');
  });

  test('invalid values and missing images cause a build', async () => {
    const [a, b] = [checkout(), checkout()];
    await run(a, 'build');
    await removeContentTags();
    const names = redis.cli('KEYS', '*').trim().split('\n');
    assert.is(names.length, 4, names.join('\n'));
    for (const name of names) {
      assert.ok(Number(redis.cli('TTL', name)) > 80 * 86_400, 'every value expires');
      redis.cli('SET', name, 'garbage');
    }
    const withGarbage = await run(b, 'build');
    assert.match(withGarbage.err, /2 built/);
    assert.equal(withGarbage.err.match(/warning/g), ['warning'], withGarbage.err);

    await removeImages(api, label);
    const withoutImages = await run(checkout(), 'build');
    assert.match(withoutImages.err, /2 built/);
    assert.not.match(withoutImages.err, /warning/);
  });

  test('if the store stops responding, a run warns once and builds everything', async () => {
    const [a, b] = [checkout(), checkout()];
    await run(a, 'build');
    await removeImages(api, label);
    redis.pause();
    try {
      const { err } = await run(b, 'build');
      assert.match(err, /2 built/);
      assert.equal(err.match(/warning/g), ['warning'], err);
      assert.match(err, /no response within 2 s/);
    } finally {
      redis.resume();
    }
  });
}

test.run();
