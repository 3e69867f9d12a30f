// Runs a small project a few times with an engine that has its images, so that launch.ts can store the compiled code of a
// build with nothing to do. Failures are ignored: without compiled code, only the first runs take longer.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const definitions = `import { command, image, matrix, project } from 'image-tasks';
export default project({ repo: 'a' });
export const base = image({ name: 'base', versions: ['1', '2'], context: (version) => 'base/' + version });
const cells = matrix({ pg: ['1', '2'], os: ['a', 'b'] }, { version: (cell) => cell.pg + '-' + cell.os });
export const made = command({ name: 'made', run: ['true'], inputs: ['app/*'] });
export const app = image({ name: 'app', versions: cells, context: 'app', args: (cell) => cell, needs: (cell) => ({ BASE: base.at(cell.pg) }) });
`;

/** Runs a program, by its file, until it has nothing to do. */
export async function train(program) {
  const root = mkdtempSync(path.join(tmpdir(), 'tasks-'));
  const socket = path.join(root, 'engine.sock');
  let images = [];
  const engine = http.createServer((_, response) => response.end(JSON.stringify(images)));
  const tasks = async (...args) => {
    const env = { PATH: process.env.PATH, HOME: root, DOCKER_HOST: `unix://${socket}` };
    const run = promisify(execFile)(process.execPath, [program, '-C', root, ...args], { env });
    return (await run.catch((error) => error)).stdout;
  };
  try {
    writeProject(root);
    await new Promise((resolve) => engine.listen(socket, resolve));
    const { tasks: planned } = JSON.parse(await tasks('plan', '--json'));
    const built = planned.filter(({ name }) => name !== 'made');
    const ids = new Map(built.map(({ id }, number) => [id, `sha256:${String(number).padStart(64, '0')}`]));
    images = built.map((task) => imageOf(task, ids));
    // The first run runs the command. The second remembers the files, which are old enough by then.
    for (let runs = 0; runs < 3; runs++) await tasks('build');
  } finally {
    engine.close();
    rmSync(root, { recursive: true, force: true });
  }
}

function writeProject(root) {
  for (const folder of ['tasks', 'base/1', 'base/2', 'app'])
    mkdirSync(path.join(root, folder), { recursive: true });
  writeFileSync(path.join(root, 'tasks/images.ts'), definitions);
  for (const version of ['1', '2'])
    writeFileSync(path.join(root, `base/${version}/Dockerfile`), 'FROM scratch\nCOPY Dockerfile /\n');
  writeFileSync(path.join(root, 'app/Dockerfile'), 'ARG BASE\nFROM $BASE\nARG pg\nCOPY . /\n');
  writeFileSync(path.join(root, 'app/.dockerignore'), 'tmp\n');
}

/** Returns the entry of a built image in the engine's list. `ids`: the IDs of the images, by task. */
function imageOf({ id, name, version, key, needs }, ids) {
  const needed = Object.fromEntries(needs.map((need) => [need, ids.get(need)]));
  return {
    Id: ids.get(id),
    RepoTags: [`tasks.invalid/${name}:${version}-k${key.slice(0, 12)}`],
    Labels: {
      'image-tasks.key': key,
      'image-tasks.task': id,
      'image-tasks.needs': JSON.stringify(needed),
    },
    Size: 1,
    Created: 0,
  };
}
