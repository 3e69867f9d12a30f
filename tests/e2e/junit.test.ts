import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeProject, runCli, startCli } from '../support/cli.ts';
import { parseXml } from '../support/xml.ts';

const test = suite('e2e: JUnit reports');
const project = (): string =>
  makeProject(
    `import { command } from 'image-tasks';
export const slow = command({ name: 'slow', run: ['./slow'] });
`,
    { 'slow*': '#!/bin/sh\necho x > ran\necho ready\nexec sleep 1000\n' },
  );

test('a path that cannot be written is exit code 2, before anything runs', async () => {
  const cwd = project();
  writeFileSync(path.join(cwd, 'file'), '');
  for (const command of ['test', 'push']) {
    const { code, err } = await runCli([command, '--junit', 'file/report.xml', '--repo', 'localhost:1/x'], {
      cwd,
    });
    assert.is(code, 2);
    assert.match(err, /^error: cannot write --junit: /);
  }
  assert.is(existsSync(path.join(cwd, 'ran')), false);
});

test('an interrupted run leaves a complete report, in a folder that it makes', async () => {
  const cwd = project();
  const report = path.join(cwd, 'reports/junit.xml');
  const { child, printed, ended } = startCli(['test', '--verbose', '--junit', 'reports/junit.xml'], { cwd });
  await printed('ready');
  assert.is(existsSync(report), false);
  child.kill('SIGINT');
  assert.is((await ended).code, 130);
  const { name, attributes } = parseXml(readFileSync(report, 'utf8'));
  assert.equal([name, attributes.name, attributes.tests], ['testsuites', 'tasks test', '0']);
});

test.run();
