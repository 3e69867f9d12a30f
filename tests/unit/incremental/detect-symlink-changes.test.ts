import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keysFromScratch, makeObservedProject, observeProject } from '../../support/observed-project.ts';
import { waitUntilSettled, writeFiles } from '../../support/temp.ts';

const test = suite('change detection through symlinks');

/** [what changes, how the project uses symlinks, the change] */
const cases: [string, (root: string) => void, (root: string) => void][] = [
  [
    'the target of a context that is a symlink',
    (root) => {
      renameSync(`${root}/app`, `${root}/real`);
      symlinkSync('real', `${root}/app`);
    },
    (root) => {
      writeFiles(root, { 'real2/Dockerfile': 'ARG BASE\nFROM $BASE\nCOPY x /\n', 'real2/x': 'y' });
      rmSync(`${root}/app`);
      symlinkSync('real2', `${root}/app`);
    },
  ],
  [
    'a file in a context that is a symlink',
    (root) => {
      renameSync(`${root}/app`, `${root}/real`);
      symlinkSync('real', `${root}/app`);
    },
    (root) => writeFileSync(`${root}/real/x`, 'y'),
  ],
  [
    'a new ignore file in a context that is a symlink',
    (root) => {
      renameSync(`${root}/app`, `${root}/real`);
      symlinkSync('real', `${root}/app`);
    },
    (root) => writeFileSync(`${root}/real/.dockerignore`, 'x\n'),
  ],
  [
    'the content of a Dockerfile behind two symlinks',
    (root) => {
      renameSync(`${root}/app/Dockerfile`, `${root}/real`);
      symlinkSync('real', `${root}/hop`);
      symlinkSync('../hop', `${root}/app/Dockerfile`);
    },
    (root) => appendFileSync(`${root}/real`, 'COPY x /y\n'),
  ],
  [
    'the second of two symlinks to a Dockerfile',
    (root) => {
      renameSync(`${root}/app/Dockerfile`, `${root}/real`);
      symlinkSync('real', `${root}/hop`);
      symlinkSync('../hop', `${root}/app/Dockerfile`);
    },
    (root) => {
      writeFileSync(`${root}/real2`, 'ARG BASE\nFROM $BASE\nCOPY x /z\n');
      rmSync(`${root}/hop`);
      symlinkSync('real2', `${root}/hop`);
    },
  ],
  [
    'the content of an ignore file behind a symlink',
    (root) => {
      writeFileSync(`${root}/ignored`, 'nothing\n');
      symlinkSync('../ignored', `${root}/app/.dockerignore`);
    },
    (root) => writeFileSync(`${root}/ignored`, 'x\n'),
  ],
  [
    'a symlink above the context',
    (root) => {
      mkdirSync(`${root}/v1`);
      renameSync(`${root}/app`, `${root}/v1/app`);
      symlinkSync('v1/app', `${root}/app`);
    },
    (root) => {
      writeFiles(root, { 'v2/app/Dockerfile': 'ARG BASE\nFROM $BASE\nCOPY x /\n', 'v2/app/x': 'other' });
      rmSync(`${root}/app`);
      symlinkSync('v2/app', `${root}/app`);
    },
  ],
];
for (const [what, link, change] of cases) {
  test(`a change through symlinks is detected: ${what}`, async () => {
    const root = makeObservedProject();
    link(root);
    for (const name of ['app', 'app/x', 'app/Dockerfile', '.']) waitUntilSettled(path.join(root, name));
    const ids = ['base:latest', 'app:latest'];
    const before = await observeProject(root, { ids });
    assert.equal((await observeProject(root, { ids })).read, []);
    change(root);
    const { keys } = await observeProject(root, { ids });
    assert.is.not(keys.app, before.keys.app);
    assert.equal(keys, await keysFromScratch(root, { ids }));
  });
}

test.run();
