import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { makeProject, runCli } from './cli.ts';
import { tempFolder } from './temp.ts';

const dockerfiles = [
  'FROM scratch\nARG V\nARG N\nCOPY dir /dir\nCOPY *.cfg /\n',
  'FROM scratch\nARG V\nARG N\nCOPY dir/sub /dir\n',
  'FROM scratch\nARG V\nARG N\nCOPY . /\n',
];
const ignores = ['dir/skip*\n', 'dir/a\n', '', '**/n1\n!dir\n'];
const environments: Record<string, string>[] = [{}, { E: '1' }, { E: '2' }, { F: '1' }];

/** A project over the same files, with the given definitions. */
const project = (definitions: string): string =>
  makeProject(definitions, {
    'lib/n.ts': "export const n = 'a';\n",
    'base/Dockerfile': dockerfiles[0]!,
    'base/.dockerignore': ignores[0]!,
    'base/dir/a': 'aaa',
    'base/dir/b': 'bbb',
    'base/dir/skip1': 'x',
    'base/dir/sub/c': 'ccc',
    'base/x.cfg': '1',
    'app/Dockerfile': 'ARG BASE\nFROM $BASE\nARG E\nCOPY . /app\n',
    'app/run*': '#!/bin/sh\n',
    'app/f': 'ff',
    'inputs/i.txt': 'i',
  });

/** What may happen to a project between two runs; `pick` takes one of a list. Each says what it did. */
const happenings: ((root: string, pick: <T>(list: readonly T[]) => T) => string)[] = [
  (root, pick) => {
    const file = pick(plainFiles(root));
    const before = path.join(tempFolder(), 'before');
    execFileSync('cp', ['-p', file, before]);
    writeFileSync(file, another(file, pick));
    if (pick([true, false])) execFileSync('touch', ['-r', before, file]);
    return `edited ${file}`;
  },
  (root, pick) => {
    const file = pick(plainFiles(root));
    writeFileSync(`${file}.new`, another(file, pick), { mode: statSync(file).mode });
    execFileSync('touch', ['-r', file, `${file}.new`]);
    renameSync(`${file}.new`, file);
    return `another file of the same time in the place of ${file}`;
  },
  (root, pick) => {
    const folder = path.join(root, pick(['base', 'base/dir', 'app', 'app/new', 'inputs']));
    const name = pick(['skip9', 'n1', 'y.cfg', 'z.txt']);
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, name), 'n');
    return `added ${folder}/${name}`;
  },
  (root, pick) => {
    const files = plainFiles(root);
    if (files.length < 4) return 'nothing';
    const file = pick(files);
    rmSync(file);
    return `removed ${file}`;
  },
  (root, pick) => {
    const file = pick(plainFiles(root));
    chmodSync(file, pick([0o644, 0o755, 0o600]));
    return `mode of ${file}`;
  },
  (root, pick) => {
    const link = path.join(root, pick(['base/dir/l', 'app/l']));
    rmSync(link, { force: true });
    symlinkSync(pick(['a', 'b', 'nowhere']), link);
    return `link ${link}`;
  },
  (root, pick) => {
    const folder = path.join(root, pick(['base/dir/empty', 'app/empty']));
    if (existsSync(folder)) rmSync(folder, { recursive: true });
    else mkdirSync(folder);
    return `empty ${folder}`;
  },
  (root, pick) => {
    const file = path.join(
      root,
      pick(['base/.dockerignore', 'app/.dockerignore', 'base/Dockerfile.dockerignore']),
    );
    if (pick([true, false])) rmSync(file, { force: true });
    else writeFileSync(file, pick(ignores));
    return `ignore file ${file}`;
  },
  (root, pick) => {
    writeFileSync(path.join(root, 'base/Dockerfile'), pick(dockerfiles));
    return 'Dockerfile';
  },
  (root, pick) => {
    writeFileSync(path.join(root, 'lib/n.ts'), `export const n = '${pick(['a', 'b', 'c'])}';\n`);
    return 'definition';
  },
  (root, pick) => {
    const [from, to] = pick([
      ['sub', 'bus'],
      ['bus', 'sub'],
      ['a', 'b'],
      ['b', 'a'],
    ]).map((name) => path.join(root, 'base/dir', name));
    if (!existsSync(from!)) return 'nothing';
    if (existsSync(to!)) renameSync(to!, `${to}.old`);
    renameSync(from!, to!);
    return `${from} is ${to}`;
  },
  () => 'nothing',
];

/** Those that tasks can do without. */
function plainFiles(root: string): string[] {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8', withFileTypes: true });
  return names
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => !/\.cache|Dockerfile$|\.ts$|app\/run$/.test(file));
}

/** A text of the same size. */
function another(file: string, pick: <T>(list: readonly T[]) => T): string {
  return readFileSync(file, 'latin1').replace(/.$/s, pick(['p', 'q', 'r', 's']));
}

async function keysOf(cwd: string, env: Readonly<Record<string, string>>): Promise<string> {
  const { out, err } = await runCli(['plan', '--json'], { cwd, env });
  if (out === '') return err.replaceAll(cwd, '.');
  const { tasks } = JSON.parse(out) as { tasks: { id: string; key: string }[] };
  return tasks.map(({ id, key }) => `${id} ${key}`).join('\n');
}

/**
 * Builds a project, lets things happen to it, and compares the keys that what is remembered gives with those of a checkout
 * that remembers nothing; again and again. `rounds` and `seed` may come from TASKS_MUTATIONS and TASKS_MUTATION_SEED.
 */
export async function assertCachedKeysMatchFresh(definitions: string, rounds: number): Promise<void> {
  const root = project(definitions);
  const seed = Number(process.env.TASKS_MUTATION_SEED ?? 1);
  const random = fc.sample(fc.infiniteStream(fc.nat()), { seed, numRuns: 1 })[0]!;
  const pick = <T>(list: readonly T[]): T => list[(random.next().value as number) % list.length]!;
  for (let round = 1; round <= Number(process.env.TASKS_MUTATIONS ?? rounds); round++) {
    const env = pick(environments);
    // What is not made has no record, and is read in full.
    await runCli(['build'], { cwd: root, env });
    const did = pick(happenings)(root, pick);
    const warm = await keysOf(root, env);
    const fresh = path.join(tempFolder(), 'copy');
    execFileSync('cp', ['-a', root, fresh]);
    rmSync(path.join(fresh, '.cache'), { recursive: true });
    assert.is(warm, await keysOf(fresh, env), `round ${round}: ${did}`);
    rmSync(fresh, { recursive: true });
  }
}
