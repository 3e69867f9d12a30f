// How long keys take: `node bench/keys.mjs [TASKS]`. As many image tasks (1,000) of ten files of 4 KiB each are read and
// keyed in a process of their own, with an empty memo of digests and with a full one. Prints CPU milliseconds (user and
// system) of opening the memo, observing and keying; the median of five, and all five.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const rounds = 5;
const [filesEach, bytesEach] = [10, 4096];

/** What is measured, as one module: the program's own code between its definitions and its plan. */
const parts = `
export { image } from './src/define/index.ts';
export { makeGraph } from './src/graph/graph.ts';
export { makeKeys } from './src/key/keys.ts';
export { openMemo } from './src/observe/memo.ts';
export { observe } from './src/observe/observe.ts';
`;

const say = (text) => process.stdout.write(`${text}\n`);

function makeProject(folder, count) {
  for (let task = 0; task < count; task++) {
    const context = path.join(folder, `c/${task}`);
    mkdirSync(context, { recursive: true });
    writeFileSync(path.join(context, 'Dockerfile'), `FROM scratch\nARG VERSION\nCOPY . /${task}/\n`);
    for (let file = 0; file < filesEach; file++)
      writeFileSync(
        path.join(context, `file${file}`),
        `${task} ${file} `.repeat(bytesEach).slice(0, bytesEach),
      );
  }
}

/** In a process of its own: keys all tasks once and prints the CPU milliseconds. */
async function measure(module, folder, count) {
  const { image, makeGraph, makeKeys, openMemo, observe } = await import(pathToFileURL(module).href);
  const versions = Array.from({ length: count }, (_, task) => String(task));
  const definition = image({ name: 't', versions, context: (v) => `c/${v}`, args: (v) => ({ VERSION: v }) });
  const declarations = {
    definitions: [{ definition, where: { file: 'tasks/t.ts', name: 't' } }],
    projects: [],
  };
  const graph = makeGraph(declarations, 'linux/amd64');
  const ids = new Set(graph.tasks.keys());
  const before = process.cpuUsage();
  const memo = openMemo(path.join(folder, '.cache/memo'), (message) => {
    throw new Error(message);
  });
  const observations = await observe(graph, ids, {
    root: folder,
    memo,
    environment: {},
    now: new Date(0),
    programId: 'bench',
    lock: new Map(),
  });
  const keys = makeKeys(graph, ids, observations);
  const { user, system } = process.cpuUsage(before);
  if (keys.size !== count) throw new Error(`${keys.size} keys of ${count} tasks`);
  say((user + system) / 1000);
}

async function main(count) {
  const folder = mkdtempSync(path.join(tmpdir(), 'keys-'));
  try {
    // Below the project's own node_modules, where what it imports is found.
    const module = path.join(root, `node_modules/.cache/keys-${process.pid}.mjs`);
    await build({
      stdin: { contents: parts, resolveDir: root },
      outfile: module,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      packages: 'external',
    });
    makeProject(folder, count);
    const once = () => {
      const ran = spawnSync(process.execPath, [
        fileURLToPath(import.meta.url),
        '--measure',
        module,
        folder,
        count,
      ]);
      if (ran.status !== 0) throw new Error(ran.stderr.toString());
      return Number(ran.stdout.toString());
    };
    const report = (what, times) => {
      const sorted = times.map(Math.round).sort((a, b) => a - b);
      say(`${what}  ${sorted[sorted.length >> 1]} ms of CPU  (${sorted.join(', ')})`);
    };
    const cold = Array.from({ length: rounds }, () => {
      rmSync(path.join(folder, '.cache'), { recursive: true, force: true });
      return once();
    });
    report(`${count} tasks, empty memo`, cold);
    report(`${count} tasks, full memo `, Array.from({ length: rounds }, once));
    rmSync(module);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const [flag, ...rest] = process.argv.slice(2);
if (flag === '--measure') await measure(rest[0], rest[1], Number(rest[2]));
else await main(Number(flag ?? 1000));
