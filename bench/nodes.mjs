// `node scripts/with-engine.mjs -- node bench/nodes.mjs`: measures builds of 60 new images on one and on two builder nodes of this
// machine, and runs with nothing to do for 200. `--rounds 3`. The nodes are those of the tests: docker engines behind bridges, which
// belong to this process, so it must not wait for a program without serving them.
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build as bundle } from 'esbuild';
import { execa } from 'execa';
import { environment, machine, median } from './measure.mjs';
import { makeWorkspace } from './workspace.mjs';

const { values: flags } = parseArgs({ options: { rounds: { type: 'string', default: '3' } } });
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const place = mkdtempSync(path.join(tmpdir(), 'tasks-nodes-'));
process.on('exit', () => rmSync(place, { recursive: true, force: true }));
symlinkSync(path.join(root, 'node_modules'), path.join(place, 'node_modules'));
const support = path.join(place, 'support.mjs');
await bundle({
  stdin: {
    contents: `export * from './builder-machine.ts'; export * from './registry.ts';`,
    resolveDir: path.join(root, 'tests/support'),
  },
  outfile: support,
  bundle: true,
  platform: 'node',
  format: 'esm',
  packages: 'external',
  logLevel: 'error',
});
const { startRegistry, startTestBuilder } = await import(support);
const [builder, registry] = await Promise.all([startTestBuilder(), startRegistry()]);
const cwd = path.join(place, 'workspace');
const forget = () => rmSync(path.join(cwd, '.cache'), { recursive: true });
let repos = 0;
const newRepo = () => `${registry.host}/bench${++repos}`;

/** Returns the wall time of a build in seconds. */
async function build(name, repo) {
  const argv = [path.join(root, 'dist/tasks.js'), 'build', '--builder', name, '--repo', repo, '--jobs', '4'];
  const start = performance.now();
  await execa(process.execPath, argv, { cwd, env: environment(builder.environment) });
  return (performance.now() - start) / 1000;
}

const kinds = { 'one node': builder.nodes[0].address, 'two nodes': 'ci' };
const seconds = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, []]));
for (let round = 1; round <= Number(flags.rounds); round++)
  for (const [kind, name] of Object.entries(kinds)) {
    makeWorkspace(cwd, { count: 60, salt: `${kind} ${round}` });
    seconds[kind].push(await build(name, newRepo()));
  }

makeWorkspace(cwd, { count: 200, salt: 'idle' });
const repo = newRepo();
await build('ci', repo);
const idle = [];
for (let run = 0; run < 5; run++) idle.push(await build('ci', repo));
forget();
const rows = [
  ...Object.entries(seconds).map(([kind, list]) => [`60 new images, ${kind}, -j 4`, median(list)]),
  ['200 images, nothing to do', median(idle)],
  ['200 images, nothing to do, without .cache', await build('ci', repo)],
];
const { date, node, cpu } = machine();
const table = rows.map(([what, time]) => `| ${what} | ${time.toFixed(2)} |\n`).join('');
process.stdout.write(`${date}, Node ${node}, ${cpu}\n\n| | s |\n| --- | ---: |\n${table}`);
await registry.stop();
await builder.close();
