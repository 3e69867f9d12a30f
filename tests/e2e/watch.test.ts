import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { projectWith, start } from '../support/cli.ts';
import { tempFolder, writeFiles } from '../support/temp.ts';

const test = suite('tasks watch');
const env = { DOCKER_HOST: 'unix:///nowhere.sock' };

const running = new Set<ReturnType<typeof start>['child']>();
test.after.each(() => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
});
/** One that also ends where a test ends badly. */
const watch = (cwd: string, ...args: string[]) => {
  const started = start(['watch', ...args], { cwd, env });
  running.add(started.child);
  return started;
};

/** The text on standard error, so many times; each time stands for an event. */
const times = (err: string, text: string): number => err.split(text).length - 1;

test('inputs, programs and definitions are noticed; errors are shown and it goes on; an interrupt ends it', async () => {
  const cwd = projectWith(
    `import { command } from 'image-tasks';
export const copy = command({ name: 'copy', run: ['./copy'], inputs: ['in/**'] });
`,
    {
      'copy*': '#!/bin/sh\necho "made of $(cat in/a in/new/b 2> /dev/null)" | tee "$TASKS_OUT/x"\n',
      'in/a': 'one',
    },
  );
  const definitions = path.join(cwd, 'tasks/images.ts');
  const { child, said, ended } = watch(cwd, '--verbose');
  await said('made of one');
  await said('watching for changes');

  writeFileSync(path.join(cwd, 'in/a'), 'two');
  await said('made of two');
  rmSync(path.join(cwd, 'in/a'));
  mkdirSync(path.join(cwd, 'in/new'));
  writeFileSync(path.join(cwd, 'in/new/b'), 'three');
  await said('made of three');
  await said('changed: in/');

  chmodSync(path.join(cwd, 'copy'), 0o644);
  await said('could not be started');
  chmodSync(path.join(cwd, 'copy'), 0o755);
  await said('1 up to date');

  writeFileSync(definitions, 'export const x = ;\n');
  await said('tasks/images.ts:1:18');
  writeFileSync(
    definitions,
    `import { command } from 'image-tasks';
export const other = command({ name: 'other', run: ['echo', 'mended'] });
`,
  );
  await said('other:latest │ mended');

  rmSync(path.join(cwd, 'in'), { recursive: true });
  child.kill('SIGINT');
  const { code, err } = await ended;
  assert.is(code, 130, err);
});

test('what does not count, and what runs write themselves, starts nothing; a failure is not tried again for it', async () => {
  const cwd = projectWith(
    `import { command } from 'image-tasks';
export const noisy = command({ name: 'noisy', run: ['./noisy'], inputs: ['in/*.txt'] });
`,
    // Writes beside its input, where a change is seen and does not count, and fails.
    { 'noisy*': '#!/bin/sh\necho "run with $(cat in/a.txt)"\ndate > in/trace\nexit 3\n', 'in/a.txt': '1' },
  );
  const { child, said, ended } = watch(cwd, '--verbose');
  await said('run with 1');
  writeFileSync(path.join(cwd, 'in/other'), 'x');
  writeFileSync(path.join(cwd, 'in/a.txt'), '2');
  await said('run with 2');
  writeFileSync(path.join(cwd, 'in/a.txt'), '3');
  await said('run with 3');
  child.kill('SIGINT');
  const { code, err } = await ended;
  assert.is(code, 130);
  assert.equal([times(err, 'latest │ run with 1'), times(err, 'latest │ run with 2')], [1, 1], err);
});

test('what links lead to is noticed: programs, files, folders, contexts, in packages and outside; and links that are switched', async () => {
  const outside = tempFolder();
  writeFiles(outside, { 'dir/x': 'one\n' });
  const cwd = projectWith(
    `import { command } from 'image-tasks';
export const gen = command({ name: 'gen', run: ['node_modules/.bin/gen'], inputs: ['in', 'now/*'] });
`,
    {
      'node_modules/gen/cli*': '#!/bin/sh\necho "one: $(cat in/file in/dir/x now/y | tr "\\n" " ")"\n',
      'node_modules/.bin/gen': { link: '../gen/cli' },
      'common/file': 'one\n',
      'in/file': { link: '../common/file' },
      'in/dir': { link: path.join(outside, 'dir') },
      'v1/y': 'v1\n',
      'v2/y': 'v2\n',
      now: { link: 'v1' },
    },
  );
  const { child, said, ended } = watch(cwd, '--verbose');
  await said('one: one one v1');
  await said('watching for changes');
  writeFileSync(path.join(cwd, 'common/file'), 'two\n');
  await said('one: two one v1');
  writeFileSync(path.join(outside, 'dir/x'), 'three\n');
  await said('one: two three v1');
  rmSync(path.join(cwd, 'now'));
  symlinkSync('v2', path.join(cwd, 'now'));
  await said('one: two three v2');
  writeFileSync(path.join(cwd, 'v2/y'), 'v3\n');
  await said('one: two three v3');
  writeFileSync(path.join(cwd, 'node_modules/gen/cli'), '#!/bin/sh\necho four\n');
  await said('latest │ four');
  child.kill('SIGINT');
  assert.is((await ended).code, 130);
});

test('wrong usage ends it', async () => {
  const cwd = projectWith(
    `import { command } from 'image-tasks';
export const one = command({ name: 'one', run: ['true'] });
`,
  );
  for (const args of [['--jobs', '0'], ['nothing'], ['--view', 'x']]) {
    const { code, err } = await watch(cwd, ...args).ended;
    assert.is(code, 2, err);
  }
});

test.run();
