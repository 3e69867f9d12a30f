import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeProject, runCli } from '../support/cli.ts';
import { compiledFiles, copyProgram, fileStamps, rejectedFiles } from '../support/program-copy.ts';
import { waitUntilSettled, writeFiles } from '../support/temp.ts';

const test = suite("e2e: V8's compile cache in dist/");

interface TestProject {
  readonly cwd: string;
  readonly env: Record<string, string>;
  build(): Promise<string>;
  change(): void;
}

/** Creates a project with `count` commands. */
function makeCommands(count: number, dist: string): TestProject {
  const numbers = Array.from({ length: count }, (_, index) => index);
  const definitions = numbers.map(
    (number) =>
      `export const c${number} = command({ name: 'c${number}', run: ['true'], inputs: ['in/${number}*'] });\n`,
  );
  const cwd = makeProject(`import { command } from 'image-tasks';\n${definitions.join('')}`, {
    ...Object.fromEntries(numbers.map((number) => [`in/${number}-`, 'x'])),
  });
  const env = { DOCKER_HOST: 'unix:///nowhere.sock' };
  let changes = 0;
  return {
    cwd,
    env,
    async build() {
      const { code, err } = await runCli(['build'], { cwd, env, program: path.join(dist, 'tasks.js') });
      assert.is(code, 0, err);
      return err;
    },
    change() {
      writeFiles(cwd, { 'in/0-': `change ${++changes}` });
      waitUntilSettled(path.join(cwd, 'in/0-'));
    },
  };
}

/** With more than ten definitions, a run changes V8's flags. */
const [few, many] = [3, 11];

test('small and large projects use the same compiled files and do not rewrite them', async () => {
  const dist = copyProgram();
  const [small, large] = [makeCommands(few, dist), makeCommands(many, dist)];
  // With another Node version than the build's, the first run with nothing to do writes the files.
  for (const project of [small, small, large]) await project.build();
  const before = fileStamps(dist);
  for (const project of [large, small, large]) {
    project.change();
    await project.build();
    await project.build();
    assert.equal(fileStamps(dist), before);
  }
  assert.equal(rejectedFiles(dist), []);
});

test('without compiled files, a large project writes files that any process accepts', async () => {
  const dist = copyProgram();
  for (const name of compiledFiles(dist)) rmSync(path.join(dist, name));
  const large = makeCommands(many, dist);
  for (let run = 0; run < 3; run++) await large.build();
  const before = fileStamps(dist);
  for (const name of ['program', 'lib/execa'])
    assert.ok(
      Object.keys(before).some((file) => file.startsWith(`${name}-`)),
      `${name} is compiled`,
    );
  assert.equal(rejectedFiles(dist), []);
  await large.build();
  assert.equal(fileStamps(dist), before);
});

test('with unknown V8 flags, a large project writes no compiled files', () => {
  const dist = copyProgram();
  for (const name of compiledFiles(dist)) rmSync(path.join(dist, name));
  const { cwd, env } = makeCommands(many, dist);
  const run = ['--semi-space-growth-factor=3', path.join(dist, 'tasks.js'), 'build'];
  for (let runs = 0; runs < 3; runs++)
    execFileSync(process.execPath, run, { cwd, env: { PATH: process.env.PATH, ...env }, stdio: 'ignore' });
  assert.equal(compiledFiles(dist), []);
});

test('a large project prints nothing about V8', async () => {
  assert.not.match(await makeCommands(many, copyProgram()).build(), /flag/);
});

test.run();
