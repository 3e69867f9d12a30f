import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readBuildLines } from '../../../src/adopt/read-make.ts';
import { splitCommands } from '../../../src/adopt/shell-commands.ts';
import type { ForeignTarget } from '../../../src/adopt/target.ts';

const test = suite('docker build lines');
const read = (text: string, isMake = false) => readBuildLines(text, { file: 'f', root: '/p', isMake });
const one = (text: string, isMake = false): ForeignTarget => read(text, isMake).targets[0]!;
const whats = (text: string): string[] => read(text).omissions.map(({ what }) => what);

test('shell text is split into commands, with quotes, escapes and comments', () => {
  const words = (text: string): string[][] =>
    splitCommands(text, false).map((command) => command.words.map((word) => word.text));
  assert.equal(words(`a "b c" 'd "e' f\\ g # no\nh \\\n  i && j; (k | l)`), [
    ['a', 'b c', 'd "e', 'f g'],
    ['h', 'i'],
    ['j'],
    ['k'],
    ['l'],
  ]);
  assert.equal(words('V=1.2\nX="a $V" docker ${V}-x $V'), [['docker', '1.2-x', '1.2']]);
  const [command] = splitCommands('echo $(date "+%s" $(x)) `id` $HOME', false);
  assert.equal(
    command!.words.map(({ unknown }) => unknown),
    [undefined, '$(date "+%s" $(x))', '`id`', '$HOME'],
  );
});

test('all forms of flags, with paths relative to where the line runs', () => {
  const target = one(
    `DOCKER_BUILDKIT=1 /usr/bin/docker --context default buildx build -t team/app:1 --tag=team/app:latest -fapp/Dockerfile.x --build-arg A=1=2 ` +
      `--build-arg 'B=x y' --label l=v --target=run --platform linux/amd64,linux/arm64 --build-context assets=assets ` +
      `--build-context img=docker-image://alpine --network=host --add-host db:10.0.0.1 --secret id=t,env=T --ssh default ` +
      `--no-cache --pull --push ./app > log 2>&1`,
  );
  assert.equal(
    { ...target, name: '', place: '' },
    {
      name: '',
      place: '',
      context: 'app',
      dockerfile: 'app/Dockerfile.x',
      target: 'run',
      args: { A: '1=2', B: 'x y' },
      labels: { l: 'v' },
      tags: ['team/app:1', 'team/app:latest'],
      platforms: ['linux/amd64', 'linux/arm64'],
      contexts: { assets: 'assets', img: 'docker-image://alpine' },
      options: {
        network: 'host',
        addHosts: ['db:10.0.0.1'],
        secrets: { t: { env: 'T' } },
        ssh: { default: { agent: true } },
      },
    },
  );
  assert.equal(whats('docker build --no-cache --pull --push -t a .'), ['--no-cache', '--pull']);
});

test('cd, subshells, and the folders that make prints', () => {
  assert.is(one('cd a && docker build -f b/Dockerfile .').dockerfile, 'a/b/Dockerfile');
  assert.is(one('(cd a && true)\ndocker build c').context, 'c');
  const text =
    "make: Entering directory '/p'\nmake[1]: Entering directory '/p/sub'\ndocker build -t x .\nmake[1]: Leaving directory '/p/sub'\ndocker build -t y z\n";
  assert.equal(
    read(text, true).targets.map(({ context }) => context),
    ['sub', 'z'],
  );
  assert.is(one('cd a\ndocker build b', false).context, 'a/b', 'a script stays in a folder');
  assert.is(one('cd a\ndocker build b', true).context, 'b', 'each line of make has its own shell');
});

test('what only a shell knows is listed with its line, and so is what is outside of the project', () => {
  const { targets, omissions } = read(
    'true\nfor v in 1 2; do docker build -t "x:$v" --build-arg R=$(date) -t x:all .; done\ndocker build -t z ../out\ndocker build - < f\ndocker build -t y .',
  );
  assert.equal(
    targets.map(({ tags }) => tags),
    [['x:all'], ['y']],
  );
  assert.equal(omissions, [
    { place: 'f:2', what: '--tag x:$v: $v is known to the shell only' },
    { place: 'f:2', what: '--build-arg R=$(date): $(date) is known to the shell only' },
    { place: 'f:3', what: 'the build: its context ../out is not in the project' },
    { place: 'f:4', what: 'the build: its context - is not a folder of the project' },
  ]);
});

test('docker tag adds tags', () => {
  assert.equal(one('docker build -t a:1 .\ndocker tag a:1 a:latest\n').tags, ['a:1', 'a:latest']);
});

test('text without a build is an error', () => {
  assert.throws(() => read('docker run x\nmake build\n'), /f runs no docker build/);
});

test.run();
