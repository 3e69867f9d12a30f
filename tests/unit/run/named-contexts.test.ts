import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import type { ImageFields } from '../../../src/define/types.ts';
import type { BuildRequest } from '../../../src/model/ports.ts';
import { lockFile } from '../../../src/observe/lock-file.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';
import { makeTestProject } from '../../support/test-project.ts';

const test = suite('contexts and options of a build');
const digest = `sha256:${'d'.repeat(64)}`;

/** A project with an image `base` and an image `app` with these fields. `root`: relative paths of files by their text. */
function makeProject(dockerfile: string, fields: Partial<ImageFields<string>>, files = {}) {
  const root = tempFolder();
  writeFiles(root, { 'base/Dockerfile': 'FROM scratch\n', 'app/Dockerfile': dockerfile, ...files });
  const base = image({ name: 'base', context: 'base' });
  return makeTestProject({ base, app: image({ name: 'app', context: 'app', ...fields }) }, root);
}

type Project = ReturnType<typeof makeProject>;

/** Builds `app`, and returns the request for it. */
async function requestOf(project: Project): Promise<BuildRequest> {
  const { build } = project.engine;
  const requests: BuildRequest[] = [];
  project.engine.build = (request, ...rest) => {
    requests.push(request);
    return build(request, ...rest);
  };
  assert.is((await project.build({ selectors: ['app'] })).outcome, 'ok');
  return requests.find(({ task }) => task === 'app:latest')!;
}

/** The paths of the folders, and the addresses. */
const contentsOf = ({ contexts = {} }: BuildRequest) =>
  Object.fromEntries(
    Object.entries(contexts).map(([name, content]) => [
      name,
      typeof content === 'string' ? content : content.map(({ entry }) => entry.path),
    ]),
  );

test('folders have the entries that were hashed; unused contexts are empty', async () => {
  const project = makeProject(
    'FROM scratch AS other\nCOPY --from=unused / /\nCOPY --from=image / /\nCOPY --from=git / /\nFROM scratch\nCOPY --from=assets a /\n',
    {
      contexts: {
        assets: 'assets',
        unused: 'assets',
        image: 'docker-image://debian',
        git: 'https://h/r.git',
      },
    },
    { 'assets/a': 'a', 'assets/b': 'b' },
  );
  const request = await requestOf(project);
  assert.equal(contentsOf(request), { assets: ['a'], unused: [], image: [], git: [] });
  const [entry] = request.contexts!.assets as Exclude<NonNullable<BuildRequest['contexts']>[string], string>;
  assert.is(entry!.source, path.join(project.root, 'assets/a'));
});

test('images are pinned by the lock file for their platform; git addresses are passed on', async () => {
  const pin = (platform: string, hex: string) => ({
    image: 'registry.example:5000/debian:12',
    platform,
    digest: `sha256:${hex.repeat(64)}`,
    onbuild: false,
    profiles: ['default'],
  });
  const project = makeProject(
    'FROM base\nFROM --platform=linux/s390x base AS tools\nFROM base\nCOPY --from=tools / /\nCOPY --from=fixed / /\nCOPY --from=git / /\n',
    {
      contexts: {
        base: 'docker-image://registry.example:5000/debian:12',
        fixed: `docker-image://debian@${digest}`,
        git: 'https://h/r.git#main',
      },
    },
    { [lockFile]: JSON.stringify({ schema: 1, images: [pin('linux/amd64', 'a'), pin('linux/s390x', 'b')] }) },
  );
  assert.equal(contentsOf(await requestOf(project)), {
    'base::linux/amd64': `docker-image://registry.example:5000/debian@sha256:${'a'.repeat(64)}`,
    'base::linux/s390x': `docker-image://registry.example:5000/debian@sha256:${'b'.repeat(64)}`,
    'fixed::linux/amd64': `docker-image://debian@${digest}`,
    git: 'https://h/r.git#main',
  });
});

test('an image of the project is a need: it is built first, and used by its exact tag', async () => {
  const project = makeProject('FROM shell\n', { contexts: { shell: 'docker-image://test/base' } });
  const request = await requestOf(project);
  const { implied, plan } = await project.plan({ selectors: ['app'] });
  assert.equal(
    implied.map(({ task, need, place }) => [task, need, place]),
    [['app:latest', 'base:latest', 'contexts']],
  );
  const { contentTag, record } = plan.steps.get('base:latest')!;
  assert.equal(contentsOf(request), {
    shell: `docker-image://${contentTag}-i${record!.imageId!.slice(7, 19)}`,
  });
  assert.is(Buffer.from(request.dockerfile.text).toString(), 'FROM shell\n');
  writeFiles(project.root, { 'base/Dockerfile': 'FROM scratch\nLABEL a=b\n' });
  const after = await project.plan({ selectors: ['app'] });
  assert.equal(
    [...after.plan.steps.values()].map(({ action }) => action),
    ['build', 'build'],
  );
});

test('a context that is the image itself is an error', async () => {
  const project = makeProject('FROM own\n', { contexts: { own: 'docker-image://test/app' } });
  try {
    await project.plan();
    assert.unreachable();
  } catch (error) {
    assert.match(
      (error as Error).message,
      /app › contexts: app\/Dockerfile builds app:latest from its own image/,
    );
  }
});

test('a need that only a context uses is declared by the name of the image', async () => {
  const root = tempFolder();
  writeFiles(root, { 'base/Dockerfile': 'FROM scratch\n', 'app/Dockerfile': 'FROM shell\n' });
  const base = image({ name: 'base', context: 'base' });
  const app = image({
    name: 'app',
    context: 'app',
    needs: { 'elsewhere/shell:1': base },
    contexts: { shell: 'docker-image://elsewhere/shell:1' },
  });
  const request = await requestOf(makeTestProject({ base, app }, root));
  assert.match(String(contentsOf(request).shell), /^docker-image:\/\/tasks\.invalid\/base:latest-k.*-i/);
});

test('options of RUN reach the engine', async () => {
  const project = makeProject('FROM scratch\n', {
    addHosts: ['db:10.0.0.1'],
    shmSize: '1k',
    ulimits: ['nofile=1'],
    cgroupParent: '/x',
    allow: ['network.host'],
  });
  assert.equal((await requestOf(project)).options, {
    addHosts: ['db=10.0.0.1'],
    shmSize: 1024,
    ulimits: { nofile: '1:1' },
    cgroupParent: '/x',
    allow: ['network.host'],
  });
});

test.run();
