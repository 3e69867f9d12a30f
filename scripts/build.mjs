// Bundles the program into dist/: `tasks.js` starts `program.js`, the command line in one file. Definitions import `define.mjs`,
// programs import `api.mjs`, browsers run `page/`, and `reaper.js` removes containers of killed runs. `npm ci` runs this script
// ("prepare"). In a checkout it also creates the link `node_modules/.bin/tasks`; without it, npx would first install the
// checkout into its cache.
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
import { lazy } from './lazy.mjs';
import { train } from './train.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const dist = path.join(root, 'dist');

/** Returns the id of the program: a hash of its sources. A program does not use files that another one derived. */
function buildId() {
  const hash = createHash('sha256').update(readFileSync(path.join(root, 'package.json')));
  for (const folder of ['src', 'scripts']) {
    for (const name of readdirSync(path.join(root, folder), { recursive: true }).sort()) {
      const file = path.join(root, folder, name);
      if (statSync(file).isFile()) hash.update(`${name}\0`).update(readFileSync(file));
    }
  }
  return hash.digest('hex').slice(0, 12);
}

const id = buildId();
const idFile = path.join(dist, 'build-id');
if (existsSync(idFile) && readFileSync(idFile, 'utf8') === id) process.exit();

rmSync(dist, { recursive: true, force: true });
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const common = {
  absWorkingDir: root,
  outdir: dist,
  bundle: true,
  platform: 'node',
  target: 'node20',
  minifySyntax: true,
  legalComments: 'none',
  define: { BUILD_ID: JSON.stringify(id), VERSION: JSON.stringify(version) },
  logLevel: 'warning',
};
await Promise.all([
  build({
    ...common,
    entryPoints: { program: 'src/cli/main.ts' },
    format: 'cjs',
    supported: { 'dynamic-import': false },
    // It has its own binary.
    external: ['esbuild'],
    plugins: [
      lazy(
        [
          'execa',
          'listr2',
          'picomatch',
          'tar-stream',
          'object-hash',
          'keyv',
          '@keyv/redis',
          'chokidar',
          'yaml',
          'http-proxy-agent',
          'https-proxy-agent',
        ],
        common,
      ),
    ],
    // The bundle is a function that launch.ts calls: V8 stores compiled code only for scripts, which have no `require`.
    banner: { js: '(function (require, PLACE, loadModule, onIdle, onLongRun, onBuilt) {' },
    footer: { js: '})' },
  }),
  build({
    ...common,
    entryPoints: { tasks: 'src/cli/launch.ts' },
    format: 'cjs',
    // Old versions must be able to parse it: see check-node.ts.
    target: 'node10',
    supported: { 'dynamic-import': true },
  }),
  build({
    ...common,
    entryPoints: { reaper: 'src/cli/reaper.ts' },
    format: 'cjs',
  }),
  build({
    ...common,
    entryPoints: { define: 'src/define/index.ts' },
    format: 'esm',
    outExtension: { '.js': '.mjs' },
  }),
  build({
    ...common,
    entryPoints: { api: 'src/app/api.ts' },
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    // Libraries are part of it, in files that are loaded on first use: the package installs none of them.
    external: ['esbuild'],
    splitting: true,
    chunkNames: 'lib/[name]-[hash]',
    banner: {
      js: "import { createRequire as requireOfBundle } from 'node:module'; const require = requireOfBundle(import.meta.url);",
    },
  }),
  build({
    ...common,
    entryPoints: { page: 'src/page/main.ts', style: 'src/page/page.css' },
    outdir: path.join(dist, 'page'),
    platform: 'browser',
    format: 'iife',
    target: ['chrome110', 'firefox115', 'safari16.4'],
    minify: true,
  }),
]);
writeFileSync(path.join(dist, 'package.json'), '{ "type": "commonjs" }\n');
chmodSync(path.join(dist, 'tasks.js'), 0o755);
await train(path.join(dist, 'tasks.js'));
// Without TypeScript, which is not needed to run the program, editors have no types of the Node API.
if (existsSync(path.join(root, 'node_modules/typescript'))) await import('./types.mjs');
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
