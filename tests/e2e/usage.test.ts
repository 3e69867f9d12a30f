import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { transformSync } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type CliOptions, makeProject, runCli } from '../support/cli.ts';
import { stubEngine } from '../support/stub-engine.ts';
import { tempFolder, writeFiles } from '../support/temp.ts';

const test = suite('e2e: usage');
const images = `import { image, command } from 'image-tasks';
export const base = image({ name: 'base', versions: ['16', '17'], context: 'base' });
export const files = command({ name: 'files', run: ['true'] });
`;
const project = (): string =>
  makeProject(images, { 'base/Dockerfile': 'FROM scratch\nCOPY x /\n', 'base/x': '' });

/** [what is wrong, arguments, environment, exit code, texts in the error] */
const wrong: [string, string[], Record<string, string>, number, string[]][] = [
  ['an unknown selector', ['plan', 'bse:17'], {}, 2, ['"bse:17"', 'base:17']],
  ['a selector without similar names', ['build', 'zzzzzz'], {}, 2, ['"zzzzzz"', 'base', 'files']],
  ['an unknown command', ['biuld'], {}, 2, ["unknown command 'biuld'", 'build']],
  ['an unknown flag', ['build', '--frce'], {}, 2, ['--frce', '--force']],
  ['an invalid number of jobs', ['build', '--jobs', '0'], {}, 2, ['--jobs', '"0"']],
  ['an invalid number of jobs per kind', ['build', '-j', '4,run=0'], {}, 2, ['"4,run=0"', '8,build=4,run=2']],
  ['an unknown reporter', ['build', '--reporter', 'fancy'], {}, 2, ['fancy', 'plain']],
  [
    'an output file of an unknown format',
    ['graph', '--output', 'g.pdf'],
    {},
    2,
    ['g.pdf', '.svg', 'mermaid'],
  ],
  ['an unknown view', ['build', '--view', 'cube'], {}, 2, ['--view', '"cube"', 'matrix']],
  ['a trace in a missing folder', ['build', '--trace', 'no/where.json'], {}, 2, ['--trace', 'no/where.json']],
  ['an invalid RELEASE', ['build'], { RELEASE: 'maybe' }, 2, ['RELEASE', '"maybe"', '1 or true']],
  ['an invalid repository', ['plan', '--repo', 'Citus'], {}, 2, ['--repo', '"Citus"']],
  ['an invalid DOCKER_REPO', ['plan'], { DOCKER_REPO: 'a//b' }, 2, ['DOCKER_REPO', '"a//b"']],
  ['an invalid suffix', ['plan', '--suffix', 'a b'], {}, 2, ['--suffix']],
  [
    'no engine',
    ['build'],
    { DOCKER_HOST: 'unix:///nowhere.sock' },
    3,
    ['unix:///nowhere.sock', 'tasks doctor'],
  ],
  ['no engine at a port', ['test'], { DOCKER_HOST: 'tcp://127.0.0.1:1' }, 3, ['tcp://127.0.0.1:1']],
  ['an invalid DOCKER_HOST', ['build'], { DOCKER_HOST: 'what?' }, 3, ['"what?"', 'unix:///path']],
  [
    'an unknown docker context',
    ['build'],
    { DOCKER_CONTEXT: 'gone', DOCKER_HOST: '' },
    3,
    ['"gone"', 'docker context ls'],
  ],
];

for (const [what, args, env, code, texts] of wrong) {
  test(`${what}: exit code ${code}, with a hint`, async () => {
    const result = await runCli(args, { cwd: project(), env });
    for (const part of texts) assert.ok(result.err.includes(part), `"${part}" in:\n${result.err}`);
    assert.is(result.code, code);
    assert.not.match(result.err, /internal error/);
  });
}

const profiles = `import { command, profile, project } from 'image-tasks';
export default project({ profiles: ['debian', 'dev'] });
export const a = command({ name: 'a', run: ['true'] });
export const b = profile === 'debian' ? command({ name: 'only-debian', run: ['true'] }) : [];
`;

test('if project() lists the profiles, another one is exit code 2 and names them', async () => {
  const cwd = makeProject(profiles);
  for (const args of [['--profile', 'debain', 'list'], ['list']]) {
    const env: Record<string, string> = args.length === 1 ? { TASKS_PROFILE: 'debain' } : {};
    const { code, err } = await runCli(args, { cwd, env });
    assert.is(code, 2);
    assert.match(err, /no profile "debain"\nhint: did you mean debian\? profiles are default, debian, dev/);
  }
  for (const name of ['default', 'debian', 'dev'])
    assert.is((await runCli(['list', '--profile', name], { cwd })).code, 0);
});

test('an unknown selector names the profiles in which it exists', async () => {
  const cwd = makeProject(profiles);
  for (const args of [
    ['list', 'only-*'],
    ['plan', 'only-debian'],
    ['logs', '+only-debian:latest'],
  ]) {
    const { code, err } = await runCli(args, { cwd });
    assert.is(code, 2);
    assert.match(err, / in the profile default\nhint: add --profile debian\n$/);
  }
  const { code, err } = await runCli(['list', 'zzz'], { cwd });
  assert.is(code, 2);
  assert.match(err, /no task matches the selector "zzz"\nhint: tasks are a/);
});

test('hints begin as the user began', async () => {
  const cwd = makeProject(profiles);
  const { err } = await runCli(['-C', cwd, 'list', 'zzz'], {
    env: { npm_command: 'exec', TASKS_PROFILE: 'dev' },
  });
  assert.match(err, `(see \`npx tasks -C ${cwd} --profile dev list\`)`);
  const help = await runCli(['build', '--help'], { env: { npm_command: 'exec' } });
  assert.match(help.out, /^ {2}npx tasks build {2}/m);
});

test('help of what does not exist is exit code 2 and names the nearest command', async () => {
  const { code, err, out } = await runCli(['help', 'biuld']);
  assert.equal([code, out], [2, '']);
  assert.match(err, /unknown command 'biuld'\nhint: did you mean build\? commands are build, .*doctor/);
  assert.match((await runCli(['help', 'build'])).out, /Usage: tasks build/);
  assert.match((await runCli(['help'])).out, /Usage: tasks /);
});

test('a Node that is too old gets one line instead of a stack trace', async () => {
  const entry = path.resolve('dist/tasks.js');
  const text = readFileSync(entry, 'utf8').replace(/^#!.*\n/, '');
  // esbuild leaves code alone that contains nothing newer than the target.
  const forms = ['esnext', 'node10'].map(
    (target) => transformSync(text, { target, supported: { 'dynamic-import': true } }).code,
  );
  assert.is(forms[1], forms[0], 'Node 10 can parse it');
  const folder = tempFolder();
  writeFiles(folder, {
    'old.cjs': "Object.defineProperty(process, 'versions', { value: { node: '18.19.0' } });\n",
  });
  const env = { NODE_OPTIONS: `--require ${folder}/old.cjs` };
  const { code, out, err } = await runCli(['build'], { env });
  assert.equal([code, out], [3, '']);
  assert.match(
    err,
    /^error: tasks needs Node 20 or newer, but \/.* is Node 18\.19\.0: install a newer one\n$/,
  );
});

test('without a project: exit code 2', async () => {
  const { code, err } = await runCli(['plan'], { cwd: tempFolder() });
  assert.is(code, 2);
  assert.match(err, /no project found/);
  assert.is((await runCli(['-C', '/nowhere', 'plan'])).code, 2);
});

test('plan, graph and list work without an engine, with one warning', async () => {
  const options: CliOptions = { cwd: project(), env: { DOCKER_HOST: 'unix:///nowhere.sock' } };
  for (const command of ['plan', 'graph']) {
    const { code, out, err } = await runCli([command], options);
    assert.is(code, 0);
    assert.match(out, /base:(\{16,)?17/);
    assert.is(err.match(/cannot connect to the docker engine/g)?.length, 1);
  }
  assert.equal(await runCli(['list'], options), {
    code: 0,
    out: 'base   image    16 17\nfiles  command  latest\n',
    err: '',
  });
});

test('an engine behind a proxy that refuses the upgrade: doctor says so', async () => {
  const engine = await stubEngine(({ url }) => {
    if (url === '/version')
      return { body: { Version: '26.1.5', ApiVersion: '1.45', Os: 'linux', Arch: 'amd64' } };
    return url === '/info' ? { body: { Driver: 'overlay2' } } : { status: 403, body: 'Forbidden' };
  });
  const { code, out } = await runCli(['doctor', '--json'], { cwd: project(), env: engine.env });
  engine.close();
  assert.is(code, 3);
  const { checks } = JSON.parse(out) as { checks: Record<string, unknown>[] };
  assert.equal(checks[0]!.state, 'ok');
  const buildkit = checks.find(({ name }) => name === 'BuildKit')!;
  assert.is(buildkit.state, 'missing');
  assert.is(
    buildkit.detail,
    "a proxy in front of the engine refuses BuildKit's connection (POST /grpc: 403 Forbidden)",
  );
  assert.match(String(buildkit.remedy), /must pass POST \/grpc with its Upgrade header/);
});

test('doctor checks only what the project uses, and whether it may push', async () => {
  const env = { DOCKER_HOST: 'unix:///nowhere.sock', TASKS_CACHE_URL: '' };
  const namesOf = (out: string): string[] =>
    (JSON.parse(out) as { checks: { name: string }[] }).checks.map(({ name }) => name);
  const commands = makeProject(profiles);
  const alone = await runCli(['doctor', '--json', '--repo', 'citus'], { cwd: commands, env });
  assert.equal([alone.code, namesOf(alone.out)], [0, ['disk', 'true']]);
  const images = await runCli(['doctor', '--json'], { cwd: project(), env });
  assert.equal([images.code, namesOf(images.out)], [3, ['engine', 'disk', 'disk', 'true']]);
  const registry = createServer((_, response) => {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end();
  });
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(registry.address() as AddressInfo).port}`;
  const { out } = await runCli(['doctor', '--repo', `${host}/team`], { cwd: project(), env });
  registry.close();
  assert.match(
    out,
    `! registry  login required to push to ${host}/team/base\n            docker login ${host}\n`,
  );
});

test('podman is named, and nothing is built on it', async () => {
  const engine = await stubEngine(({ url }) => {
    if (url !== '/version') return { body: [] };
    const Components = [{ Name: 'Podman Engine', Version: '4.3.1' }];
    return { body: { Version: '4.3.1', ApiVersion: '1.41', Os: 'linux', Arch: 'amd64', Components } };
  });
  for (const args of [['build'], ['doctor']]) {
    const { code, out, err } = await runCli(args, { cwd: project(), env: engine.env });
    assert.is(code, 3);
    assert.match(out + err, /the engine at unix:.* is podman 4\.3\.1, which has no BuildKit/);
  }
  engine.close();
});

test('every command has help with examples', async () => {
  const { out, code } = await runCli(['--help']);
  assert.is(code, 0);
  const commands = [...out.matchAll(/^ {2}([a-z]+)(?: [[<|]| {2,})/gm)].map((match) => match[1]!);
  assert.ok(commands.includes('build') && commands.length > 5, commands.join());
  for (const command of commands.filter((name) => name !== 'help')) {
    const help = await runCli([command, '--help']);
    assert.is(help.code, 0);
    assert.match(help.out, /Examples:\n {2}(\w+=\S+ )?tasks /, command);
  }
});

test('--version prints the version, and with --json also those of Node and of the formats', async () => {
  const { out } = await runCli(['--version']);
  assert.match(out, /^\d+\.\d+\.\d+\n$/);
  for (const words of [
    ['--version', '--json'],
    ['--json', '-V'],
  ]) {
    const ran = await runCli(words);
    assert.is(ran.code, 0, ran.err);
    const { tasks, node, schemas } = JSON.parse(ran.out) as Record<string, Record<string, number>>;
    assert.equal([tasks, node], [out.trim(), process.versions.node]);
    assert.equal(Object.keys(schemas!), ['key', 'plan', 'events', 'graph', 'release']);
    assert.ok(Object.values(schemas!).every(Number.isInteger));
  }
  assert.is((await runCli(['--json'])).code, 2);
});

test('the error for an invalid lock file has its line', async () => {
  const cwd = project();
  writeFiles(cwd, { 'tasks/lock.json': '{\n  "schema": 1,\n<<<<<<< ours\n' });
  for (const command of ['plan', 'lock']) {
    const { code, err } = await runCli([command], { cwd });
    assert.is(code, 2);
    assert.match(err, /tasks\/lock\.json: line 3: invalid JSON/);
  }
});

test('a project without external images has nothing to pin', async () => {
  const cwd = project();
  const { code, out } = await runCli(['lock'], { cwd });
  assert.equal([code, out], [0, 'tasks/lock.json: 0 images pinned, nothing changed\n']);
  assert.not.ok(existsSync(path.join(cwd, 'tasks/lock.json')));
});

test('a flag that a command does not use is exit code 2', async () => {
  const cwd = makeProject(
    "import { command } from 'image-tasks';\nexport const a = command({ name: 'a', run: ['true'] });",
  );
  for (const args of [
    ['list', '--jobs', '2'],
    ['plan', '--keep-going'],
    ['logs', 'a', '--json'],
    ['verify', 'x.json', '--repo', 'x'],
    ['lock', '--suffix', '-x'],
  ]) {
    const { code, err } = await runCli(args, { cwd });
    assert.is(code, 2, args.join(' '));
    assert.match(err, /unknown option/, args.join(' '));
  }
});

test('help lists the flags of a command before those that it shares, and no former name', async () => {
  const { out } = await runCli(['build', '--help']);
  assert.ok(out.indexOf('--force') > 0 && out.indexOf('--force') < out.indexOf('--jobs'), out);
  assert.not.match((await runCli(['--help'])).out, /\baudit\b/);
});

test.run();
