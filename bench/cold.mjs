// `node bench/cold.mjs`: measures a first plan without any cache, compared with reading and hashing every file once in the
// fastest way that Node has, and a plan after a change of one file. `--sizes 200,1000`, `--rounds 5`, `--json FILE`. It does not
// use an engine.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { machine, median, runOnce } from './measure.mjs';
import { makeWorkspace } from './workspace.mjs';

const program = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../dist/tasks.js');
const { values: flags } = parseArgs({
  options: {
    sizes: { type: 'string', default: '200,1000' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'string' },
  },
});
/** `crypto.hash` with synchronous reads: the fastest way that Node has for many small files. */
const hashAll = `
const { lstatSync, readFileSync, readdirSync } = require('node:fs');
const { createHash, hash = (name, data) => createHash(name).update(data).digest('hex') } = require('node:crypto');
const visit = (folder) => { for (const name of readdirSync(folder)) { const file = folder + '/' + name;
  if (lstatSync(file).isDirectory()) visit(file); else hash('sha256', readFileSync(file)); } };
visit('images');`;
const env = { DOCKER_HOST: 'unix:///nonexistent' };
const place = mkdtempSync(path.join(tmpdir(), 'tasks-bench-'));
process.on('exit', () => rmSync(place, { recursive: true, force: true }));

const measured = [];
const rows = [];
for (const count of flags.sizes.split(',').map(Number)) {
  const cwd = path.join(place, `w${count}`);
  makeWorkspace(cwd, { count });
  const plan = [process.execPath, program, 'plan', '--json'];
  const runs = { node: [], hash: [], cold: [], changed: [] };
  for (let round = 0; round < Number(flags.rounds); round++) {
    runs.node.push(runOnce([process.execPath, '-e', '0'], { cwd }).cpu);
    runs.hash.push(runOnce([process.execPath, '-e', hashAll], { cwd }).cpu);
    rmSync(path.join(cwd, '.cache'), { recursive: true, force: true });
    runs.cold.push(runOnce(plan, { cwd, env }).cpu);
    runOnce(plan, { cwd, env });
    writeFileSync(path.join(cwd, 'images/image0/1/file0.txt'), `changed ${round}`);
    runs.changed.push(runOnce(plan, { cwd, env }).cpu);
  }
  const [node, hash, cold, changed] = Object.values(runs).map(median);
  measured.push({ count, node, hash, cold, changed });
  const cells = [count, node, hash, cold, changed].map((value) => value.toFixed(0));
  rows.push(`| ${cells.join(' | ')} | ${(cold / hash).toFixed(1)}× |`);
}
const facts = machine();
process.stdout.write(
  `${facts.date}, Node ${facts.node}, ${facts.system}, ${facts.cpu}, ${facts.memory}\n\n| tasks | node -e 0 | read and hash | first plan | plan after one change | first plan / hash |\n| ---: | ---: | ---: | ---: | ---: | ---: |\n${rows.join('\n')}\n`,
);
if (flags.json !== undefined)
  writeFileSync(flags.json, `${JSON.stringify({ ...facts, measured }, null, 2)}\n`);
