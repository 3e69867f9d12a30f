import { readdirSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../support/cli.ts';
import { folder, init, planned } from '../support/init-project.ts';

const test = suite('e2e: what init writes, and what it refuses');

test('--dry-run prints the definitions alone on standard output, and writes nothing', async () => {
  const cwd = folder({ 'app/Dockerfile': 'FROM scratch\n' });
  const { code, out, err } = await init(cwd, '--dry-run');
  assert.is(code, 0);
  assert.match(out, /^\/\/ Written by `tasks init` from app\/Dockerfile\./);
  assert.match(err, /^found app\/Dockerfile: 1 target\n$/);
  assert.equal(readdirSync(cwd), ['app']);
});

test('nothing is overwritten', async () => {
  const cwd = folder({ 'app/Dockerfile': 'FROM scratch\n', 'tasks/other.ts': '' });
  const { code, err } = await init(cwd);
  assert.is(code, 2);
  assert.match(
    err,
    /error: there are definitions already: tasks\/other\.ts\nhint: they are never overwritten/,
  );
  assert.equal(readdirSync(path.join(cwd, 'tasks')), ['other.ts']);
});

test('what cannot be written is exit code 2 with the reason', async () => {
  const failing = async (files: Record<string, string>, ...args: string[]): Promise<string> => {
    const cwd = folder({ ...files, 'x/': '' });
    const { code, err } = await init(cwd, ...args);
    assert.is(code, 2, err);
    assert.not.ok(readdirSync(cwd).includes('tasks'));
    return err;
  };
  const nowhere = await runCli(['-C', '/nonexistent', 'init']);
  assert.is(nowhere.code, 2);
  assert.match(nowhere.err, /\/nonexistent is not a folder/);
  assert.match(
    await failing({}),
    /nothing to write definitions from: no bake file, compose file or Dockerfile/,
  );
  assert.match(await failing({ 'docker-bake.json': '{ "target": ' }), /docker-bake\.json is not JSON: /);
  assert.match(
    await failing({ 'docker-bake.json': '[]' }),
    /docker-bake\.json is not a bake file: expected an object with "target"/,
  );
  assert.match(
    await failing({ 'docker-bake.json': '{"target":{"a":{}}}' }, 'b', '--from', 'bake'),
    /(no target or group b; it has a|failed to find target b)/,
  );
  assert.match(
    await failing({ 'compose.yml': 'services:\n  db:\n    image: x\n' }),
    /no service of compose\.yml has a build/,
  );
  assert.match(await failing({ 'compose.yml': 'services: [' }), /compose\.yml is not YAML: /);
  assert.match(await failing({ 'compose.yml': 'a: 1' }), /compose\.yml is not a compose file/);
  assert.match(
    await failing({ Makefile: 'all:\n\techo hi\n' }, '--from', 'make'),
    /runs no docker build and no docker buildx build/,
  );
  assert.match(
    await failing({ Makefile: 'all:\n\tdocker buildx bake\n' }, '--from', 'make'),
    /use --from bake/,
  );
  assert.match(
    await failing({ Makefile: 'all:\n\t$(MAKE) all\n' }, '--from', 'make'),
    /make calls itself more than 20 times/,
  );
  assert.match(
    await failing({ Makefile: 'all: missing\n' }, '--from', 'make'),
    /make -n -f Makefile failed: .*No rule to make target/,
  );
  assert.match(
    await failing({ Makefile: '' }, '--from', 'cmake'),
    /--from cmake: expected bake, compose or make/,
  );
  assert.match(await failing({}, '--from', 'bake:other.json'), /other\.json is not a file/);
  assert.match(
    await failing({ 'a/Dockerfile': 'FROM scratch\n' }, 'a'),
    /targets \(a\) need a file that has them/,
  );
  assert.match(
    await failing({ Dockerfile: 'this is none\n' }),
    /no Dockerfile in .* can be written as a definition\nhint: Dockerfile: .* line 1: /,
  );
});

test('names that two Dockerfiles claim, and names that no registry accepts, are replaced and listed', async () => {
  const cwd = folder({
    'team-a/App/Dockerfile': 'FROM scratch\n',
    'team-b/app/Dockerfile': 'FROM scratch\n',
    'team-b/app/Dockerfile.copy~': 'FROM scratch\n',
    'Über Tool/Dockerfile': 'FROM scratch\n',
  });
  const { code, out } = await init(cwd);
  assert.is(code, 0);
  assert.match(
    out,
    /team-b\/app\/Dockerfile: the name app, which team-a\/App\/Dockerfile has: it is team-b-app here/,
  );
  assert.equal([...(await planned(cwd)).keys()].sort(), [
    'app:latest',
    'ber-tool:latest',
    'team-b-app:latest',
  ]);
});

test('targets that differ only in their output are one, and others with the same tag are listed', async () => {
  const common = { context: 'app', tags: ['team/app:1'] };
  const cwd = folder({
    'docker-bake.json': JSON.stringify({
      target: {
        app: common,
        'app-all': { ...common, platforms: ['linux/amd64', 'linux/arm64'], output: ['type=registry'] },
        'app-other': { ...common, args: { A: '1' } },
      },
    }),
    'app/Dockerfile': 'ARG A\nFROM scratch\n',
  });
  const { code, out } = await init(cwd);
  assert.is(code, 0);
  assert.match(out, /app-all: the target: it differs from app only in its output or platforms/);
  assert.match(out, /app-other: the target: app is app:1, too, and has other args/);
  assert.equal([...(await planned(cwd)).keys()], ['app:1']);
});

test('600 Dockerfiles become few definitions', async () => {
  const files = Array.from({ length: 600 }, (_, at) => [
    `image${at % 20}/${1 + Math.floor(at / 20)}.0/Dockerfile`,
    `FROM debian:12\nRUN echo ${at}\n`,
  ]);
  const cwd = folder(Object.fromEntries(files));
  const { code, out } = await init(cwd);
  assert.is(code, 0);
  assert.match(
    out,
    /^found 600 Dockerfiles: 600 targets\nwrote tasks\/images\.ts: 20 definitions of 600 images/,
  );
  assert.match(out, /600 of 600 targets/);
});

test.run();
