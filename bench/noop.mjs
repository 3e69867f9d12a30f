// `node bench/noop.mjs`: measures runs with nothing to do, and runs with one changed leaf that does nothing, of `tasks` and of other
// tools. `--sizes 18,200,1000,5000`, `--peers 18,200` (sizes for tools from npm; '' for none), `--tools turbo,nx` (which of
// them), `--rounds 11`, `--json FILE`. The engine is a stub that lists the images (engine-stub.mjs), and the records are seeded
// (seed.ts): see README.md.
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { environment, interleaved, machine, peakMemory, runOnce } from './measure.mjs';
import { installPeers, prepareMake, preparePackages } from './peers.mjs';
import { makeWorkspace } from './workspace.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const dist = path.join(root, 'dist');
const { values: flags } = parseArgs({
  options: {
    sizes: { type: 'string', default: '18,200,1000,5000' },
    peers: { type: 'string', default: '18,200' },
    tools: { type: 'string', default: '' },
    rounds: { type: 'string', default: '11' },
    json: { type: 'string' },
  },
});
const isAsked = (name) => flags.tools === '' || flags.tools.split(',').includes(name);
const numbers = (text) => text.split(',').filter(Boolean).map(Number);
const place = mkdtempSync(path.join(tmpdir(), 'tasks-bench-'));
const children = [];
process.on('exit', () => {
  for (const child of children) child.kill();
  rmSync(place, { recursive: true, force: true });
});

async function bundleSeed() {
  symlinkSync(path.join(root, 'node_modules'), path.join(place, 'node_modules'));
  await build({
    absWorkingDir: root,
    entryPoints: ['bench/seed.ts'],
    outfile: path.join(place, 'seed.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['esbuild'],
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
    logLevel: 'error',
  });
}

async function serveImages(socket, images) {
  const child = spawn(process.execPath, [path.join(root, 'bench/engine-stub.mjs'), socket, images], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return { DOCKER_HOST: `unix://${socket}` };
}

/** Returns the commands of `tasks` on a seeded workspace. */
async function ours(folder, count) {
  const images = path.join(place, `${count}.json`);
  const programId = `0.1.0-${readFileSync(path.join(dist, 'build-id'), 'utf8')}`;
  execFileSync(process.execPath, [path.join(place, 'seed.mjs'), folder, images, programId], {
    env: environment(),
  });
  const env = await serveImages(path.join(place, `${count}.sock`), images);
  const tasks = (name, ...args) => ({
    name,
    argv: [process.execPath, path.join(dist, 'tasks.js'), ...args],
    cwd: folder,
    env,
  });
  return [
    tasks('tasks build', 'build'),
    tasks('tasks plan', 'plan', '--check'),
    tasks('tasks graph --format json', 'graph', '--format', 'json'),
  ];
}

/** Adds a task that does nothing and that no task needs, for runs with one change. */
const leaf = { name: 'leaf', version: '1', folder: 'leaf', needs: [] };

function addLeaf(folder) {
  mkdirSync(path.join(folder, leaf.folder));
  writeFileSync(path.join(folder, leaf.folder, 'leaf.txt'), 'as it was');
  writeFileSync(
    path.join(folder, 'tasks/leaf.ts'),
    "import { command } from 'image-tasks';\nexport const leaf = command({ name: 'leaf', run: ['true'], inputs: ['leaf/leaf.txt'] });\n",
  );
}

/** Returns the same contestants, with a change of the leaf before each run. */
function leafChanged(contestants, file) {
  let count = 0;
  return contestants.map((each) => ({
    ...each,
    name: `${each.name}, one leaf changed`,
    before() {
      writeFileSync(file, `change ${count++}`);
      // `tasks` does not remember files that are as new as the clock. No person runs it that soon after a change.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    },
  }));
}

/** Returns the measurements of the contestants that succeed, and the errors of the others. The first runs are not counted. */
function race(contestants) {
  const reasons = {};
  const good = contestants.filter((each) => {
    try {
      for (let run = 0; run < 3; run++) {
        each.before?.();
        runOnce(each.argv, each);
      }
      return true;
    } catch (error) {
      reasons[each.name] = error.message.replace(/\s+/g, ' ').slice(0, 160);
      return false;
    }
  });
  const results = interleaved(good, Number(flags.rounds));
  for (const each of good.slice(0, 2)) results[each.name].memory = peakMemory(each.argv, each);
  return { results, reasons };
}

async function measure(count, modules) {
  const folder = path.join(place, `w${count}`);
  const tasks = [...makeWorkspace(folder, { count }), leaf];
  addLeaf(folder);
  const own = await ours(folder, count);
  const makers = prepareMake(folder, tasks);
  const idle = [{ name: 'node -e 0', argv: [process.execPath, '-e', '0'], cwd: folder }, ...own, ...makers];
  const changed = leafChanged([own[0], ...makers], path.join(folder, 'leaf/leaf.txt'));
  if (modules !== undefined) {
    const packages = path.join(place, `p${count}`);
    const copy = (task, to) => {
      mkdirSync(path.dirname(to), { recursive: true });
      cpSync(path.join(folder, task.folder), to, { recursive: true });
    };
    const others = preparePackages(packages, tasks, modules, copy).filter(({ name }) => isAsked(name));
    idle.push(...others);
    changed.push(...leafChanged(others, path.join(packages, 'packages/leaf-1/leaf.txt')));
  }
  const races = [race(idle), race(changed)];
  for (const each of [folder, path.join(place, `p${count}`)]) rmSync(each, { recursive: true, force: true });
  const all = (part) => Object.assign({}, ...races.map((each) => each[part]));
  return { count, results: all('results'), reasons: all('reasons') };
}

function table(measured) {
  const names = [
    ...new Set(
      measured.flatMap(({ results, reasons }) => [...Object.keys(results), ...Object.keys(reasons)]),
    ),
  ];
  const cell = ({ results }, name) => {
    const own = results[name];
    if (own === undefined) return '';
    return `${own.cpu.toFixed(0)} (${(own.cpu / results['node -e 0'].cpu).toFixed(1)}×)`;
  };
  const rows = names.map((name) => [name, ...measured.map((each) => cell(each, name))]);
  const memory = measured.map(({ results }) =>
    ['node -e 0', 'tasks build'].map((name) => results[name]?.memory?.toFixed(0) ?? '').join(' / '),
  );
  return [
    ['CPU ms (× Node)', ...measured.map(({ count }) => `${count} tasks`)],
    measured.map(() => '---:').toSpliced(0, 0, '---'),
    ...rows,
    ['peak memory MB, Node / tasks build', ...memory],
  ]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
}

await bundleSeed();
const peerSizes = numbers(flags.peers);
const modules = peerSizes.length > 0 ? installPeers() : undefined;
const measured = [];
for (const count of numbers(flags.sizes)) {
  process.stderr.write(`${count} tasks…\n`);
  measured.push(await measure(count, peerSizes.includes(count) ? modules : undefined));
  process.stderr.write(`${table(measured.slice(-1))}\n`);
}
const facts = machine();
process.stdout.write(
  `${facts.date}, Node ${facts.node}, ${facts.system}, ${facts.cpu}, ${facts.memory}\n\n${table(measured)}\n`,
);
for (const { count, reasons } of measured)
  for (const [name, reason] of Object.entries(reasons))
    process.stdout.write(`\n${name} at ${count}: not measured: ${reason}\n`);
if (flags.json !== undefined)
  writeFileSync(flags.json, `${JSON.stringify({ ...facts, measured }, null, 2)}\n`);
process.exit();
