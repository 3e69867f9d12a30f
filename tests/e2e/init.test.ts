import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type CliResult, runCli } from '../support/cli.ts';
import { definitions, folder, init, planned } from '../support/init-project.ts';
import { writeFiles } from '../support/temp.ts';

const test = suite('e2e: init');

/** A bake file in the shape of a matrix: versions by stages by distributions. */
function matrixBake(): string {
  const target: Record<string, object> = {};
  for (const version of ['16.15', '17.11', '18~beta1'])
    for (const stage of ['minimal', 'system'])
      for (const distro of ['trixie', 'bookworm']) {
        const clean = version.replace('~', '');
        const major = /^\d+/.exec(version)![0];
        target[`pg-${clean.replace('.', '-')}-${stage}-${distro}`] = {
          context: '.',
          dockerfile: 'Dockerfile',
          target: stage,
          args: {
            PG_VERSION: version,
            PG_MAJOR: major,
            BASE: `debian:${distro}@sha256:${(distro === 'trixie' ? 'a' : 'b').repeat(64)}`,
            UNUSED: 'x',
          },
          labels: {
            'org.opencontainers.image.created': '2026-01-01T00:00:00Z',
            'org.opencontainers.image.title': `PostgreSQL ${version} ${stage}`,
            ...(stage === 'system' ? { extra: distro } : {}),
          },
          tags: [
            ...(version.includes('~') ? [] : [`registry.example/team/pg:${major}-${stage}-${distro}`]),
            `registry.example/team/pg:${clean}-${stage}-${distro}`,
            `registry.example/team/pg:${clean}-202601010000-${stage}-${distro}`,
            `mirror.example/pg:${clean}-${stage}-${distro}`,
          ],
          platforms: ['linux/amd64', 'linux/arm64'],
          attest: ['type=sbom'],
          annotations: [
            `org.opencontainers.image.title=PostgreSQL ${version}`,
            'org.opencontainers.image.created=2026-01-01T00:00:00Z',
            'index:org.opencontainers.image.vendor=team',
          ],
          'cache-from': ['type=gha'],
        };
      }
  return JSON.stringify({ group: { default: { targets: Object.keys(target) } }, target });
}

const matrixDockerfile = `ARG BASE=debian:trixie
FROM $BASE AS minimal
ARG PG_VERSION
ARG PG_MAJOR
RUN install $PG_VERSION $PG_MAJOR
FROM minimal AS system
RUN more
`;

test('a bake matrix becomes one definition over axes, and each target is equal to its task', async () => {
  const cwd = folder({ 'docker-bake.json': matrixBake(), Dockerfile: matrixDockerfile, '.gitignore': 'out' });
  const { code, out, err } = await init(cwd);
  assert.is(code, 0, err);
  assert.match(
    out,
    /^found docker-bake\.json: 12 targets\nwrote tasks\/images\.ts: 1 definition of 12 images, \d+ lines\n/,
  );
  assert.match(
    out,
    /\n12 of 12 targets in docker-bake\.json are equal to the definitions\nnext: tasks plan /,
  );
  assert.match(definitions(cwd), /platforms: \['linux\/amd64', 'linux\/arm64'\]/);
  for (const what of [
    'the annotation org.opencontainers.image.created, which is new in each build',
    'annotations of index',
    'cache-from',
    'tags that contain the time',
    'the second repository mirror.example',
    'the arg UNUSED, which the Dockerfile does not declare',
  ])
    assert.ok(out.includes(`\n  docker-bake.json › pg-16-15-minimal-trixie and 11 more: ${what}\n`), what);
  const text = definitions(cwd);
  assert.match(text, /attest: \{ sbom: true \}/);
  assert.match(
    text,
    /annotations: \(c\) => \(\{ 'org\.opencontainers\.image\.title': `PostgreSQL \$\{c\.pg\}` \}\)/,
  );
  assert.match(
    text,
    /pg: \['16\.15', '17\.11', '18~beta1'\],\n {4}target: \['minimal', 'system'\],\n {4}distro: \['trixie', 'bookworm'\]/,
  );
  assert.match(
    text,
    /volatileLabels: \{ 'org\.opencontainers\.image\.created': new Date\(\)\.toISOString\(\) \}/,
  );
  assert.ok(text.split('\n').length < 50, text);
  const plan = await planned(cwd);
  assert.is(plan.size, 12);
  const task = plan.get('pg:17.11-system-bookworm')!;
  assert.equal(task.tags, ['registry.example/team/pg:17.11-system-bookworm']);
  assert.equal(task.aliases, ['registry.example/team/pg:17-system-bookworm']);
  assert.equal(task.args, {
    PG_VERSION: '17.11',
    PG_MAJOR: '17',
    BASE: `debian:bookworm@sha256:${'b'.repeat(64)}`,
  });
  assert.equal(task.labels, {
    'org.opencontainers.image.title': 'PostgreSQL 17.11 system',
    extra: 'bookworm',
  });
  assert.is(task.target, 'system');
  assert.equal(plan.get('pg:18~beta1-minimal-trixie')!.tags, [
    'registry.example/team/pg:18beta1-minimal-trixie',
  ]);
  assert.is(readFileSync(path.join(cwd, '.gitignore'), 'utf8'), 'out\n/.cache/\n');
  assert.equal(readdirSync(path.join(cwd, 'tasks')).sort(), [
    'image-tasks.d.ts',
    'images.ts',
    'tsconfig.json',
  ]);
});

test('--check prints a diff of what differs, and exits with 1', async () => {
  const cwd = folder({ 'docker-bake.json': matrixBake(), Dockerfile: matrixDockerfile });
  await init(cwd);
  assert.is((await init(cwd, '--check')).code, 0);
  const file = path.join(cwd, 'tasks/images.ts');
  writeFileSync(
    file,
    definitions(cwd)
      .replace('target: (c) => c.target', "target: 'system'")
      .replace('...(c.target', '// ...(c.target'),
  );
  const { code, out } = await init(cwd, '--check');
  assert.is(code, 1);
  assert.match(
    out,
    /--- docker-bake\.json › pg-16-15-minimal-trixie\n\+\+\+ pg:16\.15-minimal-trixie\n- target = "minimal"\n\+ target = "system"\n/,
  );
  assert.match(out, /\+\+\+ pg:17\.11-system-bookworm\n- labels\.extra = "bookworm"\n/);
  assert.match(out, /\n0 of 12 targets in docker-bake\.json are equal to the definitions\n$/);
  const bake = JSON.parse(matrixBake()) as { target: Record<string, object> };
  writeFileSync(
    path.join(cwd, 'docker-bake.json'),
    JSON.stringify({ target: { ...bake.target, more: { tags: ['registry.example/team/new:1'] } } }),
  );
  assert.match(
    (await init(cwd, '--check')).out,
    /--- docker-bake\.json › more\n\+\+\+ \(no task\)\n- registry\.example\/team\/new:1\n/,
  );
});

test('contexts that are other targets become needs, and so do images that Dockerfiles name', async () => {
  const cwd = folder({
    'docker-bake.json': JSON.stringify({
      target: {
        base: { context: 'base', dockerfile: 'Dockerfile' },
        app: {
          context: 'app',
          contexts: { thebase: 'target:base', unused: 'assets' },
          tags: ['team/app:1', 'team/app:latest'],
        },
        web: { context: 'web', args: { APP: 'team/app:1' }, tags: ['team/web:1'] },
        plain: { context: 'plain', tags: ['team/plain:1'] },
      },
    }),
    'base/Dockerfile': 'FROM scratch\n',
    'app/Dockerfile': 'FROM thebase\n',
    'web/Dockerfile': 'ARG APP\nFROM $APP\n',
    'plain/Dockerfile': 'FROM scratch\nCOPY --from=team/web:1 /x /\nCOPY --from=team/app /x /\n',
  });
  const { code, out, err } = await init(cwd);
  assert.is(code, 0, err);
  assert.match(out, /app: the context unused, which the Dockerfile does not use/);
  assert.match(out, /\n4 of 4 targets/);
  const text = definitions(cwd);
  assert.match(text, /needs: \{ thebase: base \}/);
  assert.match(text, /needs: \{ APP: app \}/);
  assert.match(text, /needs: \{ 'team\/web:1': web, 'team\/app': app \}/);
  assert.match(text, /name: 'base',\n {2}context: 'base',\n {2}publish: false,\n/);
  const plan = await planned(cwd);
  assert.equal(
    [...plan].map(([id, { needs }]) => [id, needs]),
    [
      ['base:latest', []],
      ['app:1', ['base:latest']],
      ['web:1', ['app:1']],
      ['plain:1', ['web:1', 'app:1']],
    ],
  );
});

test('make: the goals that are asked for, with chains of bases in ARGs', async () => {
  const cwd = folder({
    Makefile: `REGISTRY ?= quay.io
all: base
build/%:
\tdocker build \\
\t  --tag "$(REGISTRY)/stack/$(notdir $@)" \\
\t  "./images/$(notdir $@)" --build-arg REGISTRY="$(REGISTRY)" --build-arg NOT_USED=1 --build-arg REVISION=$$(git rev-parse HEAD)
\t@docker image ls | grep x
build-all: build/base build/middle build/top
sub:
\t$(MAKE) -C images/top inner
`,
    'images/base/Dockerfile': 'FROM scratch\n',
    'images/middle/Dockerfile': 'ARG REGISTRY=quay.io\nARG BASE=$REGISTRY/stack/base\nFROM $BASE\n',
    'images/top/Dockerfile':
      'ARG REGISTRY=quay.io\nARG BASE=$REGISTRY/stack/middle\nFROM $BASE\nARG REVISION\n',
    'images/top/Makefile':
      'inner:\n\tcd .. && docker buildx build --platform linux/amd64 -t a/b:1 --load -f top/Dockerfile top\n',
  });
  const { code, out, err } = await init(cwd, 'build-all', '--from', 'make');
  assert.is(code, 0, err);
  assert.match(out, /^found Makefile: 3 targets\n/);
  assert.match(out, /3 of 3 targets in Makefile are equal/);
  assert.match(out, /the arg NOT_USED, which the Dockerfile does not declare/);
  assert.match(
    out,
    /--build-arg REVISION=\$\(git rev-parse HEAD\): \$\(git rev-parse HEAD\) is known to the shell only/,
  );
  assert.match(definitions(cwd), /project\(\{ repo: 'quay\.io\/stack' \}\)/);
  assert.equal(
    [...(await planned(cwd))].map(([id, { needs }]) => [id, needs]),
    [
      ['base:latest', []],
      ['middle:latest', ['base:latest']],
      ['top:latest', ['middle:latest']],
    ],
  );
  const sub = folder({});
  writeFiles(sub, {
    'images/top/Dockerfile': 'FROM scratch\n',
    'images/top/Makefile': readFileSync(path.join(cwd, 'images/top/Makefile'), 'utf8'),
    Makefile: 'sub:\n\t$(MAKE) -C images/top inner\n',
  });
  assert.is((await init(sub, '--from', 'make')).code, 0);
  assert.match(definitions(sub), /context: 'images\/top',\n {2}platforms: \['linux\/amd64'\]/);
});

test('a script with versions in folders: it is read, not run', async () => {
  const lines = ['18.3', '17.9'].flatMap((version) => [
    `docker buildx build --platform=linux/amd64,linux/arm64 --file ${version}/Dockerfile -t shop/postgres:${version} --push .`,
    `docker buildx build --platform=linux/amd64,linux/arm64 --file ${version}/gis/Dockerfile -t shop/postgres:${version}-gis --push .`,
  ]);
  const files = ['18.3', '17.9'].flatMap((version) => [
    [`${version}/Dockerfile`, 'FROM debian:12\nCOPY entry.sh /\n'],
    [`${version}/gis/Dockerfile`, `FROM shop/postgres:${version}\n`],
  ]);
  const cwd = folder({
    ...Object.fromEntries(files),
    'entry.sh': '',
    'build.sh': `#!/bin/sh\ntouch ran\n${lines.join('\n')}\n`,
  });
  const { code, out, err } = await init(cwd, '--from', 'make:build.sh');
  assert.is(code, 0, err);
  assert.match(out, /4 of 4 targets in build\.sh are equal/);
  assert.not.ok(readdirSync(cwd).includes('ran'));
  assert.equal(
    [...(await planned(cwd))].map(([id, { needs, context, dockerfile }]) => [id, needs, context, dockerfile]),
    [
      ['postgres:18.3', [], '.', '18.3/Dockerfile'],
      ['postgres:17.9', [], '.', '17.9/Dockerfile'],
      ['postgres:18.3-gis', ['postgres:18.3'], '.', '18.3/gis/Dockerfile'],
      ['postgres:17.9-gis', ['postgres:17.9'], '.', '17.9/gis/Dockerfile'],
    ],
  );
  // The Dockerfiles alone say the same.
  const alone = folder({ ...Object.fromEntries(files), 'entry.sh': '' });
  assert.is((await init(alone)).code, 0);
  assert.match(definitions(alone), /project\(\{ repo: 'shop' \}\)[\s\S]*name: 'postgres'/);
  assert.equal(
    [...(await planned(alone))].map(([id, { needs, context }]) => [id, needs, context]),
    [
      ['postgres:17.9', [], '.'],
      ['postgres:18.3', [], '.'],
      ['postgres:17.9-gis', ['postgres:17.9'], '17.9/gis'],
      ['postgres:18.3-gis', ['postgres:18.3'], '18.3/gis'],
    ],
  );
});

test('compose: services with a build, with variables and extensions', async () => {
  const cwd = folder({
    'compose.yaml': `x-args: &args
  VERSION: \${VERSION:-1.2}
services:
  db:
    image: postgres:17
  api:
    image: team/api:\${VERSION:-1.2}
    build:
      context: ./api
      target: run
      args: { <<: *args, EMPTY: "" }
      labels: [ "a=b" ]
      extra_hosts: [ "db:10.0.0.1" ]
      shm_size: 64m
      cache_from: [ x ]
  web:
    build: web
`,
    '.env': 'VERSION=1.3\n',
    'api/Dockerfile': 'ARG VERSION\nARG EMPTY\nFROM scratch AS run\n',
    'web/Dockerfile': 'FROM scratch\n',
  });
  const { code, out, err } = await init(cwd);
  assert.is(code, 0, err);
  assert.match(out, /^found compose\.yaml: 2 targets\n/);
  assert.match(out, /compose\.yaml › api: build\.cache_from/);
  assert.match(out, /2 of 2 targets/);
  const text = definitions(cwd);
  for (const line of [
    "versions: ['1.3']",
    "target: 'run'",
    "args: { VERSION: '1.3', EMPTY: '' }",
    "labels: { a: 'b' }",
    "addHosts: ['db:10.0.0.1']",
    "shmSize: '64m'",
  ])
    assert.ok(text.includes(`  ${line},\n`), `${line}\n${text}`);
  assert.match(text, /name: 'web',\n {2}context: 'web',\n {2}publish: false,/);
});

test('an HCL file is read by buildx: exit code 3 without it, 2 with its message if it cannot read the file', async () => {
  const files = { 'docker-bake.hcl': 'target "a" {}\n', 'app/Dockerfile': 'FROM scratch\n' };
  const withDocker = async (script: string): Promise<CliResult & { readonly cwd: string }> => {
    const cwd = folder({ ...files, 'bin/docker*': `#!/bin/sh\n${script}\n` });
    return {
      ...(await runCli(['init', 'a', '--from', 'bake'], { cwd, env: { PATH: path.join(cwd, 'bin') } })),
      cwd,
    };
  };
  const printed = JSON.stringify({
    target: { a: { context: 'app', dockerfile: 'Dockerfile', tags: ['team/app:1'] } },
  });
  const good = await withDocker(`[ "$*" = 'buildx bake -f docker-bake.hcl --print a' ] && echo '${printed}'`);
  assert.is(good.code, 0, good.err);
  assert.match(definitions(good.cwd), /context: 'app'/);
  const missing = await withDocker('echo "docker: \'buildx\' is not a docker command." >&2; exit 1');
  assert.is(missing.code, 3);
  assert.match(
    missing.err,
    /reading docker-bake\.hcl needs docker's buildx plug-in, which is not here\nhint: .*--from bake:bake\.json/,
  );
  const broken = await withDocker(
    "echo '#1 reading' >&2; echo 'ERROR: docker-bake.hcl:1,1-2: Invalid' >&2; exit 1",
  );
  assert.is(broken.code, 2);
  assert.match(
    broken.err,
    /docker buildx bake cannot read docker-bake\.hcl: docker-bake\.hcl:1,1-2: Invalid/,
  );
});

test('export bake: a file that init --check finds equal; exit code 2 for what bake cannot express', async () => {
  const cwd = folder({ 'docker-bake.json': matrixBake(), Dockerfile: matrixDockerfile });
  await init(cwd);
  const { code, err } = await runCli(['export', 'bake', '--output', 'out.json'], { cwd });
  assert.is(code, 0, err);
  assert.match(err, /wrote out\.json/);
  const check = await init(cwd, '--check', '--from', 'bake:out.json');
  assert.match(check.out, /12 of 12 targets in out\.json are equal/);
  assert.is(check.code, 0, check.out);
  writeFileSync(
    path.join(cwd, 'tasks/more.ts'),
    "import { command } from 'image-tasks';\nexport const c = command({ name: 'c', run: ['true'] });\n",
  );
  const refused = await runCli(['export', 'bake'], { cwd });
  assert.is(refused.code, 2);
  assert.match(
    refused.err,
    /bake cannot express all of this:\n {2}c:latest is a command: bake runs no programs\nhint: /,
  );
  assert.is(refused.out, '');
  const unknown = await runCli(['export', 'compose'], { cwd });
  assert.is(unknown.code, 2);
  assert.match(unknown.err, /unknown format compose: expected bake/);
});

test.run();
