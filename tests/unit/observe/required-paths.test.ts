import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { command, image } from '../../../src/define/index.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';
import { makeTestProject } from '../../support/test-project.ts';

const test = suite('paths that a build needs');

type Files = Parameters<typeof writeFiles>[1];

/** Plans a project with the images `app` and `child`, which needs it. Returns the action and the reasons of `app`, and its key. */
async function planOf(files: Files, fields: Partial<Parameters<typeof image>[0]> = {}) {
  const root = tempFolder();
  writeFiles(root, { 'child/Dockerfile': 'ARG BASE\nFROM $BASE\n', ...files });
  const lib = command({ name: 'lib', run: ['true'] });
  const app = image({ name: 'app', context: 'app', ...fields } as Parameters<typeof image>[0]);
  const child = image({ name: 'child', context: 'child', needs: { BASE: app } });
  const project = makeTestProject({ lib, app, child }, root);
  const planned = await project.plan();
  const steps = planned.plan.steps;
  const step = steps.get('app:latest')!;
  return {
    project,
    planned,
    action: step.action,
    reasons: step.reasons.map(({ code, detail }) => `${code}: ${detail}`),
    child: steps.get('child:latest')!,
    key: step.key,
  };
}

test('a missing source blocks the task and its dependents, with its line and what is probably meant', async () => {
  const { action, reasons, child } = await planOf({
    'app/Dockerfile': 'FROM scratch\n\nCOPY srv/app.js \\\n  data /\nADD gone /\n',
    'app/src/app.js': '',
    'app/data': '',
  });
  assert.is(action, 'blocked');
  assert.equal(reasons, [
    'missing-file: app/Dockerfile:3: COPY needs srv/app.js, which is not in the build context app; did you mean src/app.js?',
    'missing-file: app/Dockerfile:5: ADD needs gone, which is not in the build context app',
  ]);
  assert.equal([child.action, child.reasons[0]!.detail], ['blocked', 'app:latest is blocked']);
});

test('an ignored source, and a link to one, are said to be ignored', async () => {
  const { reasons } = await planOf({
    'app/Dockerfile': 'FROM scratch\nCOPY link /\n',
    'app/Dockerfile.dockerignore': 'a\n',
    'app/a': '',
    'app/link': { link: 'a' },
  });
  assert.equal(reasons, [
    'missing-file: app/Dockerfile:2: COPY needs link (a link to a), which is not in the build context app; a exists, but the ignore file excludes it',
  ]);
});

test('the folder of needed files counts as there, with everything in it', async () => {
  const lib = command({ name: 'lib', run: ['true'] });
  const files = {
    'app/Dockerfile': 'FROM scratch\nCOPY lib/any/thing lib /\nCOPY out/x /\n',
    'app/out': { link: 'lib' },
  };
  const root = tempFolder();
  writeFiles(root, files);
  const app = image({ name: 'app', context: 'app', needs: { lib } });
  const { plan } = await makeTestProject({ lib, app }, root).plan();
  assert.is(plan.steps.get('app:latest')!.action, 'build');
});

test('only what the target needs counts, and nothing in a Dockerfile that is not fully understood', async () => {
  const text = 'FROM scratch AS one\nCOPY gone /\nFROM scratch AS two\nCOPY a /\n';
  const files = { 'app/Dockerfile': text, 'app/a': '' };
  assert.is((await planOf(files)).action, 'build');
  assert.is((await planOf(files, { target: 'one' })).action, 'blocked');
  const vague = { 'app/Dockerfile': 'FROM debian\nCOPY gone /\nCOPY $FROM_BASE /\n' };
  assert.is((await planOf(vague)).action, 'build');
  const custom = { 'app/Dockerfile': '# syntax=example/frontend\nFROM scratch\nCOPY gone /\n' };
  assert.is((await planOf(custom)).action, 'build');
});

test('a blocked task has a key, which changes when the file is there', async () => {
  const files = { 'app/Dockerfile': 'FROM scratch\nCOPY a gone /\n', 'app/a': '' };
  const { key, project } = await planOf(files);
  assert.match(key, /^[0-9a-f]{64}$/);
  writeFiles(project.root, { 'app/gone': '' });
  const next = (await project.plan()).plan.steps.get('app:latest')!;
  assert.is(next.action, 'build');
  assert.is.not(next.key, key);
});

test('a task that nothing builds is not blocked', async () => {
  const { project } = await planOf({ 'app/Dockerfile': 'FROM scratch\n' });
  await project.build();
  writeFiles(project.root, { 'app/Dockerfile': 'FROM scratch\n# a comment\n' });
  assert.is((await project.plan()).plan.steps.get('app:latest')!.action, 'reuse');
});

test('a blocked task lets nothing start, unless the run keeps going; then only its dependents are blocked', async () => {
  const files = { 'app/Dockerfile': 'FROM scratch\nCOPY gone /\n' };
  const stopped = await planOf(files);
  stopped.project.engine.autoFinish = true;
  const result = await stopped.planned.run();
  assert.equal([result.outcome, result.failed], ['failed', []]);
  assert.equal(stopped.project.outcomes(), {
    'lib:latest': 'cancelled',
    'app:latest': 'blocked',
    'child:latest': 'blocked',
  });
  assert.equal(stopped.project.commands, []);
  const { project } = await planOf(files);
  const continued = await project.build({ keepGoing: true });
  assert.is(continued.outcome, 'failed');
  assert.equal(project.outcomes(), {
    'lib:latest': 'built',
    'app:latest': 'blocked',
    'child:latest': 'blocked',
  });
});

test('a blocked task whose failure is allowed stops nothing and fails nothing', async () => {
  const files = { 'app/Dockerfile': 'FROM scratch\nCOPY gone /\n' };
  const { project } = await planOf(files, { allowFailure: true });
  assert.is((await project.build()).outcome, 'ok');
  assert.is(project.outcomes()['lib:latest'], 'built');
});

test('a blocked task fails the run although a task that it needs may fail', async () => {
  const root = tempFolder();
  writeFiles(root, {
    'base/Dockerfile': 'FROM scratch\n',
    'app/Dockerfile': 'ARG B\nFROM $B\nCOPY gone /\n',
  });
  const base = image({ name: 'base', context: 'base', allowFailure: true });
  const app = image({ name: 'app', context: 'app', needs: { B: base } });
  assert.is((await makeTestProject({ base, app }, root).build()).outcome, 'failed');
});

const programs: readonly (readonly [what: string, files: Files, run: string, reason: string])[] = [
  [
    'missing',
    { 'bin/make': '' },
    'bin/mkae',
    'missing-file: the program bin/mkae does not exist; did you mean bin/make?',
  ],
  [
    'not executable',
    { make: '' },
    './make',
    'not-executable: the program ./make is not executable; run `chmod +x make`',
  ],
  ['a folder', { 'make/': '' }, './make', 'not-executable: the program ./make is not a file'],
  ['a broken link', { make: { link: 'gone' } }, './make', 'missing-file: the program ./make does not exist'],
  [
    'a symlink loop',
    { make: { link: 'make' } },
    './make',
    'missing-file: the program ./make is a symlink loop',
  ],
];
for (const [what, files, run, reason] of programs)
  test(`a command is blocked if its program is ${what}`, async () => {
    const root = tempFolder();
    writeFiles(root, files);
    const project = makeTestProject({ make: command({ name: 'make', run: [run] }) }, root);
    const { reasons, action } = (await project.plan()).plan.steps.get('make:latest')!;
    assert.is(action, 'blocked');
    assert.equal(
      reasons.map(({ code, detail }) => `${code}: ${detail}`),
      [reason],
    );
  });

const tests: readonly (readonly [what: string, files: Files, reason: string | undefined])[] = [
  ['missing', { 't/smoke.sh': '' }, 'the test t/smok.sh does not exist; did you mean t/smoke.sh?'],
  [
    'a folder without run',
    { 't/smok.sh/x': '' },
    'the test t/smok.sh has no file run: a test is a script, or a folder with an executable run',
  ],
  ['a symlink loop', { 't/smok.sh': { link: 'smok.sh' } }, 'the test t/smok.sh is a symlink loop'],
  ['a script that is not executable: it is in the container', { 't/smok.sh': '' }, undefined],
];
for (const [what, files, reason] of tests)
  test(`a plan says of a test that is ${what}`, async () => {
    const { action, reasons } = await planOf(
      { 'app/Dockerfile': 'FROM scratch\n', ...files },
      { test: 't/smok.sh' },
    );
    assert.is(action, 'build');
    const notes = reasons.filter((text) => text.startsWith('broken-test'));
    assert.equal(notes, reason === undefined ? [] : [`broken-test: ${reason}`]);
  });

test.run();
