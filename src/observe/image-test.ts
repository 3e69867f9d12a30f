import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Memo } from '../incremental/memo.ts';
import { TasksError } from '../model/errors.ts';
import type { FileEntry } from '../model/observed.ts';
import type { ContextEntry } from '../model/ports.ts';
import type { Task } from '../model/task.ts';
import { readEntry, Unreadable } from './walk.ts';

/** An image's test as it is fed into a container. */
export interface ObservedTest {
  /** Put below `/`. */
  readonly files: readonly ContextEntry[];
  /** The program inside the container. */
  readonly program: string;
  /** SHA-256 (hex) of the test's content and of all that it is told; the image is not in it. */
  readonly digest: string;
}

/** Where tests stand in the container. */
const place = 'tasks-test';

/**
 * Reads a task's test; undefined where it has none. Links are followed: the container gets what they lead to, and that counts.
 * `root`: the project's, absolute.
 * @throws TasksError exit 2 where it cannot be read, or a link leads nowhere or in a circle
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
  const followed = isFolder ? below(source, '', memo, []) : follow(source, name, memo, []);
  const entries = followed.sort((a, b) => (a.entry.path < b.entry.path ? -1 : 1));
  const main = isFolder ? 'run' : name;
  const files = entries.map(({ entry, source: file }): ContextEntry => {
    // A test script need not be executable in the project: it is in the container.
    const fixed = entry.type === 'file' && entry.path === main ? { ...entry, executable: true } : entry;
    return { entry: { ...fixed, path: `${place}/${entry.path}` }, source: file };
  });
  const told = JSON.stringify([task.args, task.version, entries.map(({ entry }) => entry)]);
  return {
    files: [{ entry: { path: place, type: 'dir' }, source: '' }, ...files],
    program: `/${place}/${main}`,
    digest: createHash('sha256').update(told).digest('hex'),
  };
}

/** A path as it is named in the test, with what it leads to. `above`: the real folders that it is in. */
function follow(file: string, as: string, memo: Memo, above: readonly string[]): ContextEntry[] {
  const real = leadsTo(file);
  if (statSync(real).isDirectory()) {
    if (above.some((folder) => `${folder}/`.startsWith(`${real}/`)))
      throw new Unreadable(`${file} leads in a circle, back to ${real}`);
    const folder: FileEntry = { path: as, type: 'dir' };
    return [{ entry: folder, source: '' }, ...below(real, `${as}/`, memo, above)];
  }
  const entry = readEntry(real, as, memo);
  return entry === undefined ? [] : [{ entry, source: real }];
}

function below(folder: string, prefix: string, memo: Memo, above: readonly string[]): ContextEntry[] {
  const real = realpathSync(folder);
  return readdirSync(real).flatMap((name) =>
    follow(path.join(real, name), prefix + name, memo, [...above, real]),
  );
}

function leadsTo(file: string): string {
  try {
    return realpathSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new Unreadable(`${file} is a link that leads nowhere`);
    if (code === 'ELOOP') throw new Unreadable(`${file} is a link that leads in a circle`);
    throw error;
  }
}

/** As much of a program as the kernel reads to find its interpreter. */
const headBytes = 256;

/** Why the program of a test cannot be started, where its first line shows it; the engine would only say "no such file". */
export function explainStartFailure({ files, program }: ObservedTest): string | undefined {
  const main = files.find(({ entry }) => `/${entry.path}` === program);
  if (main?.entry.type !== 'file') return undefined;
  const [line = ''] = headOf(main.source).split('\n');
  if (!/^#!.*\r$/.test(line)) return undefined;
  return 'its first line ends with a carriage return (CRLF), so its interpreter is not found; save it with Unix line endings (LF)';
}

function headOf(file: string): string {
  const bytes = Buffer.alloc(headBytes);
  const opened = openSync(file, 'r');
  try {
    return bytes.toString('latin1', 0, readSync(opened, bytes));
  } finally {
    closeSync(opened);
  }
}
