import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeProject, startCli } from '../support/cli.ts';
import { tempFolder, writeFiles } from '../support/temp.ts';

const test = suite('e2e: watch');
const env = { DOCKER_HOST: 'unix:///nowhere.sock' };

const running = new Set<ReturnType<typeof startCli>['child']>();
test.after.each(() => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
});
/** Starts `tasks watch`, which is killed after the test. */
const watch = (cwd: string, ...args: string[]) => {
  const started = startCli(['watch', ...args], { cwd, env });
  running.add(started.child);
  return started;
};

/** Returns how many times a text occurs. */
const occurrences = (err: string, text: string): number => err.split(text).length - 1;

test('watch reacts to inputs, programs and definitions, continues after errors, and ends on an interrupt', async () => {
  const cwd = makeProject(
    `import { command } from 'image-tasks';
export const copy = command({ name: 'copy', run: ['./copy'], inputs: ['in/**'] });
`,
    {
      'copy*': '#!/bin/sh\necho "made of $(cat in/a in/new/b 2> /dev/null)" | tee "$TASKS_OUT/x"\n',
      'in/a': 'one',
    },
  );
  const definitions = path.join(cwd, 'tasks/images.ts');
  const { child, printed, ended } = watch(cwd, '--verbose');
  await printed('made of one');
  await printed(' for changes (Ctrl-C to stop)');

  writeFileSync(path.join(cwd, 'in/a'), 'two');
  await printed('made of two');
  rmSync(path.join(cwd, 'in/a'));
  mkdirSync(path.join(cwd, 'in/new'));
  writeFileSync(path.join(cwd, 'in/new/b'), 'three');
  await printed('made of three');
  await printed('changed: in/');

  chmodSync(path.join(cwd, 'copy'), 0o644);
  await printed('is not executable');
  chmodSync(path.join(cwd, 'copy'), 0o755);
  await printed('1 up to date');

  writeFileSync(definitions, 'export const x = ;\n');
  await printed('tasks/images.ts:1:18');
  writeFileSync(
    definitions,
    `import { command } from 'image-tasks';
export const other = command({ name: 'other', run: ['echo', 'repaired'] });
`,
  );
  await printed('other:latest │ repaired');

  rmSync(path.join(cwd, 'in'), { recursive: true });
  child.kill('SIGINT');
  const { code, err } = await ended;
  assert.is(code, 130, err);
});

test('changes of other files, and files written by runs, do not start a run', async () => {
  const cwd = makeProject(
    `import { command } from 'image-tasks';
export const noisy = command({ name: 'noisy', run: ['./noisy'], inputs: ['in/*.txt'] });
`,
    // Writes a file next to its input, which is watched but not an input, and fails.
    { 'noisy*': '#!/bin/sh\necho "run with $(cat in/a.txt)"\ndate > in/trace\nexit 3\n', 'in/a.txt': '1' },
  );
  const { child, printed, ended } = watch(cwd, '--verbose');
  await printed('run with 1');
  writeFileSync(path.join(cwd, 'in/other'), 'x');
  writeFileSync(path.join(cwd, 'in/a.txt'), '2');
  await printed('run with 2');
  writeFileSync(path.join(cwd, 'in/a.txt'), '3');
  await printed('run with 3');
  child.kill('SIGINT');
  const { code, err } = await ended;
  assert.is(code, 130);
  assert.equal(
    [occurrences(err, 'latest │ run with 1'), occurrences(err, 'latest │ run with 2')],
    [1, 1],
    err,
  );
});

test('watch reacts to changes of link targets and of links', async () => {
  const outside = tempFolder();
  writeFiles(outside, { 'dir/x': 'one\n' });
  const cwd = makeProject(
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
  const { child, printed, ended } = watch(cwd, '--verbose');
  await printed('one: one one v1');
  await printed(' for changes (Ctrl-C to stop)');
  writeFileSync(path.join(cwd, 'common/file'), 'two\n');
  await printed('one: two one v1');
  writeFileSync(path.join(outside, 'dir/x'), 'three\n');
  await printed('one: two three v1');
  rmSync(path.join(cwd, 'now'));
  symlinkSync('v2', path.join(cwd, 'now'));
  await printed('one: two three v2');
  writeFileSync(path.join(cwd, 'v2/y'), 'v3\n');
  await printed('one: two three v3');
  writeFileSync(path.join(cwd, 'node_modules/gen/cli'), '#!/bin/sh\necho four\n');
  await printed('latest │ four');
  child.kill('SIGINT');
  assert.is((await ended).code, 130);
});

test('an undone edit is a run, too: outputs and tags become those of the content', async () => {
  const cwd = makeProject(
    `import { command } from 'image-tasks';
export const copy = command({ name: 'copy', run: ['sh', '-c', 'cat in | tee "$TASKS_OUT/x"'], inputs: ['in'] });
`,
    { in: 'one\n' },
  );
  const { child, printed, ended } = watch(cwd, '--verbose');
  await printed('latest │ one');
  await printed(' for changes (Ctrl-C to stop)');
  writeFileSync(path.join(cwd, 'in'), 'two\n');
  await printed('latest │ two');
  writeFileSync(path.join(cwd, 'in'), 'one\n');
  await printed('1 up to date');
  child.kill('SIGINT');
  assert.is((await ended).code, 130);
});

test('wrong usage ends watch with exit code 2', async () => {
  const cwd = makeProject(
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
