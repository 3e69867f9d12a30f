// Builds the documentation site, docs/.vitepress/dist: `npm run docs`. `npm run docs -- dev` serves it while you write. Other
// flags go to VitePress: `npm run docs -- build --base /tasks/` builds a site for that path of a server.
// The site has packages of its own (docs/package.json), which are installed if they are missing or out of date.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../docs');
const [command = 'build', ...flags] = process.argv.slice(2);

function run(program, args) {
  const { status, error } = spawnSync(program, args, { cwd: folder, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/** npm writes this file at the end of each installation. */
const installed = path.join(folder, 'node_modules/.package-lock.json');
const lockFile = path.join(folder, 'package-lock.json');
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lockFile).mtimeMs) run('npm', ['ci']);

const { bin } = JSON.parse(readFileSync(path.join(folder, 'node_modules/vitepress/package.json'), 'utf8'));
run(process.execPath, [path.join(folder, 'node_modules/vitepress', bin.vitepress), command, '.', ...flags]);
