// `node bench/scale.mjs`: measures the CPU time of each stage for up to 50,000 tasks, in milliseconds and in microseconds per task.
// See scale.ts.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { environment, machine } from './measure.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const place = mkdtempSync(path.join(tmpdir(), 'tasks-scale-'));
process.on('exit', () => rmSync(place, { recursive: true, force: true }));
symlinkSync(path.join(root, 'node_modules'), path.join(place, 'node_modules'));
const program = path.join(place, 'scale.mjs');
await build({
  absWorkingDir: root,
  entryPoints: ['bench/scale.ts'],
  outfile: program,
  bundle: true,
  platform: 'node',
  format: 'esm',
  external: ['esbuild'],
  banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  logLevel: 'error',
});
const measured = [20, 200, 1000, 5000, 20_000, 50_000].map((count) =>
  JSON.parse(
    execFileSync(process.execPath, [program, String(count)], { env: environment(), encoding: 'utf8' }),
  ),
);
const facts = machine();
const stages = Object.keys(measured[0].figures).filter((stage) => !stage.startsWith('('));
const rows = stages.map((stage) => [
  stage,
  ...measured.map(
    ({ count, figures }) => `${figures[stage].toFixed(0)} (${((figures[stage] * 1000) / count).toFixed(0)})`,
  ),
]);
const table = [
  ['ms (µs a task)', ...measured.map(({ count }) => `${count} tasks`)],
  ['---', ...measured.map(() => '---:')],
  ...rows,
  ['memory, MB', ...measured.map(({ rss }) => rss.toFixed(0))],
];
process.stdout.write(
  `${facts.date}, Node ${facts.node}, ${facts.cpu}\n\n${table.map((row) => `| ${row.join(' | ')} |`).join('\n')}\n`,
);
