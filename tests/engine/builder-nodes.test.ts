// Registry mode on two real builder nodes, with a real registry.
import { copyFileSync, cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findBuilder } from '../../src/engine/builder-nodes.ts';
import { connectNodes } from '../../src/engine/connect-nodes.ts';
import {
  builderUnavailable,
  nodeThatPrints,
  startTestBuilder,
  type TestBuilder,
} from '../support/builder-machine.ts';
import { builderSuite } from '../support/builder-suite.ts';
import { busybox } from '../support/busybox.ts';
import { type CliResult, makeProject, runCli, startCli } from '../support/cli.ts';
import { type RealRegistry, startRegistry } from '../support/registry.ts';
import { tempFolder, writeFiles } from '../support/temp.ts';

const test = suite('builder nodes');

const definitions = `import { image } from 'image-tasks';
export const base = image({ name: 'base', context: 'base' });
export const mid = image({ name: 'mid', versions: ['1', '2'], context: 'mid', args: (version) => ({ V: version }), needs: { BASE: base } });
export const app = image({ name: 'app', versions: ['1', '2'], context: 'app', needs: { BASE: mid }, test: 'app/test.sh' });
export const list = image({ name: 'list', context: 'list', needs: { BASE: base }, output: 'files' });
`;
const files = {
  'base/Dockerfile': 'FROM scratch\nCOPY busybox /bin/sh\n',
  'mid/Dockerfile': 'ARG BASE\nFROM $BASE\nARG V\nSHELL ["/bin/sh", "-c"]\nRUN echo "$V" > /version\n',
  'app/Dockerfile': 'ARG BASE\nFROM $BASE\nCOPY file /app\n',
  'app/file': 'b\n',
  'app/test.sh':
    '#!/bin/sh\nread version < /version\n[ "$version" = "$TASKS_VERSION" ] && echo "it is $version"\n',
  'list/Dockerfile':
    'ARG BASE\nFROM $BASE AS made\nRUN ["/bin/sh", "-c", "echo made > /made"]\nFROM scratch\nCOPY --from=made /made /made\n',
} as const;

/** Returns the digests of the manifests in a repository, also those that have no tag. */
function pushedManifests({ folder }: RealRegistry, repository: string): string[] {
  const revisions = path.join(
    folder,
    'data/docker/registry/v2/repositories',
    repository,
    '_manifests/revisions/sha256',
  );
  return existsSync(revisions) ? readdirSync(revisions) : [];
}

if (builderUnavailable !== undefined) test.skip(`(skipped: ${builderUnavailable})`);
else {
  let builder: TestBuilder;
  let registry: RealRegistry;
  test.before(async () => {
    [builder, registry] = await Promise.all([startTestBuilder(), startRegistry()]);
  });
  test.after(async () => {
    await builder.close();
    await registry.stop();
  });
  let projects = 0;
  /** A project with a repository of its own, and the ways to run `tasks` in it. */
  const newProject = () => {
    const cwd = makeProject(definitions, files);
    copyFileSync(busybox(), path.join(cwd, 'base/busybox'));
    const repo = `${registry.host}/p${++projects}`;
    const on = async (where: string, args: readonly string[], env = {}): Promise<CliResult> => {
      const ran = await runCli([...args, '--repo', repo], { cwd: where, env: { RELEASE: '', ...env } });
      assert.is(ran.code, 0, `${args.join(' ')}: ${ran.err}`);
      return ran;
    };
    return {
      cwd,
      repo,
      onNodes: (...args: string[]) => on(cwd, [...args, '--builder', 'ci'], builder.environment),
      /** Another machine, with an engine and without `.cache`. */
      async inEngine(...args: string[]) {
        const other = tempFolder();
        cpSync(cwd, other, { recursive: true, filter: (file) => path.basename(file) !== '.cache' });
        return await on(other, args);
      },
      forget: () => rmSync(path.join(cwd, '.cache'), { recursive: true }),
    };
  };
  const actionsIn = ({ out }: CliResult): Record<string, string> =>
    Object.fromEntries(
      (JSON.parse(out) as { tasks: { id: string; action: string }[] }).tasks.map(({ id, action }) => [
        id,
        action,
      ]),
    );

  test('a chain is built on both nodes, and the registry then has everything: also for an engine', async () => {
    const project = newProject();
    const { out } = await project.onNodes('build');
    assert.match(out, new RegExp(`^${project.repo}/app@sha256:[0-9a-f]{64}$`, 'm'));
    const nothing = {
      'base:latest': 'reuse',
      'mid:1': 'reuse',
      'mid:2': 'reuse',
      'app:1': 'reuse',
      'app:2': 'reuse',
      'list:latest': 'reuse',
    };
    assert.equal(actionsIn(await project.onNodes('plan', '--json')), nothing);
    project.forget();
    const { 'list:latest': _, ...images } = actionsIn(await project.onNodes('plan', '--json'));
    const { 'list:latest': __, ...expected } = nothing;
    assert.equal(images, expected, 'without .cache');
    const inEngine = actionsIn(await project.inEngine('plan', 'app', '--json', '--from-registry'));
    assert.equal(inEngine['app:1'], 'reuse', 'an engine finds it');
  });

  test('images that an engine pushed are reused by a builder', async () => {
    const project = newProject();
    await project.inEngine('push', '--upload-only');
    const { 'list:latest': _, ...images } = actionsIn(await project.onNodes('plan', '--json'));
    assert.equal(new Set(Object.values(images)), new Set(['reuse']));
  });

  test('a push tests on the nodes and sets all tags; another one has nothing to do', async () => {
    const project = newProject();
    const { err } = await project.onNodes('push', '--release', '--verbose');
    assert.match(err, /it is 2/);
    const again = await project.onNodes('push', '--release', '--json');
    assert.not.match(again.out, /"task-started"/);
    const inEngine = await project.inEngine('push', '--release', '--json');
    assert.not.match(inEngine.out, /"type":"task-started"[^\n]*"action":"test"/, 'passes are shared');
  });

  test('doctor checks each node, and lets it push', async () => {
    const project = newProject();
    const { out } = await project.onNodes('doctor');
    assert.match(out, /ci0 \(tcp:[^)]*\) builds for linux/);
    assert.match(out, /ci1 \(tcp:[^)]*\) builds for linux/);
  });

  test('a rebuild of what is up to date gives the same results', async () => {
    const project = newProject();
    await project.onNodes('build');
    const { out } = await project.onNodes('reproduce', '--json');
    const { audited } = JSON.parse(out) as { audited: { id: string; verdict: string }[] };
    assert.equal(new Set(audited.map(({ verdict }) => verdict)), new Set(['same']), out);
  });

  // The last one: it ends a node.
  test('a node that is killed during a build: the build is done on the other one', async () => {
    const project = newProject();
    writeFiles(project.cwd, {
      'slow/Dockerfile': 'ARG BASE\nFROM $BASE\nRUN ["/bin/sh", "-c", "echo begun; sleep 5"]\n',
      'tasks/slow.ts': `import { image } from 'image-tasks';
import { base } from './images.ts';
export const slow = image({ name: 'slow', context: 'slow', needs: { BASE: base } });
`,
    });
    await project.onNodes('build', 'base');
    const args = ['build', 'slow', '--builder', 'ci', '--repo', project.repo, '--json'];
    const { child, ended } = startCli(args, {
      cwd: project.cwd,
      env: builder.environment,
    });
    const node = await nodeThatPrints(child, 'begun');
    const { engine, bridge } = builder.nodes[node === 'ci0' ? 0 : 1];
    bridge.close();
    await engine.kill();
    const { code, out, err } = await ended;
    assert.is(code, 0, `${out}${err}`);
    assert.match(err, /lost the connection to the builder node|is left out/);
    const nodes = [...out.matchAll(/"type":"task-started"[^\n]*"id":"slow:latest"[^\n]*"node":"(ci\d)"/g)];
    assert.is(new Set(nodes.map(([, each]) => each)).size, 2);
  });
}

test.run();

if (builderUnavailable === undefined)
  builderSuite('a node of two', async () => {
    const [testBuilder, registry] = await Promise.all([startTestBuilder(), startRegistry()]);
    const addresses = findBuilder('ci', '--builder', { ...process.env, ...testBuilder.environment });
    if (addresses === 'engine') throw new Error('ci is no builder with nodes');
    const [node] = await connectNodes(addresses, {
      builder: 'ci',
      proxies: {},
      login: async () => undefined,
      environment: process.env,
      signal: new AbortController().signal,
      onDead: (message) => {
        throw new Error(message);
      },
    });
    const program = busybox();
    const pushTo = `${registry.host}/team/app`;
    return {
      builder: node!.builder,
      files: { 'bin/sh': program, 'bin/sleep': program, 'bin/cat': program },
      pushTo,
      countImages: async () => pushedManifests(registry, 'team/app').length,
      close: async () => {
        await testBuilder.close();
        await registry.stop();
      },
    };
  });
