import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { listImages } from '../../src/engine/queries.ts';
import { type CliResult, makeProject, runCli } from '../support/cli.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { hasRegistry, startRegistry, user } from '../support/registry.ts';
import { tempFolder, writeFiles } from '../support/temp.ts';

const test = suite('docker with a registry');
const label = 'image-tasks.registry-test';
/** Runs docker. The call is synchronous, so it needs a timeout. */
const docker = (...args: string[]): string =>
  execFileSync('/usr/bin/docker', args, {
    encoding: 'utf8',
    env: { ...process.env, DOCKER_BUILDKIT: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  });

if (hasRegistry) {
  test('doctor checks whether the registry of the repository is reachable', async () => {
    const registry = await startRegistry();
    const cwd = makeProject(
      "import { image } from 'image-tasks';\nexport const a = image({ name: 'a', context: 'a' });",
      { 'a/Dockerfile': 'FROM scratch\n' },
    );
    const registryCheck = async (): Promise<{ state: string; detail: string }> => {
      const { out } = await runCli(['doctor', '--json', '--repo', `${registry.host}/team`], { cwd });
      const { checks } = JSON.parse(out) as { checks: { name: string; state: string; detail: string }[] };
      return checks.find(({ name }) => name === 'registry')!;
    };
    assert.equal((await registryCheck()).state, 'ok');
    await registry.stop();
    assert.match((await registryCheck()).detail, /cannot be reached: ECONNREFUSED/);
  });

  test('a base image from a registry can be used, with a warning unless it has a digest', async () => {
    const api = await connectTestEngine();
    const registry = await startRegistry();
    const base = `${registry.host}/base:1`;
    const definitions = (from: string): string => `import { image } from 'image-tasks';
export const a = image({ name: 'a', context: 'a', args: { FROM: '${from}' }, labels: { '${label}': '1' } });`;
    const files = { 'a/Dockerfile': 'ARG FROM\nFROM $FROM\nCOPY x /\n', 'a/x': '' };
    try {
      await runCli(['build'], { cwd: makeProject(definitions('scratch'), files) });
      const made = (await listImages(api)).find(({ labels }) => labels[label] !== undefined)!;
      docker('tag', made.id, base);
      const digest = /sha256:[0-9a-f]{64}/.exec(docker('push', base))![0];
      await removeImages(api, label);

      const unpinned = makeProject(definitions(base), files);
      const plan = await runCli(['plan'], { cwd: unpinned });
      assert.match(plan.out, new RegExp(`line 2: ${base} is not pinned by digest`));
      assert.is((await runCli(['build'], { cwd: unpinned })).code, 0);

      const pinned = makeProject(definitions(`${registry.host}/base@${digest}`), files);
      assert.not.match((await runCli(['plan'], { cwd: pinned })).out, /not pinned/);
      assert.is((await runCli(['build'], { cwd: pinned })).code, 0);
    } finally {
      await removeImages(api, label);
      await registry.stop();
    }
  });

  /** Builds an image with one file with docker, pushes it, and returns its digest. */
  const pushBase = (reference: string, text: string): string => {
    const folder = tempFolder();
    writeFiles(folder, { Dockerfile: `FROM scratch\nCOPY f /base\nLABEL ${label}=1\n`, f: text });
    docker('build', '--quiet', '--tag', reference, folder);
    const digest = /sha256:[0-9a-f]{64}/.exec(docker('push', reference))![0];
    // Builds must pull it from the registry.
    docker('rmi', '--force', reference);
    return digest;
  };

  test('whether a base image with a digest has ONBUILD is queried once and remembered', async () => {
    const api = await connectTestEngine();
    const registry = await startRegistry();
    const digest = pushBase(`${registry.host}/base:1`, 'one');
    const cwd = makeProject(
      `import { image } from 'image-tasks';
export const a = image({ name: 'a', context: 'a', labels: { '${label}': '1' } });`,
      { 'a/Dockerfile': `FROM ${registry.host}/base@${digest}\nCOPY x /\n`, 'a/x': '', 'a/other': '' },
    );
    const vague = async (env: Record<string, string> = {}): Promise<string[]> => {
      const { tasks } = JSON.parse((await runCli(['plan', '--json'], { cwd, env })).out) as {
        tasks: { reasons: { code: string; detail: string }[] }[];
      };
      return tasks[0]!.reasons.filter(({ code }) => code === 'vague').map(({ detail }) => detail);
    };
    try {
      assert.equal(await vague({ DOCKER_HOST: 'unix:///nonexistent' }), [], 'read from the registry');
      await registry.stop();
      writeFiles(cwd, { 'a/x': 'changed' });
      assert.equal(await vague({ DOCKER_HOST: 'unix:///nonexistent' }), [], 'remembered');
      rmSync(path.join(cwd, '.cache'), { recursive: true });
      assert.match((await vague({ DOCKER_HOST: 'unix:///nonexistent' })).join(), /cannot check yet/);
    } finally {
      await removeImages(api, label);
      await registry.stop();
    }
  });

  test('tasks lock pins base images: builds use the pin although the tag has moved, and updates show the change', async () => {
    const api = await connectTestEngine();
    const registry = await startRegistry();
    const base = `${registry.host}/base:1`;
    const tool = `${registry.host}/tool:1`;
    const cwd = makeProject(
      `import { image } from 'image-tasks';
export const a = image({ name: 'a', context: 'a', labels: { '${label}': '1' }, output: 'files', publish: false });
export const b = image({ name: 'b', context: 'b', labels: { '${label}': '1' } });`,
      {
        'a/Dockerfile': `FROM ${base}\nCOPY . /context\nCOPY --from=${tool} /base /tool\n`,
        'b/Dockerfile': `FROM ${base}\nCOPY f /\n`,
        'b/f': '',
      },
    );
    const run = async (...args: string[]): Promise<CliResult> => {
      const ran = await runCli(args, { cwd });
      assert.is(ran.code, 0, ran.err + ran.out);
      return ran;
    };
    const exported = (name: string): string => {
      const files = path.join(cwd, '.cache/files');
      return readFileSync(path.join(files, readdirSync(files)[0]!, name), 'utf8');
    };
    try {
      const first = pushBase(base, 'one');
      pushBase(tool, 'tool');
      assert.match((await run('plan')).out, new RegExp(`line 1: ${base} is not pinned`));
      assert.match((await run('lock')).out, new RegExp(`${base} +${first.slice(0, 19)}… added`));
      assert.match((await run('lock')).out, /2 images pinned, nothing changed/);
      const { images } = JSON.parse(readFileSync(path.join(cwd, 'tasks/lock.json'), 'utf8'));
      assert.equal(
        [images.length, images[0].image, images[0].digest, images[0].onbuild],
        [2, base, first, false],
      );

      const second = pushBase(base, 'two');
      assert.is.not(second, first);
      assert.not.match((await run('plan')).out, /not pinned/);
      await run('build');
      assert.is(exported('base'), 'one', 'the build uses the pin, not the moved tag');
      assert.is(exported('tool'), 'tool');
      const onDisk = readFileSync(path.join(cwd, 'a/Dockerfile'), 'utf8');
      assert.is(exported('context/Dockerfile'), onDisk, 'a Dockerfile in the context is copied unchanged');
      assert.is((await run('plan', '--check')).code, 0);

      const moved = await run('lock', '--update');
      assert.match(moved.out, new RegExp(`${base} +${first.slice(0, 19)}… → ${second.slice(0, 19)}…`));
      assert.match((await run('plan')).out, new RegExp(`base ${base} moved`));
      assert.match((await run('why', 'b')).out, new RegExp(`base +${base}`));
      rmSync(path.join(cwd, '.cache/files'), { recursive: true });
      await run('build');
      assert.is(exported('base'), 'two');
    } finally {
      await removeImages(api, label);
      await registry.stop();
    }
  });

  // Without a network there is no real frontend. The engine runs the pinned image as a frontend, which fails.
  test('the syntax line is pinned too: the engine gets the pinned frontend although the tag has moved', async () => {
    const api = await connectTestEngine();
    const registry = await startRegistry();
    const syntax = `${registry.host}/syntax:1`;
    const cwd = makeProject(
      `import { image } from 'image-tasks';\nexport const a = image({ name: 'a', context: 'a' });`,
      { 'a/Dockerfile': `# syntax=${syntax}\nFROM scratch\nCOPY f /\n`, 'a/f': '' },
    );
    try {
      const first = pushBase(syntax, 'one');
      assert.match(
        (await runCli(['lock'], { cwd })).out,
        new RegExp(`${syntax} +${first.slice(0, 19)}… added +any`),
      );
      assert.is.not(pushBase(syntax, 'two'), first);
      const { code, err } = await runCli(['build', '--verbose'], { cwd });
      assert.is(code, 1, err);
      assert.match(err, new RegExp(`resolve image config for .*syntax@${first}`));
    } finally {
      await removeImages(api, label);
      await registry.stop();
    }
  });

  test('tasks lock reports images that only the engine has, and pins the others; with ONBUILD, every file counts', async () => {
    const api = await connectTestEngine();
    const registry = await startRegistry();
    const base = `${registry.host}/onbuild:1`;
    const localOnly = `${registry.host}/local:1`;
    const cwd = makeProject(
      `import { image } from 'image-tasks';
export const a = image({ name: 'a', context: 'a' });
export const b = image({ name: 'b', context: 'b' });`,
      {
        'a/Dockerfile': `FROM ${base}\n`,
        'a/unseen': '',
        'b/Dockerfile': `FROM ${localOnly}\n`,
      },
    );
    const folder = tempFolder();
    writeFiles(folder, { Dockerfile: `FROM scratch\nONBUILD COPY unseen /\nLABEL ${label}=1\n` });
    try {
      docker('build', '--quiet', '--tag', base, '--tag', localOnly, folder);
      docker('push', base);
      const { code, out, err } = await runCli(['lock', '--json'], { cwd });
      assert.is(code, 1);
      assert.match(err, new RegExp(`error: cannot pin ${localOnly}: only the engine here has it`));
      const result = JSON.parse(out) as {
        added: { image: string; onbuild: boolean }[];
        failed: { image: string }[];
      };
      assert.equal(
        result.added.map(({ image, onbuild }) => [image, onbuild]),
        [[base, true]],
      );
      assert.equal(
        result.failed.map(({ image }) => image),
        [localOnly],
      );
      assert.is((await runCli(['build', 'a'], { cwd })).code, 0);
      writeFiles(cwd, { 'a/unseen': 'changed' });
      assert.match((await runCli(['plan', 'a'], { cwd })).out, /file a\/unseen changed/);
      await registry.stop();
      const offline = await runCli(['lock', '--update'], { cwd });
      assert.is(offline.code, 3);
      assert.match(offline.err, /cannot be reached: ECONNREFUSED/);
    } finally {
      for (const tag of [base, localOnly]) spawnSync('/usr/bin/docker', ['rmi', '--force', tag]);
      await removeImages(api, label);
      await registry.stop();
    }
  });

  test('a registry that requires a login: missing and wrong credentials are reported, right ones are used', async () => {
    const registry = await startRegistry({ auth: true });
    const config = (auths: object): string => {
      const folder = tempFolder();
      writeFiles(folder, { 'config.json': JSON.stringify({ auths }) });
      return folder;
    };
    const loggedInAs = (userAndPassword: string): string =>
      config({ [registry.host]: { auth: Buffer.from(userAndPassword).toString('base64') } });
    const base = `${registry.host}/base:1`;
    const cwd = makeProject(
      `import { image } from 'image-tasks';\nexport const a = image({ name: 'a', context: 'a' });`,
      { 'a/Dockerfile': `FROM ${base}\n` },
    );
    const run = async (DOCKER_CONFIG: string): Promise<CliResult> =>
      await runCli(['lock'], { cwd, env: { DOCKER_CONFIG } });
    try {
      const anonymous = await run(config({}));
      assert.equal(
        [anonymous.code, anonymous.err.includes(`docker login ${registry.host}`)],
        [3, true],
        anonymous.err,
      );
      const wrong = await run(loggedInAs('me:wrong-pw'));
      assert.match(wrong.err, /rejected the credentials/);
      assert.not.match(wrong.err + wrong.out, /wrong-pw/);
      const right = await run(loggedInAs(`${user.username}:${user.password}`));
      assert.match(right.err, new RegExp(`${base} not found`), 'the login worked');
    } finally {
      await registry.stop();
    }
  });
} else test.skip('docker and a registry (skipped: docker-registry is not installed)');

test.run();
