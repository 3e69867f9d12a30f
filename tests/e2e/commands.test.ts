import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeProject, runCli } from '../support/cli.ts';
import { actions, env, makeCommands, planOf, reasonOf } from '../support/commands-project.ts';
import { processEnded } from '../support/processes.ts';
import { writeFiles } from '../support/temp.ts';

const test = suite('e2e: a project without images');

test('the first build runs everything, the second nothing; a change runs the dependents', async () => {
  const cwd = makeCommands();
  const first = await runCli(['build'], { cwd, env });
  assert.is(first.code, 0, first.err);
  assert.match(first.err, /5 to run/);
  const all = (await planOf(cwd)).tasks.find(({ id }) => id === 'all:latest')!;
  assert.is(
    readFileSync(path.join(cwd, '.cache/files', all.key, 'list'), 'utf8'),
    './1/copied/text\n./2/copied/text\n',
  );
  const second = await runCli(['build'], { cwd, env });
  assert.match(second.err, /5 tasks: 5 up to date/);
  assert.is((await runCli(['plan', '--check'], { cwd, env })).code, 0);

  writeFiles(cwd, { 'in/b': 'new' });
  const plan = await planOf(cwd);
  assert.is(plan.counts.run, 5);
  assert.is(reasonOf(plan, 'source:1'), 'changed: file in/b added');
  assert.match(reasonOf(plan, 'copy:1'), /source/);
  assert.is((await runCli(['plan', '--check'], { cwd, env })).code, 1);
});

test('a build does what the plan says', async () => {
  const cwd = makeCommands();
  await runCli(['build', 'copy:1'], { cwd, env });
  const plan = actions(await planOf(cwd));
  const { out } = await runCli(['build', '--json'], { cwd, env });
  const events = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; id?: string; outcome?: string; time: string });
  const outcomes = Object.fromEntries(
    events.filter(({ type }) => type === 'task-finished').map(({ id, outcome }) => [id, outcome]),
  );
  assert.equal(plan, {
    'source:1': 'reuse',
    'copy:1': 'reuse',
    'source:2': 'run',
    'copy:2': 'run',
    'all:latest': 'run',
  });
  assert.equal(outcomes, {
    'source:1': 'reused',
    'copy:1': 'reused',
    'source:2': 'built',
    'copy:2': 'built',
    'all:latest': 'built',
  });
  assert.equal([events[0]!.type, events.at(-1)!.type], ['run-started', 'run-finished']);
});

test('declared environment variables affect the key; others do not reach the command', async () => {
  const cwd = makeCommands();
  const build = (more: Record<string, string>) =>
    runCli(['build', 'source:1'], { cwd, env: { ...env, ...more } });
  await build({ COLOUR: 'red', OTHER: '1' });
  assert.match((await build({ COLOUR: 'red', OTHER: '2' })).err, /1 up to date/);
  const changed = await runCli(['plan', 'source:1'], { cwd, env: { ...env, COLOUR: 'blue' } });
  assert.match(changed.out, /env COLOUR =red → =blue/);
});

test('a failed command: exit code 1, with output and log; other tasks continue only with --keep-going', async () => {
  const cwd = makeCommands();
  writeFileSync(path.join(cwd, 'fail-1'), '');
  const stopped = await runCli(['build', '-j', '1'], { cwd, env });
  assert.is(stopped.code, 1);
  assert.match(stopped.err, /source:1 +failed after .*exit code 3/);
  assert.match(stopped.err, /│ cannot make 1/);
  const log = /log: (.*)/.exec(stopped.err)![1]!;
  assert.match(readFileSync(path.resolve(cwd, log), 'utf8'), 'making 1\ncannot make 1\n');
  assert.match(stopped.err, /copy:1 +blocked: source:1 did not succeed/);
  assert.not.match(stopped.err, /copy:2 +ran/);

  const continued = await runCli(['build', '-j', '1', '-k'], { cwd, env });
  assert.is(continued.code, 1);
  assert.match(continued.err, /copy:2 +ran/);
  assert.match(continued.err, /2 built, 1 failed, 2 blocked/);

  rmSync(path.join(cwd, 'fail-1'));
  assert.match((await runCli(['build'], { cwd, env })).err, /3 built, 2 up to date/);
});

test('background processes of a command end with it', async () => {
  const cwd = makeProject(
    "import { command } from 'image-tasks';\nexport const a = command({ name: 'a', run: ['./a'] });",
    {
      'a*': '#!/bin/sh\ntrap "" TERM INT\n(sleep 1000; echo late > "$TASKS_OUT/late") & echo $! > pid\necho early\n',
    },
  );
  const { code } = await runCli(['build'], { cwd, env });
  assert.is(code, 0);
  await processEnded(path.join(cwd, 'pid'));
  assert.is((await runCli(['logs', 'a'], { cwd, env })).out, 'early\n');
});

test('a secret reaches the command, but no log, event, record or key', async () => {
  const cwd = makeProject(
    `import { command } from 'image-tasks';
export const a = command({ name: 'a', run: ['./a'], secrets: { token: { env: 'MY_TOKEN' }, key: { file: 'key.pem' } } });`,
    {
      'a*': '#!/bin/sh\necho "$token and $(cat "$key")"\n[ "$token" = t0p-secret ] && [ ! -e fail ] && [ -z "$MY_TOKEN" ]\n',
      'key.pem': 'line-one\nline-two\n',
    },
  );
  const secret = { ...env, MY_TOKEN: 't0p-secret' };
  const missing = await runCli(['build'], { cwd, env });
  assert.is(missing.code, 1);
  assert.match(missing.err, /missing secret token: the environment variable MY_TOKEN is not set/);
  writeFileSync(path.join(cwd, 'fail'), '');
  const outputs = [
    await runCli(['build', '--verbose'], { cwd, env: secret }),
    await runCli(['build', '--json'], { cwd, env: secret }),
    await runCli(['build'], { cwd, env: secret }),
  ];
  assert.match(outputs[0]!.err, /\*\*\* and \*\*\*/);
  rmSync(path.join(cwd, 'fail'));
  const good = await runCli(['build'], { cwd, env: secret });
  assert.is(good.code, 0, good.err);
  writeFileSync(path.join(cwd, 'key.pem'), 'line-three\n');
  const other = await runCli(['plan'], { cwd, env: { ...env, MY_TOKEN: 'another-one' } });
  assert.match(other.out, /1 up to date/, 'the value does not affect the key');
  const all = [...outputs, good].map(({ out, err }) => out + err);
  eachFile(path.join(cwd, '.cache'), (file) => all.push(readFileSync(file, 'latin1')));
  for (const text of all) assert.not.match(text, /t0p-secret|line-one|line-two/);
});

test('with maxAge, a result is up to date only in its period', async () => {
  const cwd = makeProject(
    "import { command } from 'image-tasks';\nexport const a = command({ name: 'a', run: ['true'], maxAge: '1s' });",
  );
  await runCli(['build'], { cwd, env });
  // Periods are counted from 1970, so a second later another one has started.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const { out } = await runCli(['why', 'a'], { cwd, env });
  assert.match(out, /older than its maxAge of 1 s/);
});

test('--force reruns the selected tasks and their dependents in the run', async () => {
  const cwd = makeCommands();
  await runCli(['build'], { cwd, env });
  const { err } = await runCli(['build', '--force', 'source:1'], { cwd, env });
  assert.match(err, /1 built/);
  const plan = actions(await planOf(cwd, '--force', 'source:1', 'all'));
  assert.equal([plan['source:1'], plan['copy:1'], plan['copy:2']], ['run', 'run', 'reuse']);
});

test('modified or missing output files are rebuilt', async () => {
  const cwd = makeCommands();
  await runCli(['build'], { cwd, env });
  const { key } = (await planOf(cwd)).tasks.find(({ id }) => id === 'source:1')!;
  const output = path.join(cwd, '.cache/files', key, 'text');
  const original = readFileSync(output, 'utf8');
  for (const damage of [
    () => writeFileSync(output, 'other'),
    () => chmodSync(output, 0o755),
    () => rmSync(output),
  ]) {
    damage();
    const plan = await planOf(cwd, 'source:1');
    assert.match(reasonOf(plan, 'source:1'), /^missing: its output files are missing or were modified/);
    assert.is((await runCli(['build', 'source:1'], { cwd, env })).code, 0);
    assert.is(readFileSync(output, 'utf8'), original);
  }
});

/** [what happens to .cache, how] */
const damages: [string, (cache: string) => void][] = [
  ['all files deleted', (cache) => rmSync(cache, { recursive: true })],
  [
    'every file truncated',
    (cache) => eachFile(cache, (file) => writeFileSync(file, readFileSync(file).subarray(0, 20))),
  ],
  ['every file empty', (cache) => eachFile(cache, (file) => writeFileSync(file, ''))],
  ['every file garbage', (cache) => eachFile(cache, (file) => writeFileSync(file, '{"a":\0\n'))],
  [
    'folders instead of records',
    (cache) => {
      const folder = path.join(cache, 'records');
      for (const name of readdirSync(folder)) {
        rmSync(path.join(folder, name));
        writeFiles(folder, { [`${name}/x`]: '' });
      }
    },
  ],
];
function eachFile(folder: string, act: (file: string) => void): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const file = path.join(folder, name);
    if (existsSync(`${file}/.`)) continue;
    act(file);
  }
}

for (const [what, damage] of damages) {
  test(`.cache with ${what}: no wrong result is reused, and the next build works`, async () => {
    const cwd = makeCommands();
    await runCli(['build'], { cwd, env });
    damage(path.join(cwd, '.cache'));
    const next = await runCli(['build'], { cwd, env });
    assert.is(next.code, 0, next.err);
    assert.match(next.err, /5 built/);
    assert.not.match(next.err, /internal error/);
    assert.match((await runCli(['build'], { cwd, env })).err, /5 up to date/);
  });
}

test('git ignores .cache', async () => {
  const cwd = makeCommands();
  execFileSync('git', ['init', '-q', cwd]);
  await runCli(['build'], { cwd, env });
  const status = execFileSync('git', ['-C', cwd, 'status', '--porcelain', '-uall'], { encoding: 'utf8' });
  assert.not.match(status, /\.cache/);
});

test('.cache that is not a folder: exit code 3', async () => {
  const cwd = makeCommands();
  writeFileSync(path.join(cwd, '.cache'), '');
  const { code, err } = await runCli(['build'], { cwd, env });
  assert.is(code, 3);
  assert.match(err, /\.cache/);
  assert.not.match(err, /internal error/);
});

test('clean removes old results, but not those that a plan reuses', async () => {
  const cwd = makeCommands();
  await runCli(['build'], { cwd, env });
  await runCli(['build', '--force', 'source:1'], { cwd, env: { ...env, COLOUR: 'red' } });
  const cache = (name: string): string[] => readdirSync(path.join(cwd, '.cache', name)).sort();
  const old = new Date(Date.now() - 100 * 86_400_000);
  for (const folder of ['records', 'files'])
    for (const name of cache(folder)) utimesSync(path.join(cwd, '.cache', folder, name), old, old);
  const before = cache('files');
  const dry = await runCli(['clean', '--dry-run'], { cwd, env });
  assert.match(dry.out, /^ {2}results of tasks +1 .*\n[\s\S]*would free about .*/);
  assert.equal(cache('files'), before);
  assert.match((await runCli(['clean'], { cwd, env })).out, /\nfreed about /);
  assert.is(cache('files').length, before.length - 1);
  assert.is((await runCli(['plan', '--check'], { cwd, env })).code, 0, 'everything is still up to date');
  assert.not.match((await runCli(['clean'], { cwd, env })).out, /results of tasks/);
});

test.run();
