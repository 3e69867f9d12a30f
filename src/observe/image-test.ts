import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { type Disk, pathKind } from '../disk/disk.ts';
import type { Memo } from '../incremental/memo.ts';
import { TasksError } from '../model/errors.ts';
import type { FileEntry } from '../model/observed.ts';
import type { ContextEntry } from '../model/ports.ts';
import type { ImageTask, Task } from '../model/task.ts';
import { explainMissingSource } from './missing-source.ts';
import { readEntry, Unreadable } from './walk.ts';

/** The test of an image, as it is copied into a container. */
export interface ObservedTest {
  /** Copied to `/` in the container. */
  readonly files: readonly ContextEntry[];
  /** The path of the program in the container. */
  readonly program: string;
  /** SHA-256 (hex) of the test's files and of everything that is passed to it, except for the image. */
  readonly digest: string;
}

/** The folder of the test in the container, below `/`. */
const testFolder = 'tasks-test';

/**
 * Reads the test of a task. Returns undefined for a task without a test. Follows symlinks: the container gets their targets.
 * `root` is the project root, absolute.
 * @throws TasksError (exit 2) if it cannot be read, or a symlink is broken or part of a loop
 */
export function observeTest(task: Task, root: string, memo: Memo): ObservedTest | undefined {
  if (task.kind !== 'image' || task.test === undefined) return undefined;
  const source = path.join(root, task.test);
  try {
    return readTest(task, source, memo);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!(error instanceof Unreadable) && code === undefined) throw error;
    throw new TasksError(2, `${task.where.file} › ${task.name} › test: ${message}`, { cause: error });
  }
}

function readTest(task: Task & { kind: 'image' }, source: string, memo: Memo): ObservedTest {
  const isFolder = statSync(source).isDirectory();
  const name = path.basename(source);
  const unsorted = isFolder ? readFolder(source, '', memo, []) : readPath(source, name, memo, []);
  const entries = unsorted.sort((a, b) => (a.entry.path < b.entry.path ? -1 : 1));
  const main = isFolder ? 'run' : name;
  const files = entries.map(({ entry, source: file }): ContextEntry => {
    // The script is executable in the container even if it is not in the project.
    const copied = entry.type === 'file' && entry.path === main ? { ...entry, executable: true } : entry;
    return { entry: { ...copied, path: `${testFolder}/${entry.path}` }, source: file };
  });
  const inputs = JSON.stringify([task.args, task.version, entries.map(({ entry }) => entry)]);
  return {
    files: [{ entry: { path: testFolder, type: 'dir' }, source: '' }, ...files],
    program: `/${testFolder}/${main}`,
    digest: createHash('sha256').update(inputs).digest('hex'),
  };
}

/** Reads a path, following symlinks. `name` is its path in the test, `parents` are the real folders that contain it. */
function readPath(file: string, name: string, memo: Memo, parents: readonly string[]): ContextEntry[] {
  const real = resolveLinks(file);
  if (statSync(real).isDirectory()) {
    if (parents.some((folder) => `${folder}/`.startsWith(`${real}/`)))
      throw new Unreadable(`${file} is a symlink to ${real}, which contains it`);
    const folder: FileEntry = { path: name, type: 'dir' };
    return [{ entry: folder, source: '' }, ...readFolder(real, `${name}/`, memo, parents)];
  }
  const entry = readEntry(real, name, memo);
  return entry === undefined ? [] : [{ entry, source: real }];
}

function readFolder(folder: string, prefix: string, memo: Memo, parents: readonly string[]): ContextEntry[] {
  const real = realpathSync(folder);
  return readdirSync(real).flatMap((name) =>
    readPath(path.join(real, name), prefix + name, memo, [...parents, real]),
  );
}

function resolveLinks(file: string): string {
  try {
    return realpathSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new Unreadable(`${file} is a broken symlink`);
    if (code === 'ELOOP') throw new Unreadable(`${file} is a symlink loop`);
    throw error;
  }
}

/**
 * Returns why the test of a task cannot run: it is missing, or a folder without `run`. Undefined if nothing is known. `root`: absolute.
 * The mode of a script does not matter: it is executable in the container.
 */
export function findTestFault({ test }: ImageTask, root: string, disk: Disk): string | undefined {
  if (test === undefined) return undefined;
  const kind = pathKind(disk, path.join(root, test));
  if (kind === 'file') return undefined;
  if (kind === 'folder')
    return pathKind(disk, path.join(root, test, 'run')) === 'file'
      ? undefined
      : `the test ${test} has no file run: a test is a script, or a folder with an executable run`;
  const hint = kind === 'missing' ? explainMissingSource(test, root) : undefined;
  return `the test ${test} ${missingWords[kind]}${hint === undefined ? '' : `; ${hint}`}`;
}

const missingWords = { missing: 'does not exist', circle: 'is a symlink loop', other: 'is not a file' };

/** The number of bytes that the kernel reads to find the interpreter of a script. */
const shebangBytes = 256;

/**
 * Returns why the program of a test cannot start, if its first line shows it; undefined otherwise. The engine would only say
 * "no such file".
 */
export function explainStartFailure({ files, program }: ObservedTest): string | undefined {
  const main = files.find(({ entry }) => `/${entry.path}` === program);
  if (main?.entry.type !== 'file') return undefined;
  const [line = ''] = readHead(main.source).split('\n');
  if (!/^#!.*\r$/.test(line)) return undefined;
  return 'the first line ends with a carriage return (CRLF), so its interpreter cannot be found; save the file with Unix line endings (LF)';
}

function readHead(file: string): string {
  const bytes = Buffer.alloc(shebangBytes);
  const opened = openSync(file, 'r');
  try {
    return bytes.toString('latin1', 0, readSync(opened, bytes));
  } finally {
    closeSync(opened);
  }
}
