// `node bench/docker.mjs`: measures builds of real images in the engine of this machine with `tasks`, with make and
// `docker build`, and with `docker buildx bake` if the client has that plug-in: everything new; everything in the engine's build
// cache, but no image and no `.cache`; nothing to do; one changed file.
// `--sizes 18,60,200`, `--rounds 3`, `--jobs 2`, `--context 500` (only one image, with a context of so many megabytes),
// `--json FILE`. Each tool builds files that were never built before.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { contestants } from './contestants.mjs';
import { machine, median, peakMemory, runOnce } from './measure.mjs';
import { content, makeWorkspace } from './workspace.mjs';

const { values: flags } = parseArgs({
  options: {
    sizes: { type: 'string', default: '18,60,200' },
    rounds: { type: 'string', default: '3' },
    jobs: { type: 'string', default: '2' },
    context: { type: 'string' },
    json: { type: 'string' },
  },
});
const docker = 'docker';
const { stdout: server, status } = spawnSync(docker, ['version', '--format', '{{.Server.Version}}'], {
  encoding: 'utf8',
});
if (status !== 0) {
  process.stderr.write('no docker engine answers (`npx tasks doctor --fix` starts one on Debian)\n');
  process.exit(1);
}
const env = { DOCKER_BUILDKIT: '1' };
const place = mkdtempSync(path.join(tmpdir(), 'tasks-bench-'));
const all = contestants(docker, server, flags.jobs);
process.on('exit', () => {
  rmSync(place, { recursive: true, force: true });
  for (const { repo } of all) removeImages(repo);
});

/** Removes the images of a tool with all of their tags. The engine keeps its build cache. */
function removeImages(repo) {
  const listed = execFileSync(docker, ['images', '--no-trunc', '--format', '{{.ID}} {{.Repository}}'], {
    encoding: 'utf8',
  });
  const own = listed
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, repository]) => repository?.startsWith(`${repo}/`));
  if (own.length > 0)
    spawnSync(docker, ['rmi', '--force', ...new Set(own.map(([id]) => id))], { stdio: 'ignore' });
}

/** Runs commands one after the other. Returns the CPU time of the clients and the wall time, in milliseconds. */
function run(commands, cwd) {
  const runs = commands.map((argv) => runOnce(argv, { cwd, env }));
  const sum = (of) => runs.reduce((total, each) => total + of(each), 0);
  return { cpu: sum(({ cpu }) => cpu), wall: sum(({ wall }) => wall) };
}

const cases = ['everything new', 'all cached', 'nothing to do', 'a file of a leaf', 'a file of a base'];

/** Runs one tool, from its first build. Returns the measurements of each case. */
function play(contestant, count, salt) {
  const { repo, prepare, commands } = contestant;
  // Files are deleted only at the end: for minutes after a deletion, ext4 creates files more slowly (recently_deleted, fs/ext4/ialloc.c).
  const cwd = path.join(mkdtempSync(path.join(place, 'play-')), 'workspace');
  removeImages(repo);
  const tasks = makeWorkspace(cwd, { count, salt });
  prepare(cwd, tasks);
  const change = ({ folder }) =>
    writeFileSync(path.join(cwd, folder, 'file0.txt'), content(`${salt} changed ${folder}`, 4096));
  const first = run(commands({ all: true }), cwd);
  removeImages(repo);
  if (existsSync(path.join(cwd, '.cache')))
    renameSync(path.join(cwd, '.cache'), path.join(cwd, '../removed'));
  const cached = run(commands({ all: true }), cwd);
  const idle = run(commands({ all: false }), cwd);
  change(tasks.at(-1));
  const leaf = run(commands({ all: false }), cwd);
  change(tasks[0]);
  const base = run(commands({ all: true }), cwd);
  removeImages(repo);
  return [first, cached, idle, leaf, base];
}

/** Returns the medians of each case, or the error of a tool that failed. */
function race(count) {
  const raced = all.map((contestant) => ({ contestant, rounds: [], failure: undefined }));
  for (let round = 0; round < Number(flags.rounds); round++)
    for (const each of raced.filter(({ failure }) => failure === undefined))
      try {
        const salt = `${process.pid} ${Date.now()} ${each.contestant.name}`;
        each.rounds.push(play(each.contestant, count, salt));
      } catch (error) {
        each.failure = error.message.replace(/\s+/g, ' ');
      }
  return raced.map(({ contestant: { name }, rounds, failure }) => {
    const mid = (index, of) => median(rounds.map((costs) => of(costs[index])));
    if (failure !== undefined) return { name, failure };
    return {
      name,
      cases: cases.map((_, index) => ({
        cpu: mid(index, ({ cpu }) => cpu),
        wall: mid(index, ({ wall }) => wall),
      })),
    };
  });
}

/** Measures an image with one large file: wall time in milliseconds, and the peak memory of the largest process in MB. */
function largeContext(megabytes) {
  return all.map((contestant) => {
    const cwd = path.join(place, 'large');
    const tasks = makeWorkspace(cwd, { count: 1, files: 1, bytes: 0 });
    contestant.prepare(cwd, tasks);
    const file = path.join(cwd, tasks[0].folder, 'file0.txt');
    const [argv] = contestant.commands({ all: false });
    const fresh = () =>
      execFileSync('dd', ['if=/dev/urandom', `of=${file}`, 'bs=1M', `count=${megabytes}`], {
        stdio: 'ignore',
      });
    fresh();
    const { wall } = runOnce(argv, { cwd, env });
    fresh();
    const memory = peakMemory(argv, { cwd, env });
    removeImages(contestant.repo);
    rmSync(cwd, { recursive: true, force: true });
    return { name: contestant.name, wall, memory };
  });
}

const row = (cells) => `| ${cells.join(' | ')} |\n`;

function table(raced) {
  const seconds = (ms) => (ms / 1000).toFixed(ms < 1000 ? 2 : 1);
  const cell = ({ wall, cpu }) => `${seconds(wall)} (${seconds(cpu)})`;
  const rows = raced.map(({ name, cases: costs, failure }) =>
    row([name, ...(costs?.map(cell) ?? [`failed: ${failure}`])]),
  );
  return (
    row(['wall s (CPU of the clients)', ...cases]) + row(['---', ...cases.map(() => '---:')]) + rows.join('')
  );
}

const measured = [];
if (flags.context === undefined) {
  for (const count of flags.sizes.split(',').map(Number)) {
    const raced = race(count);
    measured.push({ count, raced });
    process.stdout.write(`${count} images\n\n${table(raced)}\n`);
  }
} else {
  const raced = largeContext(Number(flags.context));
  measured.push({ context: Number(flags.context), raced });
  process.stdout.write(row(['', 'wall s', 'peak memory MB']) + row(['---', '---:', '---:']));
  for (const { name, wall, memory } of raced)
    process.stdout.write(row([name, (wall / 1000).toFixed(1), memory.toFixed(0)]));
}
const facts = machine();
process.stdout.write(
  `${facts.date}, docker ${server.trim()}, Node ${facts.node}, ${facts.cpu}, ${facts.memory}\n`,
);
if (flags.json !== undefined)
  writeFileSync(flags.json, `${JSON.stringify({ ...facts, docker: server.trim(), measured }, null, 2)}\n`);
