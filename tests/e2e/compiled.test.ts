import { execFileSync } from 'node:child_process';
import { cpSync, lstatSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeProject, runCli } from '../support/cli.ts';
import { tempFolder, waitUntilSettled, writeFiles } from '../support/temp.ts';

const test = suite("V8's compiled code, kept in dist/");

/** The program, copied: what other tests use stays as the build made it. */
function copiedProgram(): string {
  const folder = tempFolder();
  cpSync('dist', path.join(folder, 'dist'), { recursive: true });
  symlinkSync(path.resolve('node_modules'), path.join(folder, 'node_modules'));
  return path.join(folder, 'dist');
}

/** By this Node, which may be another than that of the build. */
function compiledIn(dist: string): string[] {
  return readdirSync(dist, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(`-${process.version}-${process.arch}.compiled`))
    .sort();
}

/** Another for each file that was written anew. */
function stamps(dist: string): Record<string, string> {
  const stampOf = (name: string): string => {
    const { ino, mtimeMs } = lstatSync(path.join(dist, name));
    return `${ino} ${mtimeMs}`;
  };
  return Object.fromEntries(compiledIn(dist).map((name) => [name, stampOf(name)]));
}

/** What a process that just began would not take. */
function rejected(dist: string): string[] {
  const script = `const { readFileSync } = require('node:fs');
    const isRejected = (file) => new (require('node:vm').Script)(
      readFileSync(file.replace(/-[0-9a-f]{12}-v.*/, '.js'), 'latin1'), { filename: file, cachedData: readFileSync(file) },
    ).cachedDataRejected;
    process.stdout.write(JSON.stringify(process.argv.slice(1).filter(isRejected)));`;
  const files = compiledIn(dist).map((name) => path.join(dist, name));
  return JSON.parse(
    execFileSync(process.execPath, ['-e', script, ...files], { encoding: 'utf8' }),
  ) as string[];
}

interface TestProject {
  readonly cwd: string;
  readonly env: Record<string, string>;
  build(): Promise<string>;
  change(): void;
}

/** A project of commands, and how to build it. */
function projectOf(count: number, dist: string): TestProject {
  const numbers = Array.from({ length: count }, (_, at) => at);
  const definitions = numbers.map(
    (at) => `export const c${at} = command({ name: 'c${at}', run: ['true'], inputs: ['in/${at}*'] });\n`,
  );
  const cwd = makeProject(`import { command } from 'image-tasks';\n${definitions.join('')}`, {
    ...Object.fromEntries(numbers.map((at) => [`in/${at}-`, 'x'])),
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

/** From eleven definitions on V8 is set up otherwise, in the middle of a run. */
const [few, many] = [3, 11];

test('small and large projects use the same, and neither writes anew what is there', async () => {
  const dist = copiedProgram();
  const [small, large] = [projectOf(few, dist), projectOf(many, dist)];
  // Another Node than that of the build keeps the program in its first run with nothing to do.
  for (const project of [small, small, large]) await project.build();
  const kept = stamps(dist);
  for (const project of [large, small, large]) {
    project.change();
    await project.build();
    await project.build();
    assert.equal(stamps(dist), kept);
  }
  assert.equal(rejected(dist), []);
});

test('where nothing is kept yet, runs of a large project keep what any process takes', async () => {
  const dist = copiedProgram();
  for (const name of compiledIn(dist)) rmSync(path.join(dist, name));
  const large = projectOf(many, dist);
  for (let run = 0; run < 3; run++) await large.build();
  const kept = stamps(dist);
  for (const name of ['program', 'lib/execa'])
    assert.ok(
      Object.keys(kept).some((file) => file.startsWith(`${name}-`)),
      `${name} is kept`,
    );
  assert.equal(rejected(dist), []);
  await large.build();
  assert.equal(stamps(dist), kept);
});

test('where V8 began with other flags than we know of, a large project keeps nothing', () => {
  const dist = copiedProgram();
  for (const name of compiledIn(dist)) rmSync(path.join(dist, name));
  const { cwd, env } = projectOf(many, dist);
  const run = ['--semi-space-growth-factor=3', path.join(dist, 'tasks.js'), 'build'];
  for (let runs = 0; runs < 3; runs++)
    execFileSync(process.execPath, run, { cwd, env: { PATH: process.env.PATH, ...env }, stdio: 'ignore' });
  assert.equal(compiledIn(dist), []);
});

test('a large project says nothing of V8', async () => {
  assert.not.match(await projectOf(many, copiedProgram()).build(), /flag/);
});

test.run();
