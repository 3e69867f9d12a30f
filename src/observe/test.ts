import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import path from 'node:path';
import type { ContextEntry } from '../model/ports.ts';
import type { Task } from '../model/task.ts';
import { readTree } from './kept.ts';
import type { Memo } from './memo.ts';
import { readEntry } from './walk.ts';

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

/** Reads a task's test; undefined where it has none. `root`: the project's, absolute. */
export function observeTest(task: Task, root: string, memo: Memo): ObservedTest | undefined {
  if (task.kind !== 'image' || task.test === undefined) return undefined;
  const source = path.join(root, task.test);
  const isFolder = statSync(source).isDirectory();
  const entries = isFolder
    ? readTree(source, memo).entries
    : [readEntry(source, path.basename(source), memo)!];
  const program = `/${place}/${isFolder ? 'run' : path.basename(source)}`;
  const folder: ContextEntry = { entry: { path: place, type: 'dir' }, source: '' };
  const files = entries.map((entry): ContextEntry => {
    const isProgram = `/${place}/${entry.path}` === program;
    // A test script need not be executable in the project: it is in the container.
    const fixed = entry.type === 'file' && isProgram ? { ...entry, executable: true } : entry;
    return {
      entry: { ...fixed, path: `${place}/${entry.path}` },
      source: isFolder ? path.join(source, entry.path) : source,
    };
  });
  const told = JSON.stringify([task.args, task.version, entries]);
  return { files: [folder, ...files], program, digest: createHash('sha256').update(told).digest('hex') };
}
