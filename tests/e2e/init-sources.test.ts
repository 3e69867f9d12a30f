import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type CliResult, runCli } from '../support/cli.ts';
import { definitions, folder, init, planned } from '../support/init-project.ts';

const test = suite('e2e: the files that init finds and reads');

const scratch = 'FROM scratch\n';
/** Runs init with a docker client that is a script, or with none. */
async function initWith(files: Record<string, string>, script: string | undefined, ...args: string[]) {
  const program = script === undefined ? {} : { 'bin/docker*': `#!/bin/sh\n${script}\n` };
  const cwd = folder({ ...files, 'bin/': '', ...program });
  const result: CliResult = await runCli(['init', ...args], { cwd, env: { PATH: path.join(cwd, 'bin') } });
  return { ...result, cwd };
}

test('bake gets the files that it would find by itself, overrides too', async () => {
  const { code, out, err } = await initWith(
    { 'docker-bake.hcl': '', 'docker-bake.override.json': '{}', 'app/Dockerfile': scratch },
    `[ "$*" = 'buildx bake -f docker-bake.hcl -f docker-bake.override.json --print' ] && echo '{"target":{"default":{"context":"app","tags":["team/app:1"]}}}'`,
  );
  assert.is(code, 0, err);
  assert.match(out, /^found docker-bake\.hcl: 1 target\n/);
});

test('a bake file without a default: all its targets, but not those that only others inherit', async () => {
  const hcl = `variable "X" { default = "1" }
target "_base" {}
target "common" { args = { A = "1" } }
  target app {
  inherits = ["common"]
  tags = ["team/app:1"]
}
target "many" { matrix = { x = ["1"] }, name = "many-\${x}", tags = ["team/many:1"] }
group "all" { targets = ["app"] }
`;
  const print = JSON.stringify({
    group: { many: { targets: ['many-1'] } },
    target: {
      common: { context: '.' },
      app: { context: 'app', tags: ['team/app:1'] },
      'many-1': { context: 'app', tags: ['team/many:1'] },
    },
  });
  const { code, out, err, cwd } = await initWith(
    { 'docker-bake.hcl': hcl, 'app/Dockerfile': scratch },
    `case "$*" in
  'buildx bake -f docker-bake.hcl --print') echo 'ERROR: failed to find target default' >&2; exit 1 ;;
  'buildx bake -f docker-bake.hcl --print common app many') echo '${print}' ;;
  *) echo "$*" >&2; exit 9 ;;
esac`,
  );
  assert.is(code, 0, err);
  assert.match(out, /2 of 2 targets/);
  assert.equal([...(await planned(cwd)).keys()].sort(), ['app:1', 'many:1']);
});

test('a bake file for a newer buildx: exit code 2 with what to do', async () => {
  const { code, err } = await initWith(
    { 'docker-bake.hcl': '' },
    'echo \'ERROR: docker-bake.hcl:3,3-13: Unsupported block type; Blocks of type "validation" are not expected here.\' >&2; exit 1',
  );
  assert.is(code, 2);
  assert.match(err, /error: docker buildx bake cannot read docker-bake\.hcl: .*"validation"/);
  assert.match(err, /hint: `docker buildx version` may be too old .*--from bake:bake\.json`/);
});

test('several bake files at once, and a note about those that bake does not look for', async () => {
  const bake = (version: string): string =>
    JSON.stringify({
      target: {
        base: { context: 'app', tags: [`team/base:${version}`] },
        app: { context: 'top', tags: [`team/app:${version}`], contexts: { base: 'target:base' } },
      },
      group: { default: { targets: ['app'] } },
    });
  const files = {
    'bake/9.bake.json': bake('9'),
    'bake/10.bake.json': bake('10'),
    'bake/notes.txt': '',
    'app/Dockerfile': scratch,
    'top/Dockerfile': 'FROM base\n',
  };
  const alone = await initWith(files, undefined, '--dry-run');
  assert.match(
    alone.err,
    /note bake\/9\.bake\.json and 1 more: `.*tasks init --from bake:bake\/9\.bake\.json` reads one, `.*tasks init --from 'bake:bake\/\*\.json'` all\n/,
  );
  const { code, out, err, cwd } = await initWith(files, undefined, '--from', 'bake:bake/*.json');
  assert.is(code, 0, err);
  assert.match(out, /^found bake\/\*\.json: 4 targets\nwrote tasks\/images\.ts: 2 definitions of 4 images/);
  assert.match(out, /4 of 4 targets/);
  const plan = await planned(cwd);
  assert.equal(plan.get('app:10')!.needs, ['base:10']);
  assert.equal(plan.get('app:9')!.needs, ['base:9']);
  const none = await initWith(files, undefined, '--from', 'bake:bake/*.hcl');
  assert.is(none.code, 2);
  assert.match(none.err, /no file is named bake\/\*\.hcl/);
});

test("platforms: bake's local is the machine's own; what is not for Linux is listed", async () => {
  const target = (name: string, ...platforms: string[]): object => ({
    context: 'app',
    tags: [`team/${name}:1`],
    platforms,
  });
  const cwd = folder({
    'app/Dockerfile': scratch,
    'docker-bake.json': JSON.stringify({
      target: {
        own: target('own', 'local'),
        both: target('both', 'linux/arm64', 'windows/amd64'),
        other: target('other', 'windows/amd64'),
      },
    }),
  });
  const { code, out, err } = await init(cwd);
  assert.is(code, 0, err);
  assert.match(out, /› other: the target: it is built for windows\/amd64, and tasks builds Linux images/);
  assert.match(out, /› both: the platform windows\/amd64: tasks builds Linux images/);
  assert.match(definitions(cwd), /name: 'both',[^}]*platforms: \['linux\/arm64'\]/);
  assert.not.match(definitions(cwd), /local'|name: 'own',[^}]*platforms/);
  assert.equal([...(await planned(cwd)).keys()].sort(), ['both:1', 'own:1']);
});

test('Dockerfiles that no builder accepts as they are, or that make Windows images, are left out with the reason', async () => {
  const cwd = folder({
    'app/Dockerfile': scratch,
    'variable/Dockerfile': 'ARG BASE\n\nFROM $BASE AS x\n',
    'none/Dockerfile': '# generated\n',
    'windows/Dockerfile': 'FROM mcr.microsoft.com/windows/servercore:ltsc2025\n',
    'nano/Dockerfile': 'FROM golang:1.26-nanoserver\n',
  });
  const { code, out, err } = await init(cwd);
  assert.is(code, 0, err);
  assert.match(out, / variable\/Dockerfile: the Dockerfile, .* line 3: the base image \$BASE is empty\n/);
  assert.match(out, / none\/Dockerfile: the Dockerfile, .* there is no FROM/);
  assert.match(out, / nano\/Dockerfile and 1 more: the Dockerfile: it makes a Windows image/);
  assert.equal([...(await planned(cwd)).keys()], ['app:latest']);
  const alone = folder({
    Dockerfile: 'ARG BASE\nFROM $BASE\n',
    Makefile: 'all:\n\tdocker build --build-arg BASE=scratch -t app:1 .\n',
  });
  const failed = await init(alone);
  assert.is(failed.code, 2);
  assert.match(
    failed.err,
    /line 2: the base image \$BASE is empty\n`.*tasks init --from make` reads what a Makefile builds/,
  );
});

test('a target whose Dockerfile is missing or wrong is left out with the reason, so the others can be planned', async () => {
  const target = (name: string, more: object = {}): object => ({
    context: name,
    tags: [`team/${name}:1`],
    ...more,
  });
  const cwd = folder({
    'app/Dockerfile': scratch,
    'wrong/Dockerfile': '\n# generated\n',
    'docker-bake.json': JSON.stringify({
      target: {
        app: target('app'),
        gone: target('gone'),
        wrong: target('wrong'),
        stage: target('app', { target: 'x' }),
      },
    }),
  });
  const { code, out, err } = await init(cwd);
  assert.is(code, 0, err);
  assert.match(out, /› gone: the target, .* there is no gone\/Dockerfile\n/);
  assert.match(out, /› wrong: the target, .* wrong\/Dockerfile:1: there is no FROM/);
  assert.match(out, /› stage: the target, .* app\/Dockerfile:\d+: /);
  assert.match(out, /1 of 1 target /);
  assert.equal([...(await planned(cwd)).keys()], ['app:1']);
});

test('a base whose name is put together of ARGs is a need, as one that is written out', async () => {
  const cwd = folder({
    'images/base/Dockerfile': 'FROM debian:12\n',
    'images/top/Dockerfile': 'ARG HOST=quay.io\nARG OWNER=team\nARG BASE=$HOST/$OWNER/base\nFROM $BASE\n',
  });
  const { code, err } = await init(cwd);
  assert.is(code, 0, err);
  assert.match(definitions(cwd), /repo: 'quay\.io\/team'/);
  assert.match(definitions(cwd), /needs: \{ BASE: base \}/);
  assert.equal((await planned(cwd)).get('top:latest')!.needs, ['base:latest']);
});

test('axes are the folders, also if a version has a hyphen; platforms of some versions only', async () => {
  const versions = ['3.14', '3.15-rc'].flatMap((version) =>
    ['trixie', 'slim-trixie'].map((distro) => `${version}/${distro}/Dockerfile`),
  );
  const paths = [...versions, 'Dockerfile.arm64'];
  const cwd = folder(Object.fromEntries(paths.map((name) => [name, scratch])));
  const { code, out, err } = await init(cwd);
  assert.is(code, 0, err);
  assert.match(out, /5 of 5 targets/);
  assert.match(definitions(cwd), /version: \['3\.14', '3\.15-rc'\],\s+variant: \['slim-trixie', 'trixie'\]/);
  assert.match(definitions(cwd), /versions: \['arm64'\],[^}]*platforms: \['linux\/arm64'\]/);
  assert.is((await planned(cwd)).size, 5);
});

test('make: a goal that builds nothing is exit code 2 with the goals of the file', async () => {
  const cwd = folder({
    Makefile: 'X := 1\nhelp:\n\t@echo help\nbuild/%:\n\ttrue\nbuild-all: help\n\tdocker build -t a:1 a\n',
    'a/Dockerfile': scratch,
  });
  const { code, err } = await init(cwd, '--from', 'make');
  assert.is(code, 2);
  assert.match(err, /make runs no docker build/);
  assert.match(err, /hint: name a goal .*tasks init GOAL --from make`; goals of Makefile: help, build-all\n/);
});

test('compose: values from .env, no platform in a variable, and overrides that are not read', async () => {
  const cwd = folder({
    '.env': 'BASE=scratch\nPLATFORM=\n',
    'compose.yaml':
      'services:\n  app:\n    platform: $PLATFORM\n    build: { context: app, args: [ BASE ] }\n',
    'compose.override.yaml': 'services: {}\n',
    'app/Dockerfile': 'ARG BASE\nFROM $BASE\n',
  });
  const { code, out, err } = await init(cwd);
  assert.is(code, 0, err);
  assert.match(out, /note compose\.override\.yaml: it is not read/);
  assert.match(definitions(cwd), /args: \{ BASE: 'scratch' \}/);
  assert.not.match(definitions(cwd), /platforms/);
});

test('compose: many merged aliases are fine; an alias of nothing is exit code 2', async () => {
  const services = Array.from({ length: 60 }, (_, at) => `  s${at}:\n    <<: *common\n`).join('');
  const text = `x-env: &env\n  A: 1\nx-common: &common\n  restart: always\n  environment: { <<: *env, B: 2 }\n  healthcheck: { <<: *env }\n  depends_on: { <<: [ ${Array(30).fill('*env').join(', ')} ] }\nservices:\n${services}  app:\n    <<: *common\n    build: app\n`;
  const cwd = folder({ 'compose.yaml': text, 'app/Dockerfile': scratch });
  const { code, out, err } = await init(cwd);
  assert.is(code, 0, err);
  assert.match(out, /^found compose\.yaml: 1 target\n/);
  const broken = folder({ 'compose.yaml': 'services:\n  a: *nothing\n' });
  const failed = await init(broken);
  assert.is(failed.code, 2);
  assert.match(failed.err, /error: compose\.yaml (cannot be read|is not YAML): .*nothing/);
});

test.run();
