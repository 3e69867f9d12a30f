import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineApi } from '../../src/engine/api.ts';
import { abilitiesOf, listImages, readEngineVersion } from '../../src/engine/queries.ts';
import type { EngineAbilities, EngineImage } from '../../src/model/ports.ts';
import { busybox } from '../support/busybox.ts';
import { type CliResult, makeProject, runCli } from '../support/cli.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { tempFolder, writeFiles } from '../support/temp.ts';

const test = suite('options of builds with docker');
const label = 'image-tasks.options-test';
const repo = `tasks-options-${process.pid}`;

let api: EngineApi;
let abilities: EngineAbilities;

test.before(async () => {
  api = await connectTestEngine();
  abilities = abilitiesOf(await readEngineVersion(api));
});
test.before.each(async () => await removeImages(api, label));
test.after(async () => await removeImages(api, label));

const programs = ['cat', 'df', 'grep', 'ls', 'readlink', 'sh'];

/** Creates a project with an image `base`, which has a shell, and an image `app` on it. `fields`: more fields of `app`, as source. */
function project(fields: string, files: Parameters<typeof writeFiles>[1]): string {
  const root = makeProject(
    `import { image, project } from 'image-tasks';
export default project({ repo: '${repo}' });
const labels = { '${label}': '1' };
export const base = image({ name: 'base', context: 'base', labels });
export const app = image({ name: 'app', context: 'app', labels, needs: { BASE: base }, ${fields} });
`,
    {
      'base/Dockerfile': 'FROM scratch\nCOPY bin unique /bin/\n',
      // Otherwise BuildKit would have the steps of an earlier test in its cache, and they would print nothing.
      'base/unique': randomUUID(),
      ...files,
    },
  );
  mkdirSync(path.join(root, 'base/bin'));
  for (const name of programs) {
    copyFileSync(busybox(), path.join(root, 'base/bin', name));
    chmodSync(path.join(root, 'base/bin', name), 0o755);
  }
  return root;
}

const run = (cwd: string, args: string[], env: Record<string, string> = {}): Promise<CliResult> =>
  runCli(args, { cwd, env: { RELEASE: '', ...env } });

/** Builds `app`, and returns the lines that its RUN instructions printed. */
async function build(cwd: string, env: Record<string, string> = {}): Promise<string[]> {
  const built = await run(cwd, ['build', 'app'], env);
  assert.is(built.code, 0, built.err);
  const log = (await run(cwd, ['logs', 'app'])).out;
  const steps = [...log.matchAll(/^#(\d+) \[[^\]]*\] RUN /gm)].map(([, number]) => number);
  return log.split('\n').flatMap((line) => {
    const [, number, text] = /^#(\d+) (.*)$/.exec(line) ?? [];
    const isOutput = steps.includes(number) && !/^(\[.*\] RUN |DONE|CACHED)/.test(text!);
    return isOutput ? [text!] : [];
  });
}

/** Builds where the engine is new enough; checks that an older one builds nothing. Returns undefined there. */
async function buildIfNew(cwd: string, field: string): Promise<string[] | undefined> {
  if (abilities.runLimits) return await build(cwd);
  const refused = await run(cwd, ['build', 'app']);
  assert.is(refused.code, 3, refused.err);
  assert.match(refused.err, /some images need docker 23 or newer, but the engine is docker 20\.10/);
  assert.match(refused.err, `${field} of app`);
  assert.equal(await builtImages(), [], 'nothing was built, not even what it needs');
  return undefined;
}

const builtImages = async (): Promise<EngineImage[]> =>
  (await listImages(api)).filter((image) => image.labels[label] !== undefined);

const actionOf = async (cwd: string): Promise<string> => {
  const { out } = await run(cwd, ['plan', '--json', 'app']);
  const { tasks } = JSON.parse(out) as { tasks: { id: string; action: string }[] };
  return tasks.find(({ id }) => id === 'app:latest')!.action;
};

test('addHosts: names have these addresses in RUN', async () => {
  const cwd = project("addHosts: ['db:10.0.0.1', 'six=[2001:db8::1]']", {
    'app/Dockerfile': 'ARG BASE\nFROM $BASE\nRUN cat /etc/hosts\n',
  });
  const hosts = (await build(cwd)).map((line) => line.split(/\s+/).join(' '));
  assert.ok(hosts.includes('10.0.0.1 db'), hosts.join('\n'));
  assert.ok(hosts.includes('2001:db8::1 six'), hosts.join('\n'));
});

test('shmSize, ulimits, cgroupParent: RUN has them, or the engine is too old', async () => {
  const cwd = project("shmSize: '48m', ulimits: ['nofile=1234:2345'], cgroupParent: '/tasks-options'", {
    'app/Dockerfile':
      'ARG BASE\nFROM $BASE\nRUN grep /dev/shm /proc/mounts\nRUN ulimit -n; ulimit -Hn; cat /proc/self/cgroup\n',
  });
  const lines = await buildIfNew(cwd, 'shmSize');
  if (lines === undefined) return;
  assert.match(lines.join('\n'), /tmpfs \/dev\/shm .*size=49152k/);
  assert.ok(lines.includes('1234') && lines.includes('2345'), lines.join('\n'));
});

const contextFiles = {
  'app/Dockerfile':
    'ARG BASE\nFROM $BASE\nCOPY --from=assets logo /logo\nRUN --mount=from=assets,source=fonts,target=/f cat /logo /f/*; ls /f\n',
  'assets/logo': 'one\n',
  'assets/fonts/a': 'a\n',
  'assets/fonts/b.tmp': 'ignored\n',
  'assets/other': 'not used\n',
  'assets/.dockerignore': '**/*.tmp\n',
};

test('a folder as a context: what the build reads counts, and no more is sent', async () => {
  const cwd = project("contexts: { assets: 'assets' }", contextFiles);
  const lines = await buildIfNew(cwd, 'contexts');
  if (lines === undefined) return;
  assert.equal(lines, ['one', 'a', 'a']);
  writeFiles(cwd, { 'assets/other': 'changed\n', 'assets/fonts/b.tmp': 'changed\n', 'assets/new': 'x\n' });
  assert.is(await actionOf(cwd), 'reuse');
  writeFiles(cwd, { 'assets/fonts/a': 'b\n' });
  assert.is(await actionOf(cwd), 'build');
  assert.match((await run(cwd, ['why', 'app'])).out, /file +assets\/fonts\/a +changed/);
  assert.equal(await build(cwd), ['one', 'b', 'a']);
});

test('contexts are never mixed up: other contents of equal size and time, in the same or another folder', async () => {
  if (!abilities.namedContexts) return;
  const cwd = project("contexts: { assets: process.env.FOLDER ?? 'assets' }", contextFiles);
  for (const text of ['one', 'two', 'ten']) {
    for (const folder of ['assets', 'elsewhere']) {
      const logo = `${text} ${folder[0]}`;
      writeFiles(cwd, { [`${folder}/logo`]: `${logo}\n`, [`${folder}/fonts/a`]: 'a\n' });
      for (const name of ['logo', 'fonts/a', 'fonts', '.'])
        utimesSync(path.join(cwd, folder, name), 1e9, 1e9);
      assert.equal(await build(cwd, { FOLDER: folder }), [logo, 'a', 'a']);
    }
  }
});

test('a context replaces a stage', async () => {
  const cwd = project("contexts: { made: 'assets' }", {
    'app/Dockerfile':
      'ARG BASE\nFROM $BASE AS made\nRUN exit 1\nFROM $BASE\nCOPY --from=made /logo /\nRUN cat /logo\n',
    'assets/logo': 'ready\n',
  });
  const lines = await buildIfNew(cwd, 'contexts');
  if (lines !== undefined) assert.equal(lines, ['ready']);
});

test('an image of the project as a context is a need, and another one is impure', async () => {
  const cwd = project(
    `contexts: { shell: 'docker-image://${repo}/base', outer: 'docker-image://${repo}-x/outer:1' }`,
    {
      'app/Dockerfile':
        'ARG BASE\nFROM $BASE AS used\nFROM shell\nCOPY --from=outer /bin/ls /copied\nCOPY --from=used /bin/ls /used\nRUN ls /copied /used\n',
    },
  );
  const built = await run(cwd, ['build', 'base']);
  assert.is(built.code, 0, built.err);
  const { id } = (await builtImages())[0]!;
  await api.request({ method: 'POST', path: `/images/${id}/tag?repo=${repo}-x/outer&tag=1` });
  const { out } = await run(cwd, ['plan', 'app', '--verbose']);
  assert.match(
    out,
    new RegExp(`docker-image://${repo}/base in the contexts of app:latest is this project's base:latest`),
  );
  assert.match(out, new RegExp(`contexts.outer: ${repo}-x/outer:1 is not pinned`));
  if (!abilities.namedContexts) return;
  assert.equal(await build(cwd), ['/copied', '/used']);
});

test('allow: an engine that does not allow an entitlement builds nothing', async () => {
  const cwd = project("allow: ['security.insecure']", { 'app/Dockerfile': 'ARG BASE\nFROM $BASE\n' });
  const { code, err } = await run(cwd, ['build', 'app']);
  assert.is(code, 3, err);
  assert.match(err, /the engine does not allow security\.insecure, which app needs/);
  assert.match(err, /"security-insecure": true/);
  assert.equal(await builtImages(), []);
});

test('allow: an engine allows network.host unless it is configured otherwise', async () => {
  const cwd = project("allow: ['network.host']", {
    'app/Dockerfile': 'ARG BASE\nFROM $BASE\nRUN cat /proc/self/cgroup\n',
  });
  await build(cwd);
});

const hasOpenSsh = ['ssh-agent', 'ssh-add', 'ssh-keygen'].every((name) => existsSync(`/usr/bin/${name}`));
const sshTest = hasOpenSsh ? test : test.skip;

/** Copies ssh-add and the libraries that it needs to a folder. */
function copySshAdd(folder: string): void {
  const libraries = execFileSync('ldd', ['/usr/bin/ssh-add'], { encoding: 'utf8' }).match(/\/\S+/g)!;
  for (const file of ['/usr/bin/ssh-add', ...libraries]) {
    mkdirSync(path.join(folder, path.dirname(file)), { recursive: true });
    copyFileSync(file, path.join(folder, file));
    chmodSync(path.join(folder, file), 0o755);
  }
}

for (const type of ['ed25519', 'rsa'])
  sshTest(
    `ssh: a build uses the private key and no other, ${type} (skipped: OpenSSH is not installed)`.replace(
      hasOpenSsh ? / \(skipped.*/ : /$^/,
      '',
    ),
    async () => {
      const keys = tempFolder();
      const key = path.join(keys, 'id');
      execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', 'of the test', '-f', key]);
      const cwd = project(`ssh: { default: { key: '${key}' }, own: { agent: true } }`, {
        'app/Dockerfile':
          'ARG BASE\nFROM $BASE\nCOPY root /\nRUN --mount=type=ssh ssh-add -L\nRUN --mount=type=ssh ssh-add -D; ssh-add -l\nRUN --mount=type=ssh,id=own [ -S "$SSH_AUTH_SOCK" ] && echo own\n',
      });
      copySshAdd(path.join(cwd, 'app/root'));
      const refused = await run(cwd, ['build', 'app'], { SSH_AUTH_SOCK: '' });
      assert.is(refused.code, 3, refused.err);
      assert.match(refused.err, /SSH_AUTH_SOCK is not set/);
      assert.equal(await builtImages(), []);
      const folder = tempFolder();
      const own = execFileSync('ssh-agent', ['-a', path.join(folder, 'own')], { encoding: 'utf8' });
      try {
        const lines = await build(cwd, { SSH_AUTH_SOCK: path.join(folder, 'own') });
        assert.is(lines[0], readFileSync(`${key}.pub`, 'utf8').trim());
        assert.equal(lines.slice(-1), ['own']);
        assert.match(lines.at(-2)!, 'of the test');
      } finally {
        process.kill(Number(/SSH_AGENT_PID=(\d+)/.exec(own)![1]));
      }
    },
  );

test.run();
