import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeProject, runCli } from '../support/cli.ts';

const test = suite('e2e: full and read-only disks');
const env = { DOCKER_HOST: 'unix:///nowhere.sock' };

const definitions = `import { command } from 'image-tasks';
export const small = command({ name: 'small', run: ['./small'] });
export const big = command({ name: 'big', run: ['./big'], after: [small] });
`;

/** Creates a project whose `.cache` is a small disk. Returns undefined if this user cannot mount one. */
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
  test('a full disk fails the task; finished tasks are kept, and a run with free space succeeds', async () => {
    const { cwd, cache, close } = projectOnDisk()!;
    try {
      const full = await runCli(['build'], { cwd, env });
      assert.ok(full.code === 1 || full.code === 3, `${full.code}`);
      assert.match(full.err, /No space left|no space left/);
      assert.match(full.err, /1 built, 1 failed/);
      assert.not.match(full.err, /\n {4}at /, 'no stack');
      writeFileSync(path.join(cwd, 'big'), '#!/bin/sh\necho less > "$TASKS_OUT/x"\n');
      const next = await runCli(['build'], { cwd, env });
      assert.is(next.code, 0, next.err);
      assert.match(next.err, /1 built, 1 up to date/);

      rmSync(path.join(cache, 'memo'));
      spawnSync('dd', ['if=/dev/zero', `of=${cache}/fill`, 'bs=4096', 'count=1000'], { stdio: 'ignore' });
      const plan = await runCli(['plan'], { cwd, env });
      assert.is(plan.code, 0, plan.err);
      assert.match(plan.out, /2 up to date/);
      writeFileSync(path.join(cwd, 'small'), '#!/bin/sh\necho other > "$TASKS_OUT/x"\n');
      const noSpace = await runCli(['build', 'small'], { cwd, env });
      assert.ok(noSpace.code === 1 || noSpace.code === 3, noSpace.err);
      assert.match(noSpace.err, /no space left on device/);
      rmSync(path.join(cache, 'fill'));
      assert.is((await runCli(['build', 'small'], { cwd, env })).code, 0);
    } finally {
      close();
    }
  });

  test('with a read-only .cache, plan works and build fails with a hint', async () => {
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
      assert.match(err, /make \.cache in the project a folder that you can write to/);
    } finally {
      close();
    }
  });

  for (const [form, first] of [
    ['plain', ''],
    ['with top-level await', 'await Promise.resolve();\n'],
  ])
    test(`with an empty read-only .cache, plan works (definitions ${form})`, async () => {
      const { cwd, cache, close } = projectOnDisk()!;
      try {
        writeFileSync(path.join(cwd, 'tasks/images.ts'), first + definitions);
        spawnSync('mount', ['-o', 'remount,ro', cache]);
        for (const args of [['plan'], ['list'], ['why', 'small'], ['graph']]) {
          const { code, out, err } = await runCli(args, { cwd, env });
          assert.is(code, 0, err);
          assert.match(out, /small/);
        }
        const wrong = `${first}${definitions}export const wrong = command({ name: 'WRONG', run: ['x'] });\n`;
        writeFileSync(path.join(cwd, 'tasks/images.ts'), wrong);
        assert.match((await runCli(['plan'], { cwd, env })).err, /tasks\/images\.ts:\d+:38 › WRONG › name/);
      } finally {
        close();
      }
    });
} else test.skip('(skipped: this user cannot mount a small disk)');

test.run();
