// Two engines with different image stores and one registry: images that one of them built, and the other one pulled. Both engines
// are started by this test, in the network of scripts/with-engine.mjs.
import { cpSync, rmSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { listImages } from '../../src/engine/queries.ts';
import { makeProject, runCli } from '../support/cli.ts';
import {
  createPrivateEngine,
  type ImageStore,
  type PrivateEngine,
  privateEngineUnavailable,
} from '../support/private-engine.ts';
import { hasRegistry, startRegistry } from '../support/registry.ts';
import { tempFolder } from '../support/temp.ts';

const test = suite('images from another image store');

const unavailable =
  process.env.TASKS_TEST_ENGINE_STORE === undefined
    ? 'run it with scripts/with-engine.mjs, whose docker has both image stores'
    : hasRegistry
      ? privateEngineUnavailable
      : 'there is no docker-registry';

const definitions = `import { image } from 'image-tasks';
export const base = image({ name: 'base', context: 'base' });
export const app = image({ name: 'app', context: 'app', needs: { BASE: base } });
export const last = image({ name: 'last', context: 'app', needs: { BASE: app, OTHER: base } });
`;
const files = {
  'base/Dockerfile': 'FROM scratch\nCOPY file /base\n',
  'base/file': 'a\n',
  'app/Dockerfile': 'ARG BASE\nARG OTHER=scratch\nFROM $OTHER\nFROM $BASE\nCOPY file /app\n',
  'app/file': 'b\n',
} as const;

if (unavailable !== undefined) test.skip(`(skipped: ${unavailable})`);
else {
  const engines: Record<ImageStore, PrivateEngine> = {
    graph: createPrivateEngine({ store: 'graph', sharesNetwork: true }),
    containerd: createPrivateEngine({ store: 'containerd', sharesNetwork: true }),
  };
  test.before(async () => void (await Promise.all([engines.graph.start(), engines.containerd.start()])));
  test.after(async () => void (await Promise.all([engines.graph.close(), engines.containerd.close()])));

  const run = async (cwd: string, engine: PrivateEngine, ...args: string[]): Promise<string> => {
    const ran = await runCli(args, { cwd, env: { ...engine.env, RELEASE: '' } });
    assert.is(ran.code, 0, `${args.join(' ')}: ${ran.err}`);
    return ran.out;
  };
  const actionsOf = async (cwd: string, engine: PrivateEngine): Promise<Record<string, string>> => {
    const { tasks } = JSON.parse(await run(cwd, engine, 'plan', '--json')) as {
      tasks: { name: string; action: string }[];
    };
    return Object.fromEntries(tasks.map(({ name, action }) => [name, action]));
  };
  const forget = (cwd: string): void => rmSync(path.join(cwd, '.cache'), { recursive: true });
  const nothing = { base: 'reuse', app: 'reuse', last: 'reuse' };

  for (const [from, to] of [
    ['graph', 'containerd'],
    ['containerd', 'graph'],
    ['graph', 'graph'],
    ['containerd', 'containerd'],
  ] as const) {
    test(`built with the ${from} store, pulled into the ${to} store: nothing is rebuilt, also without .cache`, async () => {
      const [builder, puller] = [engines[from], engines[to]];
      const registry = await startRegistry();
      try {
        const repo = `${registry.host}/${from}-${to}`;
        const cwd = makeProject(definitions, files);
        await run(cwd, builder, 'push', 'base', 'app', '--repo', repo);
        if (from === to) await removeAll(builder);
        const other = tempFolder();
        cpSync(cwd, other, { recursive: true, filter: (file) => path.basename(file) !== '.cache' });
        const out = await run(other, puller, 'build', 'last', '--from-registry', '--repo', repo, '--json');
        assert.match(out, /"pulled":2/);
        assert.equal(await actionsOf(other, puller), nothing, 'with records');
        forget(other);
        assert.equal(await actionsOf(other, puller), nothing, 'without records');

        await run(other, puller, 'build', 'base', '--force');
        const rebuilds = { base: 'reuse', app: 'build', last: 'build' };
        assert.equal(await actionsOf(other, puller), rebuilds, 'the base image is another one');
        forget(other);
        assert.equal(
          await actionsOf(other, puller),
          rebuilds,
          'the base image is another one: without records',
        );
      } finally {
        await removeAll(engines[from]);
        await removeAll(engines[to]);
        await registry.stop();
      }
    });
  }
}

async function removeAll({ api }: PrivateEngine): Promise<void> {
  for (const { id } of await listImages(api))
    await api.request({ method: 'DELETE', path: `/images/${id}?force=1` });
}

test.run();
