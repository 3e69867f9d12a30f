import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import { openMemo } from '../../../src/incremental/memo.ts';
import type { ObservedImage } from '../../../src/model/observed.ts';
import { visibleFiles } from '../../../src/observe/visible-files.ts';
import { includeAll, list, Unreadable, walk } from '../../../src/observe/walk.ts';
import { graphOf, makeKeys, observe } from '../../support/graphs.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';

const test = suite('visible files of a context');
type Files = Parameters<typeof writeFiles>[1];

function folderWith(files: Files): string {
  const folder = tempFolder();
  writeFiles(folder, files);
  return folder;
}
/** Returns the paths that are visible to instructions with these paths; names with a * are patterns. */
function visible(files: Files, ...names: string[]): string[] {
  const listed = list(folderWith(files), includeAll);
  const paths = names.map((name) => ({ path: name, isPattern: name.includes('*') }));
  return visibleFiles(listed, paths).map(({ path: name }) => name);
}
const tree: Files = { a: '', 'd/x': '', 'd/e/y': '', 'f/z': '', 'empty/': '' };

test('a path makes itself, everything below it and its parent folders visible', () => {
  assert.equal(visible(tree, 'a'), ['a']);
  assert.equal(visible(tree, 'd/e'), ['d', 'd/e', 'd/e/y']);
  assert.equal(visible(tree, 'd', 'empty'), ['d', 'd/e', 'd/e/y', 'd/x', 'empty']);
  assert.equal(visible(tree, ''), ['a', 'd', 'd/e', 'd/e/y', 'd/x', 'empty', 'f', 'f/z']);
  assert.equal(visible(tree, 'gone'), []);
});

test('patterns do not cross slashes, and everything below a match is visible', () => {
  assert.equal(visible(tree, 'd/*'), ['d', 'd/e', 'd/e/y', 'd/x']);
  assert.equal(visible(tree, '*/x'), ['d', 'd/x']);
});

test('symlinks in a path are followed and visible themselves; symlinks in a copied folder are not followed', () => {
  const files: Files = {
    ...tree,
    link: { link: 'd/e' },
    up: { link: './d/../f' },
    root: { link: '/d/x' },
    'g/in': { link: '../a' },
  };
  assert.equal(visible(files, 'link'), ['d', 'd/e', 'd/e/y', 'link']);
  assert.equal(visible(files, 'link/y'), ['d', 'd/e', 'd/e/y', 'link']);
  assert.equal(visible(files, 'up/z'), ['f', 'f/z', 'up']);
  assert.equal(visible(files, 'root'), ['d', 'd/x', 'root']);
  assert.equal(visible(files, 'g'), ['g', 'g/in']);
  assert.equal(visible({ one: { link: 'two' }, two: { link: 'one' } }, 'one'), ['one', 'two']);
  assert.equal(visible({ out: { link: '../../../etc' }, 'etc/x': '' }, 'out'), ['etc', 'etc/x', 'out']);
});

test('a pattern behind a symlink makes everything visible', () => {
  assert.equal(visible({ ...tree, link: { link: 'd' } }, 'link/*').length, 9);
});

/** Observes an image with the context `c/` and this Dockerfile. */
async function observeImage(files: Files, dockerfile: string, more: object = {}) {
  const root = folderWith({
    ...Object.fromEntries(Object.entries(files).map(([name, file]) => [`c/${name}`, file])),
    Dockerfile: dockerfile,
  });
  const graph = graphOf({ t: image({ name: 't', context: 'c', dockerfile: 'Dockerfile', ...more }) });
  const memo = openMemo(path.join(root, '.cache/memo'), () => undefined);
  const options = { root, memo, environment: {}, now: new Date(0), programId: 'test', lock: new Map() };
  const observations = await observe(graph, ['t:latest'], options);
  const observed = observations.get('t:latest') as ObservedImage;
  return { observed, key: makeKeys(graph, new Set(['t:latest']), observations).get('t:latest')?.key };
}

test('only visible files are read', async () => {
  const files: Files = { a: '', 'd/x': '' };
  const exact = await observeImage(files, 'FROM scratch\nCOPY a /\n');
  assert.equal(
    exact.observed.context.map((entry) => entry.path),
    ['a'],
  );
});

test('property: the key does not depend on the project path, umask or times; any visible change changes it', async () => {
  const text = 'FROM scratch\nCOPY . /\n';
  const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'd/x', 'd/é', 'e/f/g', 'z z'), {
    minLength: 1,
    maxLength: 5,
  });
  await fc.assert(
    fc.asyncProperty(names, fc.nat(), async (chosen, index) => {
      const files = Object.fromEntries(chosen.map((name) => [name, name]));
      const { key } = await observeImage(files, text);
      const old = process.umask(0o077);
      try {
        assert.is((await observeImage(Object.fromEntries(Object.entries(files).reverse()), text)).key, key);
      } finally {
        process.umask(old);
      }
      const changed = chosen[index % chosen.length]!;
      for (const other of [
        { ...files, [changed]: 'another' },
        { ...files, [`${changed}.new`]: '' },
        { ...files, 'new-folder/': '' },
        Object.fromEntries(
          Object.entries(files).map(([name, file]) => [name === changed ? `${name}*` : name, file]),
        ),
      ])
        assert.is.not((await observeImage(other, text)).key, key);
    }),
    { numRuns: 15 },
  );
});

test('an unreadable path is an error with the path and the reason', () => {
  const folder = folderWith({ 'a/b': '' });
  const memo = openMemo(path.join(folder, 'memo'), () => undefined);
  assert.throws(
    () => walk(path.join(folder, 'gone'), includeAll, memo),
    (error: Error) => error instanceof Unreadable && /gone/.test(error.message),
  );
  mkdirSync(path.join(folder, 'closed'));
  chmodSync(path.join(folder, 'closed'), 0);
  if (process.getuid?.() !== 0)
    assert.throws(
      () => walk(folder, includeAll, memo),
      (error: Error) => /closed: permission denied/.test(error.message),
    );
  chmodSync(path.join(folder, 'closed'), 0o755);
});

test.run();
