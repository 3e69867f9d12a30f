// Workspaces for benchmarks: N image tasks with ten files each, defined in TypeScript as a person would write them.
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** The number of versions per definition, and of definitions per file. */
const versionsEach = 10;
const definitionsEach = 5;

/**
 * Makes a workspace of `count` tasks in `folder`, which it empties first. Each task has a folder `images/<name>/<version>` with a
 * Dockerfile and `files` files of `bytes` bytes, which differ with `salt`. Each definition in a file needs the one before it.
 * Returns the tasks: `{ name, version, folder, needs }`.
 */
export function makeWorkspace(folder, { count, files = 10, bytes = 4096, salt = '' }) {
  rmSync(folder, { recursive: true, force: true });
  const tasks = [];
  const definitions = Math.ceil(count / versionsEach);
  for (let number = 0; number < definitions; number++) {
    const isFirst = number % definitionsEach === 0;
    const versions = Math.min(versionsEach, count - number * versionsEach);
    for (let version = 1; version <= versions; version++) {
      const name = `image${number}`;
      tasks.push({
        name,
        version: String(version),
        folder: `images/${name}/${version}`,
        needs: isFirst ? [] : [`image${number - 1}:${version}`],
      });
    }
  }
  for (const task of tasks) writeTask(folder, task, { files, bytes, salt });
  mkdirSync(path.join(folder, 'tasks'));
  for (let first = 0; first < definitions; first += definitionsEach)
    writeFileSync(
      path.join(folder, `tasks/group${first / definitionsEach}.ts`),
      definitionsFile(first, Math.min(first + definitionsEach, definitions), count),
    );
  return tasks;
}

function writeTask(folder, task, { files, bytes, salt }) {
  const own = path.join(folder, task.folder);
  mkdirSync(own, { recursive: true });
  const isBase = task.needs.length === 0;
  writeFileSync(
    path.join(own, 'Dockerfile'),
    `${isBase ? 'FROM scratch\n' : 'ARG BASE\nFROM $BASE\n'}COPY file* /${task.name}/\nLABEL maintainer=nobody\n`,
  );
  for (let number = 0; number < files; number++)
    writeFileSync(path.join(own, `file${number}.txt`), content(`${salt}${task.folder}/${number}`, bytes));
}

/** Returns a text that depends only on the name. */
export function content(name, bytes) {
  const digest = createHash('sha256').update(name).digest('hex');
  return `${digest}\n`.repeat(Math.ceil(bytes / 65)).slice(0, bytes);
}

function definitionsFile(first, end, count) {
  const lines = ["import { image } from 'image-tasks';", ''];
  for (let number = first; number < end; number++) {
    const versions = Math.min(versionsEach, count - number * versionsEach);
    const list = Array.from({ length: versions }, (_, at) => `'${at + 1}'`).join(', ');
    lines.push(
      `export const image${number} = image({`,
      `  name: 'image${number}',`,
      `  versions: [${list}],`,
      `  context: (version) => \`images/image${number}/\${version}\`,`,
      ...(number === first ? [] : [`  needs: { BASE: image${number - 1} },`]),
      '});',
      '',
    );
  }
  return lines.join('\n');
}
