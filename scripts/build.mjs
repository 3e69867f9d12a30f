// Bundles the program into dist/: `tasks.js` (the command line) and `define.js` (what definitions import), with shared
// code in chunks so that both see one `define`. Run by `npm ci` through "prepare". In a checkout it also links
// `node_modules/.bin/tasks`: without that npx installs the checkout into a cache of its own first.
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const dist = path.join(root, 'dist');

/** Of everything that the program is made from: what it remembers of files is worth nothing to another program. */
function buildId() {
  const hash = createHash('sha256').update(readFileSync(path.join(root, 'package.json')));
  const src = path.join(root, 'src');
  for (const name of readdirSync(src, { recursive: true }).sort()) {
    const file = path.join(src, name);
    if (statSync(file).isFile()) hash.update(`${name}\0`).update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 12);
}

const id = buildId();
const idFile = path.join(dist, 'build-id');
if (existsSync(idFile) && readFileSync(idFile, 'utf8') === id) process.exit();

rmSync(dist, { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: { tasks: 'src/cli/main.ts', define: 'src/define/index.ts' },
  outdir: dist,
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  minifySyntax: true,
  legalComments: 'none',
  // esbuild brings a binary of its own; it is loaded only when definitions changed.
  external: ['esbuild'],
  banner: {
    js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);",
  },
  define: { BUILD_ID: JSON.stringify(id) },
  logLevel: 'warning',
});
chmodSync(path.join(dist, 'tasks.js'), 0o755);
writeFileSync(idFile, id);

function link(target, place) {
  if (existsSync(place)) return;
  rmSync(place, { force: true });
  mkdirSync(path.dirname(place), { recursive: true });
  symlinkSync(target, place);
}

if (existsSync(path.join(root, 'node_modules'))) {
  link('../../dist/tasks.js', path.join(root, 'node_modules/.bin/tasks'));
}
