// Indexes that buildx and bake have pushed, with their attestations: as base images, and under tags of a release.

import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineApi } from '../../src/engine/api.ts';
import { dockerRegistry } from '../../src/registry/registry.ts';
import { makeProject, runCli } from '../support/cli.ts';
import { connectTestEngine, readFromImage, removeImages } from '../support/docker.ts';
import { findDockerClient } from '../support/docker-client.ts';
import { hasRegistry, type RealRegistry, startRegistry } from '../support/registry.ts';
import { tempFolder, writeFiles } from '../support/temp.ts';

const test = suite('indexes made by other tools');

const unavailable =
  process.env.TASKS_TEST_ENGINE_STORE !== 'containerd'
    ? 'run it with scripts/with-engine.mjs: only the containerd image store pushes indexes'
    : !hasRegistry
      ? 'there is no docker-registry'
      : findDockerClient()?.hasBuildx
        ? undefined
        : 'there is no buildx';

const platforms = ['linux/amd64', 'linux/arm64'];
const label = `image-tasks.foreign-indexes-test-${process.pid}`;

if (unavailable !== undefined) test.skip(`(skipped: ${unavailable})`);
else {
  let api: EngineApi;
  let registry: RealRegistry;
  let repo: string;
  const client = dockerRegistry({}, new AbortController().signal);
  test.before(async () => {
    api = await connectTestEngine();
    registry = await startRegistry();
    repo = `${registry.host}/team`;
  });
  test.after(async () => {
    await removeImages(api, label);
    await registry.stop();
  });

  /** Pushes an index of both platforms to a tag. Each image says in `/made` which platform it is for. */
  const pushIndex = (tool: 'buildx' | 'bake', name: string, text: string): void => {
    const folder = tempFolder();
    const { path: docker } = findDockerClient()!;
    writeFiles(folder, {
      Dockerfile: `FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /made\nLABEL ${label}=1\n`,
      amd64: `${text} amd64\n`,
      arm64: `${text} arm64\n`,
    });
    const target = { context: folder, platforms, tags: [`${repo}/${name}`], output: ['type=registry'] };
    writeFiles(folder, { 'bake.json': JSON.stringify({ target: { default: target } }) });
    const argv =
      tool === 'bake'
        ? ['buildx', 'bake', '--file', path.join(folder, 'bake.json')]
        : ['buildx', 'build', `--platform=${platforms}`, `--tag=${repo}/${name}`, '--push', folder];
    const push = (): unknown =>
      execFileSync(docker, argv, { stdio: 'pipe', env: { ...process.env, BUILDX_BUILDER: 'default' } });
    try {
      push();
    } catch (error) {
      // The registry fails if a tag is read while it is written, and buildx pushes it twice.
      if (!/manifests\/\S+: 500 Internal Server Error/.test(String((error as Error).message))) throw error;
      push();
    }
  };

  const layersOf = async (name: string): Promise<string[]> => {
    const { body } = await client.manifest(name);
    const { layers } = JSON.parse(body.toString()) as { layers: { digest: string }[] };
    return layers.map(({ digest }) => digest);
  };

  for (const tool of ['buildx', 'bake'] as const)
    test(`an index of ${tool} is read, pinned for each platform, and used as a base`, async () => {
      const name = `${tool}:1`;
      pushIndex(tool, name, tool);
      const { images } = (await client.contents(`${repo}/${name}`))!;
      assert.ok(images.length >= 2);
      const members = await Promise.all(
        platforms.map((platform) => client.image(`${repo}/${name}`, platform)),
      );
      assert.is(new Set(members.map((member) => member!.manifest.digest)).size, 2);
      assert.is(await client.image(`${repo}/${name}`, 'linux/s390x'), undefined);
      const definitions = (wanted: readonly string[]): string =>
        `import { image } from 'image-tasks';\nexport const app = image({ name: 'app-${tool}', context: '.', labels: { '${label}': '1' }, platforms: ${JSON.stringify(wanted)} });\n`;
      const cwd = makeProject(definitions(platforms), {
        Dockerfile: `FROM ${repo}/${name}\nCOPY file /\n`,
        file: 'f',
        '.dockerignore': '*\n!file\n',
      });
      const succeed = async (...args: string[]): Promise<string> => {
        const { code, out, err } = await runCli(args, { cwd });
        assert.is(code, 0, `${args.join(' ')}: ${err}`);
        return out;
      };
      await succeed('lock');
      await succeed('push', '--release', '--repo', repo);
      for (const [index, platform] of platforms.entries()) {
        const { digest } = (await client.image(`${repo}/app-${tool}:latest`, platform))!.manifest;
        const layers = await layersOf(`${repo}/app-${tool}@${digest}`);
        const baseLayers = await layersOf(`${repo}/${name}@${members[index]!.manifest.digest}`);
        assert.equal(layers.slice(0, 1), baseLayers, platform);
        const query = new URLSearchParams({ fromImage: `${repo}/app-${tool}`, tag: digest, platform });
        await api.request({ method: 'POST', path: `/images/create?${query}` });
        const made = await readFromImage(api, `${repo}/app-${tool}@${digest}`, '/made');
        assert.is(made, `${tool} ${platform.split('/')[1]}\n`);
      }
      writeFileSync(path.join(cwd, 'tasks/images.ts'), definitions([...platforms, 'linux/s390x']));
      const lacking = await runCli(['lock'], { cwd });
      const plan = await runCli(['plan'], { cwd });
      assert.match(lacking.err + plan.out + plan.err, /s390x/);
      assert.is.not((await runCli(['build'], { cwd })).code, 0, 'the base does not have this platform');
    });

  test('an index that buildx puts on a released tag is reported by verify, and replaced by the next release', async () => {
    const cwd = makeProject(
      `import { image } from 'image-tasks';\nexport const app = image({ name: 'released', context: 'app', labels: { '${label}': '1' }, platforms: ${JSON.stringify(platforms)} });\n`,
      { 'app/Dockerfile': 'FROM scratch\nCOPY file /\n', 'app/file': 'f' },
    );
    const release = ['push', '--release', '--repo', repo];
    assert.is((await runCli(release, { cwd })).code, 0);
    const tag = `${repo}/released:latest`;
    const released = await client.head(tag);
    const [file] = readdirSync(path.join(cwd, '.cache/releases'));
    const verify = ['verify', `.cache/releases/${file}`];
    assert.is((await runCli(verify, { cwd })).code, 0);
    pushIndex('buildx', 'released:latest', 'other');
    const other = await runCli(verify, { cwd });
    assert.is(other.code, 1);
    assert.match(other.out + other.err, /released:latest/);
    const next = await runCli(release, { cwd });
    assert.is(next.code, 0, next.err);
    assert.is(await client.head(tag), released);
    assert.is((await runCli(verify, { cwd })).code, 0);
  });
}

test.run();
