import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { listImages } from '../../src/engine/api.ts';
import { cli, projectWith } from '../support/cli.ts';
import { removeImages, testEngine } from '../support/docker.ts';
import { tempFolder } from '../support/temp.ts';

const test = suite('with a registry');
const label = 'image-tasks.registry-test';
const hasRegistry = spawnSync('docker-registry', ['--version']).status === 0;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

/** A real registry on loopback; resolves when it answers. */
async function startRegistry(): Promise<{ host: string; stop: () => void }> {
  const host = `127.0.0.1:${await freePort()}`;
  const folder = tempFolder();
  const config = path.join(folder, 'config.yml');
  writeFileSync(
    config,
    JSON.stringify({
      version: 0.1,
      storage: { filesystem: { rootdirectory: folder } },
      http: { addr: host },
    }),
  );
  const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  for (let tries = 0; ; tries++) {
    try {
      await fetch(`http://${host}/v2/`);
      break;
    } catch (error) {
      if (tries === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return { host, stop: () => void child.kill() };
}

if (hasRegistry) {
  test('doctor sees whether the registry of the repository answers', async () => {
    const registry = await startRegistry();
    const look = async (): Promise<{ state: string; detail: string }> => {
      const { out } = await cli(['doctor', '--json', '--repo', `${registry.host}/team`]);
      const { checks } = JSON.parse(out) as { checks: { name: string; state: string; detail: string }[] };
      return checks.find(({ name }) => name === 'registry')!;
    };
    assert.equal((await look()).state, 'ok');
    registry.stop();
    assert.match((await look()).detail, /cannot be reached: ECONNREFUSED/);
  });

  test('a base from a registry: builds, is called impure while it is not pinned, and is not with its digest', async () => {
    const api = await testEngine();
    const registry = await startRegistry();
    const base = `${registry.host}/base:1`;
    const docker = (...args: string[]): string => execFileSync('/usr/bin/docker', args, { encoding: 'utf8' });
    const definitions = (from: string): string => `import { image } from 'image-tasks';
export const a = image({ name: 'a', context: 'a', args: { FROM: '${from}' }, labels: { '${label}': '1' } });`;
    const files = { 'a/Dockerfile': 'ARG FROM\nFROM $FROM\nCOPY x /\n', 'a/x': '' };
    try {
      await cli(['build'], { cwd: projectWith(definitions('scratch'), files) });
      const made = (await listImages(api)).find(({ labels }) => labels[label] !== undefined)!;
      docker('tag', made.id, base);
      const digest = /sha256:[0-9a-f]{64}/.exec(docker('push', base))![0];
      await removeImages(api, label);

      const loose = projectWith(definitions(base), files);
      const plan = await cli(['plan'], { cwd: loose });
      assert.match(plan.out, new RegExp(`line 2: ${base} is not pinned by digest`));
      assert.is((await cli(['build'], { cwd: loose })).code, 0);

      const pinned = projectWith(definitions(`${registry.host}/base@${digest}`), files);
      assert.not.match((await cli(['plan'], { cwd: pinned })).out, /not pinned/);
      assert.is((await cli(['build'], { cwd: pinned })).code, 0);
    } finally {
      await removeImages(api, label);
      registry.stop();
    }
  });
} else test.skip('docker and a registry (skipped: docker-registry is not installed)');

test.run();
