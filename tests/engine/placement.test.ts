// Where builds run on two real builder nodes, and what the nodes fetch from the registry.
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RunEvent } from '../../src/model/events.ts';
import { builderUnavailable, startTestBuilder, type TestBuilder } from '../support/builder-machine.ts';
import { busybox } from '../support/busybox.ts';
import { makeProject, runCli } from '../support/cli.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { type RealRegistry, startRegistry } from '../support/registry.ts';

const test = suite('placement on builder nodes');

/** Two chains of four: each link needs the one before, and adds a layer. */
const definitions = `import { image } from 'image-tasks';
const versions = ['x', 'y'];
const args = (version) => ({ V: version });
export const one = image({ name: 'one', versions, context: 'one', args });
export const two = image({ name: 'two', versions, context: 'link', args, needs: { BASE: one } });
export const three = image({ name: 'three', versions, context: 'link', args, needs: { BASE: two } });
export const four = image({ name: 'four', versions, context: 'link', args, needs: { BASE: three } });
`;
const files = {
  'one/Dockerfile':
    'FROM scratch\nARG V\nCOPY busybox /bin/sh\nSHELL ["/bin/sh", "-c"]\nRUN echo "$V" > /version\n',
  'link/Dockerfile':
    'ARG BASE\nFROM $BASE\nARG V\nSHELL ["/bin/sh", "-c"]\nRUN read r < /proc/sys/kernel/random/uuid; echo "$r" > "/$r"\n',
};

if (builderUnavailable !== undefined) test.skip(`(skipped: ${builderUnavailable})`);
else {
  let builder: TestBuilder;
  let registry: RealRegistry;
  let proxy: FaultProxy;
  test.before(async () => {
    [builder, registry] = await Promise.all([startTestBuilder(), startRegistry()]);
    proxy = await startFaultProxy(registry.host);
  });
  test.after(async () => {
    await builder.close();
    await proxy.stop();
    await registry.stop();
  });

  const fromNodes = (): FaultProxy['requests'] =>
    proxy.requests.filter(({ agent }) => /containerd|docker|buildkit/i.test(agent));
  /** The blobs that nodes fetched. */
  const fetched = (): string[] =>
    fromNodes()
      .filter(({ method }) => method === 'GET')
      .flatMap(({ path: at }) => /\/blobs\/(sha256:\w+)/.exec(at)?.[1] ?? []);

  test('a chain stays on its node, also in the next run, and fetches no blob', async () => {
    const cwd = makeProject(definitions, files);
    copyFileSync(busybox(), path.join(cwd, 'one/busybox'));
    const build = async (...args: string[]): Promise<Map<string, string | undefined>> => {
      proxy.clear();
      const { code, out, err } = await runCli(
        ['build', '--builder', 'ci', '--repo', `${proxy.host}/chains`, '-j', '4', '--json', ...args],
        { cwd, env: { RELEASE: '', ...builder.environment } },
      );
      assert.is(code, 0, err);
      const events = out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as RunEvent);
      return new Map(
        events.flatMap((event) => (event.type === 'task-started' ? [[event.id, event.node]] : [])),
      );
    };
    const nodes = await build();
    assert.is(nodes.size, 8);
    for (const version of ['x', 'y'])
      assert.is(
        new Set(['one', 'two', 'three', 'four'].map((name) => nodes.get(`${name}:${version}`))).size,
        1,
        JSON.stringify([...nodes]),
      );
    assert.equal(fetched(), []);
    assert.ok(
      fromNodes().some(({ method }) => method === 'POST'),
      'uploads of nodes are recognized',
    );
    const again = await build('--force', 'three', 'four');
    assert.equal([...again.keys()].sort(), ['four:x', 'four:y', 'three:x', 'three:y']);
    for (const [id, node] of again) assert.is(node, nodes.get(id), id);
    assert.equal(fetched(), []);
  });
}

test.run();
