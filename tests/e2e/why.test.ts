import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeProject, runCli } from '../support/cli.ts';
import { writeFiles } from '../support/temp.ts';

const test = suite('e2e: why');
const env = { DOCKER_HOST: 'unix:///nowhere.sock' };
const definitions = (versions: string): string => `import { command, image } from 'image-tasks';
const versions = ${versions};
export const source = command({ name: 'source', versions, run: (v) => ['./make', v], inputs: ['in/**'], env: ['COLOUR'] });
export const copy = command({ name: 'copy', versions, run: ['true'], needs: { source } });
export const app = image({ name: 'app', versions, context: 'app', args: (v) => ({ VERSION: v }) });
`;
const project = (): string =>
  makeProject(definitions("['1', '2']"), {
    'make*': '#!/bin/sh\necho $1 > "$TASKS_OUT/x"\n',
    'in/a': 'a',
    'app/Dockerfile': 'FROM scratch\nARG VERSION\nCOPY a b /x/\n# a comment\nCMD ["x"]\n',
    'app/a': '',
    'app/b*': '',
  });
const why = async (cwd: string, ...args: string[]): Promise<string> => {
  const { code, out, err } = await runCli(['why', ...args], { cwd, env });
  assert.is(code, 0, err);
  return out;
};

test('why explains a new task, an up-to-date task and changed inputs', async () => {
  const cwd = project();
  assert.match(await why(cwd, 'source:1'), /^source:1 will be run\n {2}not built before\n/);
  await runCli(['build', 'copy'], { cwd, env });
  assert.match(
    await why(cwd, 'source:1'),
    /^source:1 is up to date\n {2}no inputs changed\nunchanged since /,
  );
  writeFiles(cwd, { 'in/b': '' });
  writeFileSync(path.join(cwd, 'in/a'), 'other');
  const out = await why(cwd, 'source:1');
  assert.match(
    out,
    /^source:1 will be run\n {2}file {2}in\/a {2}changed\n {2}file {2}in\/b {2}added\nunchanged since .*: 1 env/m,
  );
  assert.match(await why(cwd, 'copy:1'), /need {2}source {2}source:1 changed\n {2}source:1 will be run\n/);
});

test('a new version is compared with the closest version', async () => {
  const cwd = project();
  await runCli(['build', 'copy'], { cwd, env });
  writeFileSync(path.join(cwd, 'tasks/images.ts'), definitions("['1', '2', '3']"));
  const out = await why(cwd, 'source:3');
  assert.match(out, /^source:3 will be run\n {2}argv {2}1 {2}2 → 3\nsame as source:2 on /);
  const plan = await runCli(['plan', 'source:3'], { cwd, env });
  assert.match(plan.out, /not built before; compared with source:2: argv 1 2 → 3/);
});

test('why compares two tasks, also with --json', async () => {
  const cwd = project();
  assert.match(
    await why(cwd, 'app:1', 'app:2'),
    /^app:1 compared with app:2:\n {2}arg {2}VERSION {2}2 → 1\n/,
  );
  const answer = JSON.parse(await why(cwd, 'app:1', 'app:2', '--json')) as Record<string, unknown>;
  assert.equal(answer.against, { task: 'app:2' });
  assert.equal(answer.differences, [{ kind: 'arg', name: 'VERSION', before: '2', after: '1' }]);
});

test('a .git folder or Git LFS pointers in a context are noted once, but do not cause a build', async () => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 5\n`;
  const cwd = makeProject(
    `import { image } from 'image-tasks';
export const app = image({ name: 'app', versions: ['1', '2'], context: 'app' });
`,
    {
      'app/Dockerfile': 'FROM scratch\nCOPY . /x/\n',
      'app/.git/HEAD': 'ref',
      'app/sub/big.bin': pointer,
      'app/sub/other.bin': pointer,
    },
  );
  const git =
    'app/.git is in the build context and changes with every commit: add the line .git to app/.dockerignore';
  const both = 'app/sub/big.bin and 1 more are Git LFS pointers, not the files: run git lfs pull';
  for (const flags of [[], ['--verbose']]) {
    const { code, out } = await runCli(['plan', ...flags], { cwd, env });
    assert.is(code, 0);
    const lines = out.trimEnd().split('\n');
    assert.equal(lines.slice(-2), [`note ${git}`, `note ${both}`]);
    assert.is(lines.filter((line) => /LFS|\.git/.test(line)).length, 2);
  }
  assert.ok((await why(cwd, 'app:1')).includes(`\n  ${git}\n  ${both}\n`));
  const { tasks } = JSON.parse((await runCli(['plan', '--json'], { cwd, env })).out) as {
    tasks: { reasons: { code: string; detail: string }[] }[];
  };
  assert.equal(tasks[0]!.reasons.slice(1), [
    { code: 'suspect', detail: git },
    { code: 'suspect', detail: both },
  ]);
  writeFileSync(path.join(cwd, 'app/.dockerignore'), '.git\nsub/o*\n');
  const left = (await runCli(['plan'], { cwd, env })).out;
  assert.match(
    left,
    /\nnote app\/sub\/big\.bin is a Git LFS pointer, not the file itself: run git lfs pull\n$/,
  );
});

test('a label with the current commit is noted once for all versions', async () => {
  const cwd = makeProject(
    `import { execFileSync } from 'node:child_process';
import { image } from 'image-tasks';
const revision = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
export const app = image({ name: 'app', versions: ['1', '2'], context: 'app', labels: { revision } });
`,
    { 'app/Dockerfile': 'FROM scratch\n' },
  );
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@example.com', ...args], { cwd });
  git('init', '-q');
  git('commit', '-q', '--allow-empty', '-m', 'x');
  const { out } = await runCli(['plan'], { cwd, env });
  assert.equal(
    out.split('\n').filter((line) => line.startsWith('note')),
    [
      'note the label revision contains the current commit, so each commit rebuilds the image: move it to volatileLabels',
    ],
  );
});

test('plan --verbose and why show the lines of a Dockerfile that are not understood', async () => {
  const cwd = makeProject(
    `import { image } from 'image-tasks';
export const app = image({ name: 'app', context: 'app' });
`,
    {
      'app/Dockerfile':
        'FROM scratch\nENV X=a\nCOPY --sideways a /\nRUN \\\n  --mount=source=$PATH,target=/m true\n',
    },
  );
  const plain = await runCli(['plan'], { cwd, env });
  assert.match(plain.out, /^build {2}app:latest {2}not built before\n\n/);
  assert.is(
    (await runCli(['plan', '--verbose'], { cwd, env })).out.split('\n\n')[0],
    `build  app:latest  not built before
         all inputs are keyed: line 3: unknown flag --sideways
         all inputs are keyed: line 4: a mount depends on a variable of the base image`,
  );
  assert.match(await why(cwd, 'app'), /\n {2}all inputs are keyed: line 3: unknown flag --sideways\n/);
});

test('a selector that matches several tasks is an error', async () => {
  const { code, err } = await runCli(['why', 'app'], { cwd: project(), env });
  assert.is(code, 2);
  assert.match(err, /"app" selects 2 tasks/);
});

test.run();
