import { chmodSync, copyFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineApi } from '../../src/engine/api.ts';
import { listImages } from '../../src/engine/queries.ts';
import { busybox } from '../support/busybox.ts';
import { type CliResult, makeProject, runCli } from '../support/cli.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { writeFiles } from '../support/temp.ts';

const test = suite('base images with docker');
const label = 'image-tasks.needs-test';
const repo = `needs-test-${process.pid}`;

const definitions = `import { image, project } from 'image-tasks';
export default project({ repo: '${repo}' });
const labels = { '${label}': '${process.pid}' };
export const base = image({ name: 'base', versions: ['1'], context: 'base', labels, aliases: () => ['stable', 'latest'] });
export const app = image({ name: 'app', versions: ['1'], context: 'app', labels, args: () => ({ V: '1' }), test: 'app/test' });
export const named = image({
  name: 'named', versions: ['1'], context: 'named', labels, test: 'named/test',
  needs: (version) => ({ ['other.example/team/base:' + version]: base, 'other.example/tool': base }),
});
export const made = image({
  name: 'made', versions: ['1'], context: 'arg', labels, needs: { BASE: base }, test: 'named/test',
  dockerfile: (version) => ({
    text: 'ARG BASE\\nFROM $BASE\\nRUN for f in first second third; do echo ' + version + ' > /$f; done\\n',
  }),
});
export const arg = image({ name: 'arg', versions: ['1'], context: 'arg', labels, needs: { BASE: base }, test: 'arg/test' });
`;
const files = {
  'base/Dockerfile': 'FROM scratch\nCOPY bin /bin\nRUN echo ours > /who\n',
  'app/Dockerfile': `ARG V
ARG NAME=${repo}/base:$V
FROM \${NAME} AS first
RUN cp /who /first
FROM ${repo}/base
COPY --from=first /first /first
COPY --from=docker.io/${repo}/base:stable /who /second
RUN --mount=type=bind,from=${repo}/base:1,target=/m cp /m/who /third
`,
  'app/test': '#!/bin/sh\ncat /who /first /second /third\n',
  'named/Dockerfile': `ARG V=1
FROM other.example/team/base:\${V} AS first
RUN cp /who /first
FROM other.example/tool
COPY --from=first /first /first
COPY --from=other.example/team/base:1 /who /second
RUN --mount=type=bind,from=other.example/tool,target=/m cp /m/who /third
`,
  'named/test': '#!/bin/sh\ncat /who /first /second /third\n',
  'arg/Dockerfile':
    'ARG BASE\nFROM $BASE AS x\nARG BASE\nRUN echo $BASE > /name\nCOPY --from=$BASE /who /copied\n',
  'arg/test': '#!/bin/sh\ncat /who /copied /name\n',
} as const;

let api: EngineApi;

function project(): string {
  const root = makeProject(definitions, files);
  writeFiles(root, { 'base/bin/': '' });
  for (const name of ['sh', 'cat', 'cp']) {
    copyFileSync(busybox(), path.join(root, 'base/bin', name));
    chmodSync(path.join(root, 'base/bin', name), 0o755);
  }
  return root;
}

async function ok(cwd: string, ...args: string[]): Promise<CliResult> {
  const ran = await runCli(args, { cwd, env: { RELEASE: '' } });
  assert.is(ran.code, 0, ran.err);
  return ran;
}

const idOf = async (tag: string): Promise<string | undefined> =>
  (await listImages(api)).find(({ tags }) => tags.includes(tag))?.id;

test.before(async () => {
  api = await connectTestEngine();
});
test.after(async () => {
  await removeImages(api, label);
});

test("images use the project's own base images, even if other images in the engine have their names", async () => {
  const cwd = project();
  await ok(cwd, 'build', 'base');
  // Another image gets the name that the project publishes.
  writeFiles(cwd, { 'base/Dockerfile': files['base/Dockerfile'].replace('ours', 'theirs') });
  await ok(cwd, 'build', 'base', '--suffix', '');
  const theirs = await idOf(`${repo}/base:1`);
  for (const tag of ['stable', 'latest'])
    await api.request({ method: 'POST', path: `/images/${theirs}/tag?repo=${repo}/base&tag=${tag}` });
  writeFiles(cwd, { 'base/Dockerfile': files['base/Dockerfile'] });
  await ok(cwd, 'build', 'app');
  await ok(cwd, 'test', 'app');
  assert.is((await ok(cwd, 'logs', 'app:1', '--test')).out, 'ours\nours\nours\nours\n');
  assert.is(await idOf(`${repo}/base:1`), theirs, 'a build sets no release tag');
});

test('a need by the name of an image in the Dockerfile takes the place of that image everywhere', async () => {
  const cwd = project();
  await ok(cwd, 'build', 'named');
  await ok(cwd, 'test', 'named');
  assert.is((await ok(cwd, 'logs', 'named:1', '--test')).out, 'ours\nours\nours\nours\n');
});

test('a Dockerfile in a definition is built', async () => {
  const cwd = project();
  await ok(cwd, 'test', 'made');
  assert.is((await ok(cwd, 'logs', 'made:1', '--test')).out, 'ours\n1\n1\n1\n');
});

test('the build arg of a need has no repository, so another --repo gives the same image', async () => {
  const cwd = project();
  await ok(cwd, 'build', 'arg', '--suffix', '-a');
  const other = await ok(cwd, 'build', 'arg', '--repo', `${repo}-other`, '--suffix', '-b');
  assert.match(other.err, /2 up to date/);
  assert.is(await idOf(`${repo}-other/arg:1-b`), await idOf(`${repo}/arg:1-a`));
  await ok(cwd, 'test', 'arg');
  const [who, copied, name] = (await ok(cwd, 'logs', 'arg:1', '--test')).out.split('\n');
  assert.equal([who, copied], ['ours', 'ours']);
  assert.match(name!, /^tasks\.invalid\/base:1-k[0-9a-f]{12}$/);
});

test.run();
