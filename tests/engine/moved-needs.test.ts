// What a build uses is what its label says, or the build fails: another program changes tags in the engine after the plan was made
// and right before BuildKit gets the build.
import { chmodSync, copyFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineApi } from '../../src/engine/api.ts';
import { resolveEndpoint } from '../../src/engine/endpoint.ts';
import { listImages } from '../../src/engine/queries.ts';
import { needsLabel } from '../../src/model/labels.ts';
import type { EngineImage } from '../../src/model/ports.ts';
import { busybox } from '../support/busybox.ts';
import { type CliResult, makeProject, runCli } from '../support/cli.ts';
import { connectTestEngine, readFromImage, removeImages } from '../support/docker.ts';
import { type EngineProxy, startEngineProxy } from '../support/engine-proxy.ts';
import { writeFiles } from '../support/temp.ts';

const test = suite('tags that move during a build');
const label = 'image-tasks.moved-needs-test';
const repo = `moved-needs-${process.pid}`;
const definitions = `import { image, project } from 'image-tasks';
export default project({ repo: '${repo}' });
const labels = { '${label}': '${process.pid}' };
export const base = image({ name: 'base', context: 'base', labels });
export const from = image({ name: 'from', context: 'from', labels, needs: { BASE: base } });
export const copy = image({ name: 'copy', context: 'copy', labels, needs: { BASE: base } });
export const mount = image({ name: 'mount', context: 'mount', labels, needs: { BASE: base } });
export const vague = image({ name: 'vague', context: 'vague', labels, needs: { BASE: base } });
`;
const files = {
  'base/Dockerfile': 'FROM scratch\nCOPY bin /bin\nRUN cat /proc/sys/kernel/random/uuid > /who\n',
  'from/Dockerfile': 'ARG BASE\nFROM $BASE\nRUN cat /who > /used\n',
  'copy/Dockerfile': 'ARG BASE\nFROM scratch\nCOPY bin /bin\nARG BASE\nCOPY --from=$BASE /who /used\n',
  'mount/Dockerfile':
    'ARG BASE\nFROM scratch\nCOPY bin /bin\nARG BASE\nRUN --mount=type=bind,from=$BASE,target=/m cat /m/who > /used\n',
  // Not valid UTF-8, so keys contain the whole file and no name in it is replaced.
  'vague/Dockerfile': '# \uFFFD\nARG BASE\nFROM $BASE\nRUN cat /who > /used\n',
} as const;

let api: EngineApi;
let proxy: EngineProxy;

function project(): string {
  const root = makeProject(definitions, files);
  for (const folder of ['base', 'copy', 'mount'])
    for (const name of ['sh', 'cat']) {
      writeFiles(root, { [`${folder}/bin/`]: '' });
      copyFileSync(busybox(), path.join(root, folder, 'bin', name));
      chmodSync(path.join(root, folder, 'bin', name), 0o755);
    }
  return root;
}

const run = (cwd: string, ...args: string[]): Promise<CliResult> =>
  runCli(args, { cwd, env: { RELEASE: '' } });
const ours = async (): Promise<EngineImage[]> =>
  (await listImages(api)).filter(({ labels }) => labels[label] === String(process.pid));
const tagsLike = async (pattern: RegExp): Promise<{ tag: string; id: string }[]> =>
  (await ours()).flatMap(({ id, tags }) =>
    tags.filter((tag) => pattern.test(tag)).map((tag) => ({ tag, id })),
  );

async function move(pattern: RegExp, to: string): Promise<void> {
  for (const { tag } of await tagsLike(pattern)) {
    const [name, version] = tag.split(':') as [string, string];
    await api.request({ method: 'POST', path: `/images/${to}/tag?repo=${name}&tag=${version}` });
  }
}

async function remove(pattern: RegExp): Promise<void> {
  for (const { tag } of await tagsLike(pattern))
    await api.request({ method: 'DELETE', path: `/images/${tag}?noprune=1` });
}

const content = /^tasks\.invalid\/base:latest-k[0-9a-f]{12}$/;
const exact = /^tasks\.invalid\/base:latest-k[0-9a-f]{12}-i/;
const both = /^tasks\.invalid\/base:/;

/** What another program does; `other` is another image of the base. */
const changes: Readonly<Record<string, (cwd: string, other: string) => Promise<unknown>>> = {
  'its content tag moves to another image': (_, other) => move(content, other),
  'its exact tag moves to another image': (_, other) => move(exact, other),
  'both tags move to another image': (_, other) => move(both, other),
  'its content tag is removed': () => remove(content),
  'its exact tag is removed': () => remove(exact),
  'both tags are removed': () => remove(both),
  'another run builds it again with --force': (cwd) => run(cwd, 'build', 'base', '--force'),
};

test.before(async () => {
  api = await connectTestEngine();
  proxy = await startEngineProxy(resolveEndpoint(process.env));
});
test.after(async () => {
  proxy.close();
  await removeImages(api, label);
});
test.before.each(async () => await removeImages(api, label));

for (const [what, change] of Object.entries(changes)) {
  test(`a need of a build in progress: ${what}`, async () => {
    for (const name of ['from', 'copy', 'mount', 'vague']) {
      await removeImages(api, label);
      const cwd = project();
      assert.is((await run(cwd, 'build', 'base')).code, 0);
      const other = (await ours())[0]!.id;
      assert.is((await run(cwd, 'build', 'base', '--force')).code, 0);
      proxy.beforeBuild = async () => {
        proxy.beforeBuild = undefined;
        await change(cwd, other);
      };
      const ran = await runCli(['build', name], { cwd, env: { RELEASE: '', ...proxy.env } });
      assert.is(proxy.beforeBuild, undefined, `the change was not made: ${ran.err}`);
      const tagged = await tagsLike(new RegExp(`^tasks\\.invalid/${name}:latest-k`));
      if (ran.code !== 0) {
        assert.equal(tagged, [], `${name}: a failed build leaves no tag`);
        continue;
      }
      const built = (await ours()).find(({ id }) => id === tagged[0]!.id)!;
      const labeled = JSON.parse(built.labels[needsLabel]!) as Record<string, string>;
      const [used, said] = [
        await readFromImage(api, built.id, '/used'),
        await readFromImage(api, labeled['base:latest']!.split(' ')[0]!, '/who'),
      ];
      assert.is(used, said, `${name}: the label tells another base than the one that was used`);
    }
  });
}

test.run();
