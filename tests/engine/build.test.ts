import { chmodSync, copyFileSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineApi } from '../../src/engine/api.ts';
import { abilitiesOf, listImages, readEngineVersion } from '../../src/engine/queries.ts';
import type { EngineImage } from '../../src/model/ports.ts';
import { busybox } from '../support/busybox.ts';
import { type CliResult, makeProject, runCli, startCli } from '../support/cli.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { commandEnded } from '../support/processes.ts';
import { tempFolder, writeFiles } from '../support/temp.ts';

const test = suite('building images from the command line with docker');
const label = 'image-tasks.build-test';
const repo = `tasks-test-${process.pid}`;

const definitions = `import { command, image, project } from 'image-tasks';
export default project({ repo: '${repo}' });
const labels = { '${label}': '1' };
export const text = command({ name: 'text', versions: ['1', '2'], run: (v) => ['./make-text', v] });
export const base = image({ name: 'base', context: 'base', labels, publish: false });
export const app = image({
  name: 'app', versions: ['1', '2'], context: 'app', labels,
  args: (v) => ({ VERSION: v }), needs: { BASE: base, text }, test: 'app/test',
});
export const exported = image({ name: 'exported', context: 'exported', labels, needs: { APP: app.at('2') }, output: 'files' });
`;
const files = {
  'make-text*': '#!/bin/sh\necho "text of $1" > "$TASKS_OUT/text"\n',
  'base/Dockerfile': 'FROM scratch\nCOPY bin /bin\n',
  'app/Dockerfile':
    'ARG BASE\nFROM $BASE\nARG VERSION\nCOPY . /context\nRUN echo "made $VERSION" && cat /context/text/text > /made\nENV VERSION=$VERSION\n',
  'app/.dockerignore': 'ignored\ntest\nDockerfile\n',
  'app/kept': 'kept\n',
  'app/ignored': 'ignored\n',
  'app/link': { link: 'kept' },
  'app/empty/': '',
  'app/script*': '#!/bin/sh\n',
  'app/test':
    '#!/bin/sh\nset -e\n[ "$TASKS_VERSION" = "$VERSION" ]\ncat /made\nfind /context | sort\nstat -c "%a %n" /context/*\nreadlink /context/link\n[ ! -e /fail ]\n',
  'exported/Dockerfile': 'ARG APP\nFROM $APP AS app\nFROM scratch\nCOPY --from=app /made /made\n',
} as const;

let api: EngineApi;
const env = { RELEASE: '' };

function project(): string {
  const root = makeProject(definitions, files);
  for (const name of ['sh', 'cat', 'find', 'sort', 'stat', 'readlink', 'sleep']) {
    writeFiles(root, { 'base/bin/': '' });
    copyFileSync(busybox(), path.join(root, 'base/bin', name));
    chmodSync(path.join(root, 'base/bin', name), 0o755);
  }
  return root;
}
const ok = async (cwd: string, ...args: string[]): Promise<CliResult> => {
  const ran = await runCli(args, { cwd, env });
  assert.is(ran.code, 0, ran.err);
  return ran;
};
const builtImages = async (): Promise<EngineImage[]> =>
  (await listImages(api)).filter((image) => image.labels[label] !== undefined);
const findTag = async (tag: string): Promise<EngineImage | undefined> =>
  (await builtImages()).find(({ tags }) => tags.includes(`${repo}/${tag}`));
interface PlanJson {
  tasks: { id: string; action: string; key: string; reasons: { code: string; detail: string }[] }[];
}
const planOf = async (cwd: string, ...args: string[]): Promise<Record<string, string>> => {
  const { tasks } = JSON.parse((await ok(cwd, 'plan', '--json', ...args)).out) as PlanJson;
  return Object.fromEntries(
    tasks.map(({ id, action, reasons }) => [id, `${action} ${reasons.map(({ code }) => code).join(' ')}`]),
  );
};

test.before(async () => {
  api = await connectTestEngine();
});
test.before.each(async () => await removeImages(api, label));
test.after(async () => await removeImages(api, label));

test('the first build builds the matrix, the second nothing; a changed file rebuilds the images that use it', async () => {
  const cwd = project();
  const first = await ok(cwd, 'build');
  assert.match(first.err, /6 tasks: 4 to build, 2 to run/);
  const [one, two, ...rest] = first.out.trim().split('\n');
  assert.match(one!, new RegExp(`^${repo}/app:1-dev\\d{12}$`));
  assert.match(two!, new RegExp(`^${repo}/app:2-dev\\d{12}$`));
  assert.equal(rest, []);
  assert.ok((await builtImages()).some(({ tags }) => tags.includes(one!)));

  const second = await ok(cwd, 'build');
  assert.match(second.err, /6 tasks: 6 up to date/);
  assert.is(second.out, first.out, 'a later build keeps the tags');

  writeFiles(cwd, { 'app/ignored': 'changed\n' });
  assert.is((await ok(cwd, 'plan', '--check')).code, 0);
  writeFiles(cwd, { 'app/kept': 'changed\n' });
  assert.equal(await planOf(cwd), {
    'text:1': 'reuse up-to-date',
    'text:2': 'reuse up-to-date',
    'base:latest': 'reuse up-to-date',
    'app:1': 'build changed',
    'app:2': 'build changed',
    'exported:latest': 'build changed need-built',
  });
});

test('a heredoc is built if the engine supports it; otherwise planning works, but the build fails before it starts', async () => {
  const cwd = project();
  writeFiles(cwd, {
    'app/Dockerfile':
      'ARG BASE\nFROM $BASE\nARG VERSION\nRUN <<EOF\necho "made $VERSION" > /made\nEOF\nCMD ["cat", "/made"]\n',
  });
  await ok(cwd, 'plan');
  const { frontend, version } = abilitiesOf(await readEngineVersion(api));
  const ran = await runCli(['build', 'app'], { cwd, env });
  if (frontend === undefined || frontend.minor >= 4) {
    assert.is(ran.code, 0, ran.err);
    return;
  }
  assert.is(ran.code, 3, ran.err);
  const place = 'app/Dockerfile:4: a heredoc needs version 1.4 (docker 23 or newer), but docker';
  assert.ok(ran.err.includes(`${place} ${version} has 1.2`), ran.err);
  assert.match(ran.err, /# syntax=docker\/dockerfile:1/);
  assert.equal(await builtImages(), [], 'nothing is built, not even the base image');
});

test('after .cache is deleted, the results found in the engine still explain the next change', async () => {
  const cwd = project();
  await ok(cwd, 'build');
  rmSync(path.join(cwd, '.cache'), { recursive: true });
  assert.match((await planOf(cwd, 'app:1'))['app:1']!, /^reuse/);
  writeFiles(cwd, { 'app/kept': 'changed\n' });
  const { tasks } = JSON.parse((await ok(cwd, 'plan', '--json', 'app:1')).out) as PlanJson;
  const [reason] = tasks.find(({ id }) => id === 'app:1')!.reasons;
  assert.equal(reason, { code: 'changed', detail: 'file app/kept changed' });
  assert.match((await ok(cwd, 'why', 'app:1')).out, /file +app\/kept +changed[\s\S]*unchanged since/);
});

test('clean removes the run tag of an earlier run, but not the current one', async () => {
  const cwd = project();
  const [now] = (await ok(cwd, 'build', 'app:1')).out.trim().split('\n');
  const { id } = (await findTag(now!.slice(repo.length + 1)))!;
  const earlier = `${repo}/app:1-dev202001010000`;
  await api.request({ method: 'POST', path: `/images/${id}/tag?repo=${repo}/app&tag=1-dev202001010000` });
  await ok(cwd, 'clean');
  const tags = (await builtImages()).find((image) => image.id === id)!.tags;
  assert.is(tags.includes(now!), true);
  assert.is(tags.includes(earlier), false);
});

test('an image contains exactly what was hashed: no ignored file, no Dockerfile, modes 644 and 755', async () => {
  const cwd = project();
  chmodSync(path.join(cwd, 'app/kept'), 0o600);
  chmodSync(path.join(cwd, 'app/script'), 0o711);
  await ok(cwd, 'build', 'app:1');
  await ok(cwd, 'test', 'app:1');
  assert.equal((await ok(cwd, 'logs', '--test', 'app:1')).out.trim().split('\n'), [
    'text of 1',
    '/context',
    '/context/.dockerignore',
    '/context/empty',
    '/context/kept',
    '/context/link',
    '/context/script',
    '/context/text',
    '/context/text/text',
    '755 /context/empty',
    '644 /context/kept',
    '777 /context/link',
    '755 /context/script',
    '755 /context/text',
    'kept',
  ]);
});

test('a passed test is up to date until its image or content changes; a failed test exits with 1 and runs again', async () => {
  const cwd = project();
  assert.match((await ok(cwd, 'test')).err, /2 passed/);
  const again = await ok(cwd, 'test');
  assert.match(again.err, /2 up to date/, again.err);
  assert.match((await ok(cwd, 'test', '--retest', 'app:2')).err, /1 passed/);
  writeFiles(cwd, { 'app/test': '#!/bin/sh\necho "no good"\nexit 3\n' });
  for (const _ of [1, 2]) {
    const { code, err } = await runCli(['test', 'app:1'], { cwd, env });
    assert.is(code, 1);
    assert.match(err, /app:1 +failed after .*app\/test failed with exit code 3/);
    assert.match(err, /│ no good/);
  }
});

test('a release tags existing images without building', async () => {
  const cwd = project();
  await ok(cwd, 'build');
  const { out, err } = await runCli(['build', 'app'], { cwd, env: { RELEASE: '1' } });
  assert.is(out, `${repo}/app:1\n${repo}/app:2\n`);
  assert.match(err, /up to date/);
  assert.ok(await findTag('app:1'));
  assert.is((await ok(cwd, 'build', 'app:1', '--suffix', '-rc1')).out, `${repo}/app:1-rc1\n`);
  assert.is((await findTag('app:1-rc1'))?.id, (await findTag('app:1'))?.id);
  assert.is(await findTag('base:latest'), undefined, 'an internal image gets no release tag');
});

test('an image missing from the engine is rebuilt; without .cache, images in the engine are reused', async () => {
  const cwd = project();
  await ok(cwd, 'build', 'app:1');
  const app = (await builtImages()).find(({ tags }) =>
    tags.some((tag) => tag.startsWith('tasks.invalid/app:1-k')),
  )!;
  await api.request({ method: 'DELETE', path: `/images/${app.id}?force=1` });
  assert.is((await planOf(cwd, 'app:1'))['app:1'], 'build missing');
  assert.match((await ok(cwd, 'build', 'app:1')).err, /app:1 +built/);

  rmSync(path.join(cwd, '.cache'), { recursive: true });
  assert.equal(await planOf(cwd, 'app:1'), {
    'text:1': 'skip not-needed',
    'base:latest': 'reuse up-to-date',
    'app:1': 'reuse up-to-date',
  });
  assert.match((await ok(cwd, 'build', 'app:1')).err, /2 up to date, 1 skipped/);
});

test('a content tag on an image with another key is ignored', async () => {
  const cwd = project();
  await ok(cwd, 'build', 'app');
  const images = await builtImages();
  const imageOf = (version: string): EngineImage & { tag: string } => {
    const image = images.find(({ tags }) =>
      tags.some((tag) => tag.startsWith(`tasks.invalid/app:${version}-k`)),
    )!;
    return { ...image, tag: image.tags.find((tag) => /-k\w+$/.test(tag))! };
  };
  const [one, two] = [imageOf('1'), imageOf('2')];
  await api.request({ method: 'DELETE', path: `/images/${two.id}?force=1` });
  const [name, tag] = two.tag.split(':') as [string, string];
  await api.request({ method: 'POST', path: `/images/${one.id}/tag?repo=${name}&tag=${tag}` });
  rmSync(path.join(cwd, '.cache/records'), { recursive: true });
  assert.match((await planOf(cwd, 'app:2'))['app:2']!, /^build/);
});

test('--force builds from scratch, and the dependents are rebuilt afterwards', async () => {
  const cwd = project();
  await ok(cwd, 'build', 'app');
  const base = async (): Promise<EngineImage> =>
    (await builtImages()).find(({ tags }) =>
      tags.some((tag) => /^tasks\.invalid\/base:latest-k\w+$/.test(tag)),
    )!;
  const before = await base();
  await ok(cwd, 'build', 'base', '--force');
  const after = await base();
  assert.is.not(after.id, before.id);
  assert.is((await planOf(cwd, 'app:1'))['app:1'], 'build need-image');
  assert.match((await ok(cwd, 'build', 'app:1')).err, /app:1 +built/);
  assert.is((await planOf(cwd, 'app:1'))['app:1'], 'reuse up-to-date');
});

test('a failed build shows its step, last lines and log, and tags nothing', async () => {
  const cwd = project();
  writeFiles(cwd, { 'app/Dockerfile': `${files['app/Dockerfile']}RUN echo oh dear; exit 9\n` });
  const { code, err } = await runCli(['build', 'app:1'], { cwd, env });
  assert.is(code, 1);
  assert.match(err, /app:1 +failed after .*: RUN ended with exit code 9\n/);
  assert.match(
    err,
    /✖ app:1 {2}RUN ended with exit code 9\n {2}app\/Dockerfile:\d+\n {2}> RUN echo oh dear; exit 9\n {2}│ oh dear\n/,
    err,
  );
  const log = /log: (.*)/.exec(err)![1]!;
  assert.ok(existsSync(path.join(cwd, log)));
  assert.not.ok((await builtImages()).some(({ tags }) => tags.some((tag) => tag.startsWith(`${repo}/app`))));
});

test('an interrupt cancels the build in the engine', async () => {
  const cwd = project();
  const seconds = `${1000 + (process.pid % 9000)}.5`;
  writeFiles(cwd, {
    'app/Dockerfile': `${files['app/Dockerfile']}RUN echo asleep $((40 + 2)) && sleep ${seconds}\n`,
  });
  const { child, printed, ended } = startCli(['build', 'app:1', '--verbose'], { cwd, env });
  await printed('asleep 42');
  child.kill('SIGINT');
  assert.is((await ended).code, 130);
  await commandEnded(seconds);
  assert.not.ok((await builtImages()).some(({ tags }) => tags.some((tag) => tag.startsWith(`${repo}/app`))));
});

test('reproduce rebuilds up-to-date tasks and finds the same results', async () => {
  const cwd = project();
  await ok(cwd, 'build', 'app:1');
  const good = await ok(cwd, 'reproduce', 'app:1');
  assert.match(
    good.out,
    /(✔ (text:1|base:latest|app:1) {2}identical\n){3}3 of 3 rebuilt tasks gave the same result/,
  );
  assert.match(good.out, / A {4}app\/Dockerfile/);
  assert.is((await runCli(['reproduce', 'app:1', '--sample', '0'], { cwd, env })).code, 2);
});

test("an image's files can be exported", async () => {
  const cwd = project();
  await ok(cwd, 'build', 'exported');
  const { tasks } = JSON.parse((await ok(cwd, 'plan', '--json', 'exported')).out) as PlanJson;
  const { key } = tasks.find(({ id }) => id === 'exported:latest')!;
  assert.equal(readdirSync(path.join(cwd, '.cache/files', key)), ['made']);
});

test('a Dockerfile in the build context counts as a file: a changed comment rebuilds the image', async () => {
  const cwd = project();
  rmSync(path.join(cwd, 'app/.dockerignore'));
  await ok(cwd, 'build', 'app:1');
  writeFileSync(path.join(cwd, 'app/Dockerfile'), `${files['app/Dockerfile']}# a comment\n`);
  assert.is((await planOf(cwd, 'app:1'))['app:1'], 'build changed');
  await ok(cwd, 'test', 'app:1');
  assert.match((await ok(cwd, 'logs', '--test', 'app:1')).out, '/context/Dockerfile\n');
});

test('proxies of docker are set during RUN, but stay out of images and keys of Dockerfiles that do not declare them', async () => {
  const cwd = project();
  writeFiles(cwd, {
    'base/Dockerfile': `FROM scratch\nCOPY bin /bin\nRUN echo "proxy:$HTTP_PROXY,$http_proxy." && echo ${Date.now()} > /time\n`,
  });
  const configOf = (httpProxy: string): Record<string, string> => {
    const folder = tempFolder();
    writeFiles(folder, { 'config.json': JSON.stringify({ proxies: { default: { httpProxy } } }) });
    return { DOCKER_CONFIG: folder, RELEASE: '' };
  };
  const first = await runCli(['build', 'base'], { cwd, env: configOf('http://one.invalid') });
  assert.is(first.code, 0, first.err);
  const log = await runCli(['logs', 'base'], { cwd });
  assert.match(log.out, /proxy:http:\/\/one\.invalid,http:\/\/one\.invalid\./);
  const second = await runCli(['plan', '--check', 'base'], { cwd, env: configOf('http://two.invalid') });
  assert.is(second.code, 0, second.out);
});

test('reproduce reports a download without a checksum whose content has changed', async () => {
  // Content that is not in the engine's build cache yet.
  const serial = `${process.pid} ${Date.now()}`;
  let text = `${serial} one`;
  const server = createServer((_, response) => void response.end(text));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const source = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`;
  const cwd = makeProject(
    `import { image, project } from 'image-tasks';
export default project({ repo: '${repo}' });
export const got = image({ name: 'got', context: 'got', labels: { '${label}': '1' } });
`,
    { 'got/Dockerfile': `FROM scratch\nCOPY a /\nADD ${source} /x\n`, 'got/a': '' },
  );
  try {
    await ok(cwd, 'build');
    assert.match((await ok(cwd, 'reproduce')).out, /^✔ got:latest {2}identical\n/);
    text = `${serial} two`;
    for (const round of ['first', 'second']) {
      const { code, out } = await runCli(['reproduce'], { cwd, env });
      assert.is(code, 1);
      const [verdict, evidence] = out.split('\n');
      // In the second round docker 20.10 uses the step's cached result, and 26 downloads again.
      const isRan = verdict!.endsWith(`: [2/2] ADD ${source} /x`);
      assert.ok(verdict!.startsWith('✖ got:latest  different image') && (isRan || round === 'second'), out);
      assert.is(evidence, `    line 3: ${source} has no checksum: the download may have changed`);
    }
  } finally {
    server.close();
  }
});

test.run();
