import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { extract } from 'tar-stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineApi } from '../../src/engine/api.ts';
import { busybox } from '../support/busybox.ts';
import { makeProject, runCli } from '../support/cli.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { writeFiles } from '../support/temp.ts';

const label = 'image-tasks.export-test';
const repo = `export-test-${process.pid}`;
const test = suite('images of bake and of tasks');

const definitions = `import { image, matrix, project } from 'image-tasks';
export default project({ repo: '${repo}' });
const labels = { '${label}': '${process.pid}' };
const cells = matrix({ pg: ['16', '17'], kind: ['a', 'b'] }, { version: (c) => c.pg + '-' + c.kind });
export const base = image({ name: 'base', versions: ['16', '17'], context: 'base', labels, publish: false, args: (version) => ({ V: version }) });
export const app = image({
  name: 'app', versions: cells, context: '.', dockerfile: 'app/Dockerfile', target: (c) => c.kind,
  labels: { ...labels, odd: 'a \${V} %{if} $V' }, volatileLabels: { created: 'now' },
  args: { TEXT: '\${V} %{if true}' },
  needs: (c) => ({ BASE: base.at(c.pg), ...(c.kind === 'b' && { 'example/base:17': base.at('17'), 'other/base': base.at('17') }) }),
  aliases: (c) => [c.kind],
  contexts: { assets: 'assets' },
});
export const made = image({
  name: 'made', versions: ['1'], context: 'app', labels,
  dockerfile: () => ({ text: 'FROM ${repo}/app:17-a\\nENV FROM_TEXT=\${V:-x}\\nCOPY file /copied\\n' }),
});
`;
const files = {
  'base/Dockerfile': 'FROM scratch\nARG V\nCOPY bin /bin\nRUN echo $V > /version\nENV BASE_VERSION=$V\n',
  'app/Dockerfile': `ARG BASE
FROM $BASE AS a
ARG TEXT
ARG BASE
COPY app/file /file
COPY --from=assets . /assets/
RUN echo "$TEXT" > /args
CMD ["/bin/cat", "/args"]
FROM a AS b
COPY --from=example/base:17 /version /seventeen
COPY --from=other/base /version /again
`,
  'app/file': 'content',
  'assets/x': 'asset',
};

let api: EngineApi;

interface Inspected {
  readonly Config: Readonly<Record<string, unknown>> & { readonly Labels: Record<string, string> };
  readonly Os: string;
  readonly Architecture: string;
}

/** Returns what an image is: its configuration without the labels of tasks, and its files without their times. */
async function describeImage(reference: string): Promise<object> {
  const answer = await api.get(`/images/${reference}/json`);
  assert.is(answer.status, 200, `${reference}: ${answer.body}`);
  const { Config, Os, Architecture } = JSON.parse(answer.body.toString()) as Inspected;
  const labels = Object.entries(Config.Labels).filter(
    ([name]) => !/^image-tasks\.(key|task|needs)$/.test(name),
  );
  const { Env, Cmd, Entrypoint, WorkingDir, User } = Config;
  const created = await api.request({
    method: 'POST',
    path: '/containers/create',
    body: { Image: reference, Cmd: ['x'], NetworkDisabled: true },
  });
  const { Id } = JSON.parse(created.body.toString()) as { Id: string };
  const archive = await api.request({ path: `/containers/${Id}/export` });
  await api.request({ method: 'DELETE', path: `/containers/${Id}?force=1` });
  const entries: Record<string, string> = {};
  const unpack = extract();
  unpack.on('entry', ({ name, mode, type, linkname }, stream, next) => {
    const hash = createHash('sha256');
    stream.on('data', (data) => hash.update(data as Buffer));
    stream.on('end', () => {
      entries[name] = [type, mode, linkname, hash.digest('hex')].join(' ');
      next();
    });
  });
  await new Promise<void>((resolve, reject) => {
    unpack.on('finish', () => resolve()).on('error', reject);
    unpack.end(archive.body);
  });
  return {
    Os,
    Architecture,
    Env,
    Cmd,
    Entrypoint,
    WorkingDir,
    User,
    labels: Object.fromEntries(labels),
    entries,
  };
}

test.before(async () => {
  api = await connectTestEngine();
});
test.after(async () => {
  await removeImages(api, label);
});

const hasBuildx = spawnSync('docker', ['buildx', 'version']).status === 0;
const name = 'a bake file that tasks exports builds the same images';
if (!hasBuildx) test.skip(`${name} (skipped: docker has no buildx plug-in)`);
else
  test(name, async () => {
    const cwd = makeProject(definitions, files);
    writeFiles(cwd, { 'base/bin/': '' });
    for (const name of ['sh', 'cat', 'cp']) {
      copyFileSync(busybox(), path.join(cwd, 'base/bin', name));
      chmodSync(path.join(cwd, 'base/bin', name), 0o755);
    }
    const env = { RELEASE: '' };
    const exported = await runCli(
      ['export', 'bake', '--repo', `${repo}-bake`, '--output', 'docker-bake.json'],
      { cwd, env },
    );
    assert.is(exported.code, 0, exported.err);
    const built = await runCli(['build', '--suffix', ''], { cwd, env });
    assert.is(built.code, 0, built.err);
    const baked = spawnSync('docker', ['buildx', 'bake', '-f', 'docker-bake.json'], {
      cwd,
      encoding: 'utf8',
      // Attestations would make an index of each image.
      env: { ...process.env, BUILDX_BUILDER: 'default', BUILDX_NO_DEFAULT_ATTESTATIONS: '1' },
    });
    assert.is(baked.status, 0, baked.stderr);
    const names = ['app:16-a', 'app:16-b', 'app:17-a', 'app:17-b', 'made:1'];
    for (const name of names)
      assert.equal(await describeImage(`${repo}-bake/${name}`), await describeImage(`${repo}/${name}`), name);
    const { target } = JSON.parse(readFileSync(path.join(cwd, 'docker-bake.json'), 'utf8')) as {
      target: Record<string, { tags?: string[] }>;
    };
    assert.equal(target['app-17-b']!.tags, [`${repo}-bake/app:17-b`, `${repo}-bake/app:b`]);
    // Of two versions with one alias, the newer one gets it, as in a release.
    assert.equal(target['app-16-b']!.tags, [`${repo}-bake/app:16-b`]);
  });

test.run();
