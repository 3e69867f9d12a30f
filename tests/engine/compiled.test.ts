import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeProject, runCli } from '../support/cli.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { compiledFiles, copyProgram, fileStamps, rejectedFiles } from '../support/program-copy.ts';
import { writeFiles } from '../support/temp.ts';

const test = suite("V8's compile cache of the builder, with docker");
const label = 'image-tasks.compiled-test';

const makeImage = (): string =>
  makeProject(
    `import { image } from 'image-tasks';
export const a = image({ name: 'a', context: 'a', labels: { '${label}': '1' } });
`,
    { 'a/Dockerfile': 'FROM scratch\nCOPY Dockerfile /\n' },
  );

test('is saved by the first run that builds, and not by one that only asks the engine', async () => {
  const dist = copyProgram();
  const cwd = makeImage();
  const program = path.join(dist, 'tasks.js');
  const builders = (): string[] => compiledFiles(dist).filter((name) => name.startsWith('lib/buildkit-'));
  // Of earlier builds with the original.
  for (const name of builders()) rmSync(path.join(dist, name));
  await runCli(['doctor'], { cwd, program });
  assert.equal(builders(), []);
  const built = await runCli(['build'], { cwd, program });
  assert.is(built.code, 0, built.err);
  assert.is(builders().length, 1);
  assert.equal(rejectedFiles(dist), []);
  const before = fileStamps(dist);
  assert.is((await runCli(['build', '--force'], { cwd, program })).code, 0);
  assert.equal(fileStamps(dist), before);
});

test("Node's own compiled code is used for its modules, although a build changes V8's flags", () => {
  const cwd = makeImage();
  // As Node's own test-code-cache.js finds out which modules were compiled from their text.
  writeFiles(cwd, {
    'usage.cjs': `const { getCacheUsage } = require('internal/test/binding').internalBinding('builtins');
process.on('exit', () => require('fs').writeFileSync('usage', [...getCacheUsage().compiledWithoutCache].join('\\n')));
`,
  });
  const flags = ['--expose-internals', '--require', path.join(cwd, 'usage.cjs')];
  execFileSync(process.execPath, [...flags, path.resolve('dist/tasks.js'), 'build', '--force'], {
    cwd,
    stdio: 'ignore',
  });
  assert.not.match(readFileSync(path.join(cwd, 'usage'), 'utf8'), /http2/);
});

test.after(async () => removeImages(await connectTestEngine(), label));

test.run();
