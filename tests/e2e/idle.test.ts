import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openRecords } from '../../src/cache/records.ts';
import { runCli } from '../support/cli.ts';
import { tempFolder, waitUntilSettled, writeFiles } from '../support/temp.ts';

// Limits the file system accesses of runs with nothing to do. These are counts, which are the same on every machine, not times.
const test = suite('e2e: nothing to do');
const filesEach = 5;
/** Node modules for sockets, definitions and V8's compile cache. Others, such as http, crypto or zlib, take milliseconds to load. */
const allowedModules = [
  'vm',
  'module',
  'process',
  'os',
  'net',
  'stream',
  'string_decoder',
  'diagnostics_channel',
];

/** Creates a project of `count` images with five files each, all of them built, and its engine. */
async function project(
  count: number,
): Promise<{ root: string; env: Record<string, string>; engine: Server }> {
  const root = tempFolder();
  const versions = Array.from({ length: count }, (_, index) => `${index + 1}`);
  writeFiles(root, {
    'tasks/images.ts': `import { image } from 'image-tasks';\nexport const a = image({ name: 'a', versions: ${JSON.stringify(versions)}, context: (v) => 'images/' + v });\n`,
    'tasks/lib.ts': 'export const nothing = 1;\n',
  });
  for (const version of versions) {
    writeFiles(root, { [`images/${version}/Dockerfile`]: 'FROM scratch\nCOPY . /\n' });
    for (let file = 1; file < filesEach; file++)
      writeFiles(root, { [`images/${version}/file${file}`]: version });
  }
  waitUntilSettled(path.join(root, 'images', String(count), `file${filesEach - 1}`));
  const socket = path.join(root, 'engine.sock');
  let images: object[] = [];
  const engine = createServer((_, response) => response.end(JSON.stringify(images)));
  engine.listen(socket);
  await once(engine, 'listening');
  const env = { DOCKER_HOST: `unix://${socket}`, HOME: root };
  const planned = JSON.parse((await runCli(['plan', '--json'], { cwd: root, env })).out) as {
    tasks: { id: string; name: string; version: string; key: string }[];
  };
  const records = openRecords(path.join(root, '.cache'), (message) => {
    throw new Error(message);
  });
  for (const { id, key } of planned.tasks) {
    const record = { key, task: id, imageId: `sha256:${key}`, needs: {}, bytes: 1, durationMs: 1 };
    await records.put({ ...record, tags: [], time: '' }, { schema: 1, lines: [] });
  }
  waitUntilSettled(path.join(root, '.cache/records'));
  images = planned.tasks.map(({ id, name, version, key }) => ({
    Id: `sha256:${key}`,
    RepoTags: [`tasks.invalid/${name}:${version}-k${key.slice(0, 12)}`],
    Labels: { 'image-tasks.key': key, 'image-tasks.task': id, 'image-tasks.needs': '{}' },
    Size: 1,
    Created: 0,
  }));
  return { root, env, engine };
}

interface Counts {
  readonly read: string[];
  readonly bytes: number;
  readonly lstat: number;
  readonly stat: number;
  readonly readdir: number;
  /** The number of files opened for reading. */
  readonly opened: number;
  readonly write: string[];
  readonly spawn: string[];
  /** The loaded Node modules. */
  readonly modules: string[];
}

async function count(
  args: string[],
  { root, env }: { root: string; env: Record<string, string> },
): Promise<Counts> {
  const file = path.join(root, 'counts.json');
  const child = spawn(
    process.execPath,
    [
      '--require',
      path.resolve('tests/support/count-fs.cjs'),
      path.resolve('dist/tasks.js'),
      '-C',
      root,
      ...args,
    ],
    { env: { PATH: process.env.PATH, COUNT_FS: file, ...env }, stdio: 'ignore' },
  );
  const [code] = await once(child, 'exit');
  assert.is(code, 0);
  return JSON.parse(readFileSync(file, 'utf8')) as Counts;
}

for (const args of [['build'], ['plan', '--check'], ['graph', '--format', 'json']]) {
  test(`tasks ${args.join(' ')} reads a few files, stats each path once, and starts no process`, async () => {
    const few = await project(3);
    const many = await project(9);
    try {
      for (const each of [few, many])
        for (let run = 0; run < 2; run++) await runCli(['build'], { cwd: each.root, env: each.env });
      const [small, large] = [await count(args, few), await count(args, many)];
      for (const counts of [small, large]) {
        assert.equal(counts.write, []);
        assert.equal(counts.spawn, []);
        assert.equal(
          counts.modules.filter((name) => !allowedModules.includes(name)),
          [],
        );
        // No libraries from dist/lib.
        const names = counts.read.map((file) => path.basename(file));
        for (const name of names)
          assert.match(
            name,
            /^(tasks\.js|program\.js|program-.*\.compiled|index\.json|[0-9a-f]{16}\.js|traces|records\.pack)$/,
          );
        assert.ok(counts.read.length <= 7, counts.read.join(' '));
        assert.ok(counts.readdir <= 3, `${counts.readdir} folders`);
      }
      // One for each file and its folder; nothing else grows with the number of tasks.
      assert.is(large.lstat - small.lstat, 6 * (filesEach + 1));
      assert.is(large.stat, small.stat);
      assert.is(large.readdir, small.readdir);
      assert.ok(large.bytes - small.bytes < 6 * 2_000, `${large.bytes - small.bytes} bytes for six tasks`);
    } finally {
      few.engine.close();
      many.engine.close();
    }
  });
}

test('a first plan stats each path once and opens each file once', async () => {
  const few = await project(3);
  const many = await project(9);
  try {
    const first = async (each: typeof few): Promise<Counts> => {
      // This run packs the records into one file.
      await runCli(['plan'], { cwd: each.root, env: each.env });
      for (const name of ['memo', 'traces']) rmSync(path.join(each.root, '.cache', name));
      return await count(['plan'], each);
    };
    const [small, large] = [await first(few), await first(many)];
    const more = (of: 'lstat' | 'readdir' | 'opened' | 'stat'): number => (large[of] - small[of]) / 6;
    // Each file, its folder, and two ignore files that may exist.
    assert.is(more('lstat'), filesEach + 1 + 2);
    // The folder again after its names were read.
    assert.is(more('stat'), 1);
    // A Dockerfile is read twice: to parse it, and as a file of the context.
    assert.is(more('opened'), filesEach + 1);
    assert.is(more('readdir'), 1);
  } finally {
    few.engine.close();
    many.engine.close();
  }
});

test.run();
