import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tempFolder, writeFiles } from '../support/temp.ts';

const test = suite('import graph');

const emptyPage =
  'Before.\n<!-- import graph: npm run import-graph -->\n<!-- end of import graph -->\nAfter.\n';

function importGraph(...flags: readonly string[]) {
  const { status, stderr } = spawnSync('node', ['scripts/import-graph.mjs', ...flags], { encoding: 'utf8' });
  return { status, stderr };
}

/** Writes sources and a page, and returns functions that draw the graph into it. */
function project(sources: Readonly<Record<string, string>>, page = emptyPage) {
  const root = tempFolder();
  writeFiles(root, { ...sources, 'page.md': page });
  const flags = ['--src', path.join(root, 'src'), '--page', path.join(root, 'page.md')];
  return {
    write: () => importGraph(...flags),
    check: () => importGraph(...flags, '--check'),
    read: () => readFileSync(path.join(root, 'page.md'), 'utf8'),
  };
}

test('the graph in docs/architecture.md is up to date (otherwise: npm run import-graph)', () => {
  assert.equal(importGraph('--check'), { status: 0, stderr: '' });
});

test('arrows follow static, type-only and dynamic imports and re-exports, but not shortcuts of longer paths', () => {
  const { write, check, read } = project({
    'src/app/a.ts':
      "import type { X } from '../plan/x.ts';\nimport { y } from '../model/y.ts';\nimport './commands/b.ts';\n",
    'src/app/commands/b.ts': "export const b = () => import('../../cache/c.ts');\n",
    'src/cache/c.ts': "import fs from 'node:fs';\nimport { c } from 'a-package';\n",
    'src/plan/x.ts': "export { y } from '../model/y.ts';\n// import '../cache/c.ts';\n",
    'src/model/y.ts': 'export const y = 1;\n',
  });
  assert.is(check().status, 1);
  assert.is(read(), emptyPage);
  assert.equal(write(), { status: 0, stderr: '' });
  assert.equal(
    read()
      .split('\n')
      .filter((line) => line.includes('-->') && !line.startsWith('<')),
    ['  src_app --> src_cache & src_plan', '  src_plan --> src_model'],
  );
  assert.match(read(), /^Before\.\n/);
  assert.match(read(), /\nAfter\.\n$/);
  assert.equal(check(), { status: 0, stderr: '' });
});

test('an import cycle and a page without markers are errors', () => {
  const cycle = project({ 'src/a/a.ts': "import '../b/b.ts';\n", 'src/b/b.ts': "import '../a/a.ts';\n" });
  assert.is(cycle.write().status, 1);
  assert.match(cycle.write().stderr, /import cycle: (a -> b -> a|b -> a -> b)/);
  const noMarkers = project({ 'src/a/a.ts': '' }, 'No markers.\n').write();
  assert.is(noMarkers.status, 1);
  assert.match(noMarkers.stderr, /expected the lines/);
});

test.run();
