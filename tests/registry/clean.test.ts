import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanRegistry } from '../../src/app/clean-registry.ts';
import { openProject } from '../../src/app/open-project.ts';
import { readReleaseFile } from '../../src/app/release-files.ts';
import { keyLabel, needsLabel, taskLabel } from '../../src/model/labels.ts';
import { dockerRegistry } from '../../src/registry/registry.ts';
import { journalName, writeJournal } from '../../src/release/journal.ts';
import { type CliResult, makeProject, runCli } from '../support/cli.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { makeHost } from '../support/host.ts';
import { hasRegistry, type RealRegistry, restart, startRegistry } from '../support/registry.ts';
import { tempFolder } from '../support/temp.ts';

const test = suite('tasks clean --remote');
const label = 'image-tasks.clean-test';
const day = 86_400_000;
const registry = dockerRegistry({ DOCKER_CONFIG: tempFolder() }, new AbortController().signal);

const definitions = `import { image } from 'image-tasks';
const labels = { '${label}': '1' };
export const base = image({ name: 'base', context: 'base', labels, publish: false });
export const app = image({ name: 'app', versions: ['1'], context: 'app', labels, needs: { BASE: base }, aliases: ['newest'] });`;
const project = (): string =>
  makeProject(definitions, {
    'base/Dockerfile': 'FROM scratch\nCOPY f /base\n',
    'base/f': '1',
    'app/Dockerfile': 'ARG BASE\nFROM $BASE\nCOPY f /app\n',
    'app/f': '1',
  });

/** Pushes an image without layers, with the labels that `tasks` sets. Returns its digest. */
async function put(
  real: RealRegistry,
  tag: string,
  task: string,
  key: string,
  days: number,
): Promise<string> {
  const labels = { [keyLabel]: key.repeat(64), [taskLabel]: task, [needsLabel]: '{}' };
  const created = new Date(Date.now() - days * day);
  const config = Buffer.from(
    JSON.stringify({ os: 'linux', architecture: 'amd64', created, config: { Labels: labels } }),
  );
  const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  await real.putBlob(tag.slice(0, tag.lastIndexOf(':')), config);
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const configType = 'application/vnd.oci.image.config.v1+json';
  const descriptor = { mediaType: configType, digest: digestOf(config), size: config.length };
  const body = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config: descriptor, layers: [] }));
  await registry.put(`${real.host}/${tag}`, { mediaType, digest: digestOf(body), body });
  return digestOf(body);
}

const k = (letter: string): string => `-k${letter.repeat(12)}`;

if (hasRegistry) {
  test('--dry-run lists the tags that a clean removes, with reasons; a second clean finds nothing', async () => {
    const real = await startRegistry({ deletes: true });
    const [cwd, repo] = [project(), `${real.host}/team`];
    const run = (...args: string[]): Promise<CliResult> =>
      runCli(['clean', '--remote', '--repo', repo, ...args], { cwd });
    try {
      await put(real, `team/app:1${k('a')}`, 'app:1', 'a', 61);
      await put(real, `team/app:1${k('b')}`, 'app:1', 'b', 71);
      await put(real, `team/app:1`, 'app:1', 'b', 71);
      await registry.put(`${repo}/app:1`, await registry.manifest(`${repo}/app:1${k('b')}`));
      await registry.put(`${repo}/app:1-dev202601010000`, await registry.manifest(`${repo}/app:1`));
      await registry.put(
        `${repo}/app:1${k('a')}-t${'9'.repeat(12)}`,
        await registry.manifest(`${repo}/app:1${k('a')}`),
      );
      await put(real, `team/base:latest${k('c')}`, 'base:latest', 'c', 41);
      await put(real, `team/base:latest${k('d')}`, 'base:latest', 'd', 3);

      const dry = await run('--dry-run');
      assert.is(dry.code, 0, dry.err);
      assert.match(dry.out, /\/team\/app {2}3 of 5 tags\n/);
      assert.match(dry.out, / {2}1-kaaaaaaaaaaaa +61 d +no task has this key \+ its test pass\n/);
      assert.match(dry.out, / {2}1-dev202601010000 +\d+ d {2}dev tag; the image has other tags\n/);
      assert.match(dry.out, / {2}latest-kcccccccccccc +41 d {2}no task has this key\n/);
      assert.match(dry.out, /would remove 4 of 7 tags in 2 repositories, and 2 images\n/);
      assert.ok(dry.out.split('\n').every((line) => line.length <= 80));
      assert.is((await registry.tags(`${repo}/app`)).length, 5, 'a dry run changes nothing');

      const document = JSON.parse((await run('--json')).out);
      assert.equal(
        [document.dryRun, document.seen, document.removed.length, document.changed],
        [false, 7, 3, []],
      );
      assert.equal(await registry.tags(`${repo}/app`), ['1', `1${k('b')}`]);
      assert.equal(await registry.tags(`${repo}/base`), [`latest${k('d')}`]);
      assert.match((await run()).out, /nothing to remove: 3 tags in 2 repositories, all in use/);
    } finally {
      await real.stop();
    }
  });

  test('reports a missing repository, an unreachable registry, disabled deletes and a push in progress, and changes nothing', async () => {
    let real = await startRegistry();
    const [cwd, repo] = [project(), `${real.host}/team`];
    const run = (...args: string[]): Promise<CliResult> => runCli(['clean', '--remote', ...args], { cwd });
    try {
      const noRepo = await run();
      assert.is(noRepo.code, 2);
      assert.match(noRepo.err, /no repository to clean/);

      await put(real, `team/app:1${k('a')}`, 'app:1', 'a', 61);
      await registry.put(`${repo}/app:1-dev202601010000`, await registry.manifest(`${repo}/app:1${k('a')}`));
      const refused = await run('--repo', repo);
      assert.is(refused.code, 3);
      assert.match(
        refused.err,
        /does not allow anyone to delete from team\/app \(405 .*\n.*deletes are disabled/,
      );
      assert.is((await registry.tags(`${repo}/app`)).length, 2);

      const releaseFile = path.join(cwd, 'kept.json');
      const digest = await registry.head(`${repo}/app:1${k('a')}`);
      const image = { task: 'app:1', image: `${repo}/app@${digest}`, digest, tags: [], aliases: [] };
      writeFileSync(releaseFile, JSON.stringify({ schema: 1, images: [image] }));
      const kept = await run('--repo', repo, '--dry-run', '--keep', 'kept.json');
      assert.match(kept.out, /would remove 1 of 2 tags in 1 repository\n/);
      assert.is((await run('--repo', repo, '--keep', 'missing.json')).code, 2);

      await real.stop();
      real = await restart(real, { deletes: true });
      const change = { name: `${repo}/app:1`, task: 'app:1', after: digest!, isAlias: false };
      const open = {
        id: 'x',
        owner: 1,
        time: 'then',
        beat: 0,
        direction: 'forward',
        changes: [change],
      } as const;
      await writeJournal(registry, journalName({ repo, suffix: '', timed: false }), open);
      const pushing = await run('--repo', repo);
      assert.is(pushing.code, 1);
      assert.match(pushing.err, /another push has been publishing since then; nothing was removed/);
      assert.is((await registry.tags(`${repo}/app`)).length, 2);
    } finally {
      await real.stop();
    }
    const unreachable = await run('--repo', repo);
    assert.is(unreachable.code, 3);
    assert.match(unreachable.err, /cannot be reached/);
  });

  test('after 40 days, keeps everything that the last release uses, and an empty machine reuses it', async () => {
    const api = await connectTestEngine();
    const real = await startRegistry({ deletes: true });
    const [cwd, repo] = [project(), `${real.host}/team`];
    const run = async (...args: string[]): Promise<CliResult> => {
      const result = await runCli([...args, '--repo', repo], { cwd });
      assert.is(result.code, 0, result.err + result.out);
      return result;
    };
    const tags = async (): Promise<string[]> => [
      ...(await registry.tags(`${repo}/app`)),
      ...(await registry.tags(`${repo}/base`)),
    ];
    /** Runs a clean in this process, with a clock that is ahead. */
    const cleanLater = async (days: number, keep: readonly string[] = []): Promise<void> => {
      const host = makeHost({
        environment: { DOCKER_CONFIG: tempFolder() },
        now: () => new Date(Date.now() + days * day),
      });
      const open = await openProject({ root: cwd, profile: 'default' }, host);
      const result = await cleanRegistry(
        open,
        {
          names: { repo, release: false },
          dryRun: false,
          keep: keep.map((file) => readReleaseFile(path.join(cwd, file))),
          signal: new AbortController().signal,
        },
        host,
      );
      assert.equal([result.error, host.notices], [undefined, []]);
    };
    try {
      await run('push');
      writeFileSync(path.join(cwd, 'app/f'), '2');
      await run('push', '--release', '--output', 'first.json');
      const released = await registry.head(`${repo}/app:1`);
      const before = await tags();
      assert.is(
        before.length,
        6,
        'app: a dev tag, two content tags, the release, its alias; base: a content tag',
      );
      await cleanLater(10);
      assert.equal(await tags(), before, 'all tags are too young');
      await cleanLater(40);
      const after = await tags();
      assert.is(after.length, 4, `${after}`);
      assert.is(await registry.head(`${repo}/app:1`), released);

      writeFileSync(path.join(cwd, 'base/f'), '2');
      await cleanLater(40);
      assert.equal(await tags(), after, 'no task has these keys now, but a release and its base are kept');

      await removeImages(api, label);
      writeFileSync(path.join(cwd, 'base/f'), '1');
      const { out } = await runCli(['plan', '--from-registry', '--json', '--repo', repo], { cwd });
      const actions = (JSON.parse(out) as { tasks: { action: string }[] }).tasks.map(({ action }) => action);
      assert.not.ok(
        actions.some((action) => ['build', 'run', 'blocked'].includes(action)),
        out,
      );

      writeFileSync(path.join(cwd, 'base/f'), '2');
      await run('push', '--release', '--output', 'last.json');
      await cleanLater(40, ['first.json']);
      assert.is((await tags()).length, 6, '--keep keeps the first release');
      await cleanLater(40);
      const last = await tags();
      assert.is(last.length, 4, `${last}`);
      assert.ok(last.filter((tag) => tag.includes('-k')).every((tag) => !after.includes(tag)));
    } finally {
      await removeImages(api, label);
      await real.stop();
    }
  });
} else test.skip('docker-registry is not installed');

test.run();
