// `npm run bench`: runs all benchmarks of README.md, one after the other, and writes the results of each as JSON to
// `.cache/bench/`. It takes an hour or two, most of it for other tools. `npm run bench -- noop cold` runs some of them. Each file
// can also be run by itself, with its own flags.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const races = {
  noop: ['noop.mjs'],
  cold: ['cold.mjs'],
  docker: ['docker.mjs'],
  context: ['docker.mjs', '--context', '500'],
};
const results = path.join(root, '.cache/bench');
const named = process.argv.slice(2);
const unknown = named.find((name) => !(name in races));
if (unknown !== undefined) {
  process.stderr.write(`there is no race ${unknown}; there are ${Object.keys(races).join(', ')}\n`);
  process.exit(2);
}
mkdirSync(results, { recursive: true });
for (const name of named.length > 0 ? named : Object.keys(races)) {
  const [file, ...args] = races[name];
  process.stdout.write(`\n== ${name}: node bench/${[file, ...args].join(' ')}\n`);
  const argv = [path.join(root, 'bench', file), ...args, '--json', path.join(results, `${name}.json`)];
  if (spawnSync(process.execPath, argv, { stdio: 'inherit' }).status !== 0) process.exitCode = 1;
}
