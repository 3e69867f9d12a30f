import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeProject, runCli } from '../support/cli.ts';

const test = suite('full and read-only disks');
const env = { DOCKER_HOST: 'unix:///nowhere.sock' };

const definitions = `import { command } from 'image-tasks';
export const small = command({ name: 'small', run: ['./small'] });
export const big = command({ name: 'big', run: ['./big'], after: [small] });
`;

/** A project whose `.cache` is a small disk of its own; undefined where this machine does not let us mount one. */
function projectOnDisk(): { cwd: string; cache: string; close: () => void } | undefined {
  const cwd = makeProject(definitions, {
    'small*': '#!/bin/sh\necho small > "$TASKS_OUT/x"\n',
    'big*': '#!/bin/sh\nset -e\nhead -c 3000000 /dev/zero > "$TASKS_OUT/x"\n',
  });
  const cache = path.join(cwd, '.cache');
  mkdirSync(cache);
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', cache]);
  if (status !== 0) return undefined;
  return { cwd, cache, close: () => void spawnSync('umount', [cache]) };
}

const probe = projectOnDisk();
probe?.close();

if (probe !== undefined) {
  test('a disk that fills up: that task fails, what finished is kept, and all goes on once there is room', async () => {
    const { cwd, cache, close } = projectOnDisk()!;
    try {
      const full = await runCli(['build'], { cwd, env });
      assert.ok(full.code === 1 || full.code === 3, `${full.code}`);
      assert.match(full.err, /No space left|no space left/);
      assert.match(full.err, /1 built, 1 failed/);
      assert.not.match(full.err, /\n {4}at /, 'no stack');
      writeFileSync(path.join(cwd, 'big'), '#!/bin/sh\necho less > "$TASKS_OUT/x"\n');
      const again = await runCli(['build'], { cwd, env });
      assert.is(again.code, 0, again.err);
      assert.match(again.err, /1 built, 1 up to date/);

      rmSync(path.join(cache, 'memo'));
      spawnSync('dd', ['if=/dev/zero', `of=${cache}/fill`, 'bs=4096', 'count=1000'], { stdio: 'ignore' });
      const plan = await runCli(['plan'], { cwd, env });
      assert.is(plan.code, 0, plan.err);
      assert.match(plan.out, /2 up to date/);
      writeFileSync(path.join(cwd, 'small'), '#!/bin/sh\necho other > "$TASKS_OUT/x"\n');
      const fullToTheLast = await runCli(['build', 'small'], { cwd, env });
      assert.ok(fullToTheLast.code === 1 || fullToTheLast.code === 3, fullToTheLast.err);
      assert.match(fullToTheLast.err, /no space left on device/);
      rmSync(path.join(cache, 'fill'));
      assert.is((await runCli(['build', 'small'], { cwd, env })).code, 0);
    } finally {
      close();
    }
  });

  test('a read-only .cache: plan works, build says what is wrong', async () => {
    const { cwd, cache, close } = projectOnDisk()!;
    try {
      await runCli(['build', 'small'], { cwd, env });
      spawnSync('mount', ['-o', 'remount,ro', cache]);
      const plan = await runCli(['plan', 'small'], { cwd, env });
      assert.is(plan.code, 0, plan.err);
      assert.match(plan.out, /1 up to date/);
      assert.is((await runCli(['build', 'small'], { cwd, env })).code, 0);
      const { code, err } = await runCli(['build'], { cwd, env });
      assert.is(code, 3, err);
      assert.match(err, /read-only file system/);
      assert.match(err, /\.cache in the project must be a folder that you may write to/);
    } finally {
      close();
    }
  });

  for (const [form, first] of [
    ['plain', ''],
    ['with top-level await', 'await Promise.resolve();\n'],
  ])
    test(`a read-only .cache without anything in it: plan works (definitions ${form})`, async () => {
      const { cwd, cache, close } = projectOnDisk()!;
      try {
        writeFileSync(path.join(cwd, 'tasks/images.ts'), first + definitions);
        spawnSync('mount', ['-o', 'remount,ro', cache]);
        for (const args of [['plan'], ['list'], ['why', 'small'], ['graph']]) {
          const { code, out, err } = await runCli(args, { cwd, env });
          assert.is(code, 0, err);
          assert.match(out, /small/);
        }
      } finally {
        close();
      }
    });
} else test.skip('(skipped: this user may not mount a small disk)');

test.run();
