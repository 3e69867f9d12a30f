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

/** Creates a project with the given definitions and fixed files. */
const createProject = (definitions: string): string =>
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

/** Returns a random item of a list. */
type PickOne = <T>(list: readonly T[]) => T;

/** Edits of a project. Each returns a description of what it did. */
const edits: ((root: string, pick: PickOne) => string)[] = [
  (root, pick) => {
    const file = pick(editableFiles(root));
    const before = path.join(tempFolder(), 'before');
    execFileSync('cp', ['-p', file, before]);
    writeFileSync(file, changedText(file, pick));
    if (pick([true, false])) execFileSync('touch', ['-r', before, file]);
    return `edited ${file}`;
  },
  (root, pick) => {
    const file = pick(editableFiles(root));
    writeFileSync(`${file}.new`, changedText(file, pick), { mode: statSync(file).mode });
    execFileSync('touch', ['-r', file, `${file}.new`]);
    renameSync(`${file}.new`, file);
    return `replaced ${file} with a file of the same time`;
  },
  (root, pick) => {
    const folder = path.join(root, pick(['base', 'base/dir', 'app', 'app/new', 'inputs']));
    const name = pick(['skip9', 'n1', 'y.cfg', 'z.txt']);
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, name), 'n');
    return `added ${folder}/${name}`;
  },
  (root, pick) => {
    const files = editableFiles(root);
    if (files.length < 4) return 'nothing';
    const file = pick(files);
    rmSync(file);
    return `removed ${file}`;
  },
  (root, pick) => {
    const file = pick(editableFiles(root));
    chmodSync(file, pick([0o644, 0o755, 0o600]));
    return `changed the mode of ${file}`;
  },
  (root, pick) => {
    const link = path.join(root, pick(['base/dir/l', 'app/l']));
    rmSync(link, { force: true });
    symlinkSync(pick(['a', 'b', 'nowhere']), link);
    return `changed the link ${link}`;
  },
  (root, pick) => {
    const folder = path.join(root, pick(['base/dir/empty', 'app/empty']));
    if (existsSync(folder)) rmSync(folder, { recursive: true });
    else mkdirSync(folder);
    return `added or removed the empty folder ${folder}`;
  },
  (root, pick) => {
    const file = path.join(
      root,
      pick(['base/.dockerignore', 'app/.dockerignore', 'base/Dockerfile.dockerignore']),
    );
    if (pick([true, false])) rmSync(file, { force: true });
    else writeFileSync(file, pick(ignores));
    return `changed the ignore file ${file}`;
  },
  (root, pick) => {
    writeFileSync(path.join(root, 'base/Dockerfile'), pick(dockerfiles));
    return 'changed the Dockerfile';
  },
  (root, pick) => {
    writeFileSync(path.join(root, 'lib/n.ts'), `export const n = '${pick(['a', 'b', 'c'])}';\n`);
    return 'changed the definition';
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
    return `renamed ${from} to ${to}`;
  },
  () => 'nothing',
];

/** Returns the files whose removal doesn't break the project. */
function editableFiles(root: string): string[] {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8', withFileTypes: true });
  return names
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => !/\.cache|Dockerfile$|\.ts$|app\/run$/.test(file));
}

/** Returns another text of the same size. */
function changedText(file: string, pick: PickOne): string {
  return readFileSync(file, 'latin1').replace(/.$/s, pick(['p', 'q', 'r', 's']));
}

async function planKeys(cwd: string, env: Readonly<Record<string, string>>): Promise<string> {
  const { out, err } = await runCli(['plan', '--json'], { cwd, env });
  if (out === '') return err.replaceAll(cwd, '.');
  const { tasks } = JSON.parse(out) as { tasks: { id: string; key: string }[] };
  return tasks.map(({ id, key }) => `${id} ${key}`).join('\n');
}

/**
 * Builds and randomly edits a project for several rounds, and asserts in each that the keys are the same with and without
 * `.cache`. TASKS_MUTATIONS overrides `rounds`; TASKS_MUTATION_SEED sets the seed.
 */
export async function assertCachedKeysMatchFresh(definitions: string, rounds: number): Promise<void> {
  const root = createProject(definitions);
  const seed = Number(process.env.TASKS_MUTATION_SEED ?? 1);
  const random = fc.sample(fc.infiniteStream(fc.nat()), { seed, numRuns: 1 })[0]!;
  const pick: PickOne = (list) => list[(random.next().value as number) % list.length]!;
  for (let round = 1; round <= Number(process.env.TASKS_MUTATIONS ?? rounds); round++) {
    const env = pick(environments);
    // A task that was never built has no record, so it would always be read in full.
    await runCli(['build'], { cwd: root, env });
    const edit = pick(edits)(root, pick);
    const cached = await planKeys(root, env);
    const fresh = path.join(tempFolder(), 'copy');
    execFileSync('cp', ['-a', root, fresh]);
    rmSync(path.join(fresh, '.cache'), { recursive: true });
    assert.is(cached, await planKeys(fresh, env), `round ${round}: ${edit}`);
    rmSync(fresh, { recursive: true });
  }
}
