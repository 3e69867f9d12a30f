// Builder nodes that lose their cache, their disk space, or the way to the registry or to us.
import { copyFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  builderUnavailable,
  nodeThatPrints,
  startTestBuilder,
  type TestBuilder,
} from '../support/builder-machine.ts';
import { busybox } from '../support/busybox.ts';
import { makeProject, runCli, startCli } from '../support/cli.ts';
import { type RealRegistry, startRegistry } from '../support/registry.ts';

const test = suite('faults of builder nodes');

const dockerfile = `FROM scratch
COPY busybox /bin/sh
SHELL ["/bin/sh", "-c"]
RUN echo begun > /first
COPY file /file
`;

/** A project with an image of the name. */
function projectOf(name: string, text: string, settings = {}): string {
  const cwd = makeProject(
    `import { image, project } from 'image-tasks';
export default project(${JSON.stringify(settings)});
export const it = image({ name: '${name}', context: 'c' });
`,
    { 'c/Dockerfile': text, 'c/file': '1' },
  );
  copyFileSync(busybox(), path.join(cwd, 'c/busybox'));
  return cwd;
}

const build = (repo: string): string[] => ['build', '--builder', 'ci', '--repo', repo, '--verbose'];

async function within(
  options: Parameters<typeof startTestBuilder>[0],
  work: (builder: TestBuilder, registry: RealRegistry) => Promise<void>,
): Promise<void> {
  const [builder, registry] = await Promise.all([startTestBuilder(options), startRegistry()]);
  try {
    await work(builder, registry);
  } finally {
    await builder.close();
    await registry.stop();
  }
}

if (builderUnavailable !== undefined) test.skip(`(skipped: ${builderUnavailable})`);
else {
  test('with cacheTo, a node that lost its cache takes it from the registry', async () => {
    await within({}, async (builder, { host }) => {
      const cacheTo = `${host}/steps`;
      const run = async (cwd: string) => {
        const ran = await runCli(build(`${host}/team`), { cwd, env: { ...builder.environment } });
        assert.is(ran.code, 0, ran.err);
        return ran.err;
      };
      const prune = async (): Promise<void> => {
        for (const { engine } of builder.nodes)
          await engine.api.request({ method: 'POST', path: '/build/prune?all=true' });
      };
      for (const [name, settings, ending] of [
        ['kept', { cacheTo }, 'CACHED'],
        ['lost', {}, 'DONE'],
      ] as const) {
        const cwd = projectOf(name, dockerfile, settings);
        await run(cwd);
        await prune();
        writeFileSync(path.join(cwd, 'c/file'), '2');
        const err = await run(cwd);
        const [, number] = /(#\d+) \[\d\/\d\] RUN echo begun/.exec(err) ?? [];
        assert.match(err, new RegExp(`${number} ${ending}`));
      }
    });
  });

  test('a full disk fails the build, and the message says so', async () => {
    await within({ diskSize: '32m' }, async (builder, { host }) => {
      const cwd = projectOf('large', 'FROM scratch\nCOPY . /\n');
      truncateSync(path.join(cwd, 'c/file'), 64 << 20);
      const { code, err } = await runCli(build(`${host}/team`), { cwd, env: { ...builder.environment } });
      assert.is(code, 1, err);
      assert.match(err, /no space left on device/);
      assert.match(err, /help: free space on the builder node ci\d/, err);
    });
  });

  test('a registry that the nodes do not reach fails the build, and the message names it', async () => {
    await within({ sharesNetwork: false }, async (builder, { host }) => {
      const cwd = projectOf('far', 'FROM scratch\nCOPY file /\n');
      const { code, err } = await runCli(build(`${host}/team`), { cwd, env: { ...builder.environment } });
      assert.is(code, 1, err);
      assert.match(err, new RegExp(`failed to push ${host}.*network is unreachable`), err);
      assert.match(err, /help: the builder node ci\d.* must reach this registry/, err);
    });
  });

  test('a node that says nothing for 60 s is lost: the build is done on the other one', async () => {
    await within({}, async (builder, { host }) => {
      const cwd = projectOf('slow', dockerfile.replace('echo begun', 'echo begun; sleep 3; echo over'));
      const args = [...build(`${host}/team`), '--json'];
      const { child, ended } = startCli(args, { cwd, env: { ...builder.environment } });
      const node = await nodeThatPrints(child, 'begun');
      builder.nodes[node === 'ci0' ? 0 : 1].engine.freeze();
      const { code, err } = await ended;
      assert.is(code, 0, err);
      assert.match(err, new RegExp(`the builder node ${node}.* is not responding`));
    });
  });
}

test.run();
