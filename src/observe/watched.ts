import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import path from 'node:path';
import picomatch from 'picomatch';
import { plainDisk } from '../disk/disk.ts';
import type { CommandTask, Graph, Task, TaskId } from '../model/task.ts';
import { findInputs } from './inputs.ts';
import { Unreadable } from './walk.ts';

/**
 * The paths (absolute; folders with all that is below) in which a change can be one of what tasks are made from. Secrets
 * are not among them. More than what counts, so that what is not there yet is noticed, too. Where a path passes links, each of
 * them is among them, and where they lead: any of it may change by itself.
 */
export function watchedPaths(graph: Graph, scope: Iterable<TaskId>, root: string): string[] {
  const tasks = [...scope].map((id) => graph.tasks.get(id)!);
  const named = tasks.flatMap(pathsOf).map((each) => path.resolve(root, each));
  const links = tasks.flatMap((task) => (task.kind === 'command' ? linksIn(task, root) : []));
  return [...new Set([...named, ...links].flatMap((file) => waysTo(file, root)))];
}

function pathsOf(task: Task): string[] {
  if (task.kind === 'command') {
    const [program] = task.run;
    const inputs = task.inputs.map((pattern) => {
      const { base, isGlob } = picomatch.scan(pattern);
      return isGlob ? base : pattern;
    });
    return [...inputs, ...(program.includes('/') ? [program] : [])];
  }
  const { context, dockerfile, test } = task;
  return [context, dockerfile, `${dockerfile}.dockerignore`, ...(test !== undefined ? [test] : [])];
}

/** Every link that is followed to read a command's inputs, also those that lead nowhere yet. */
function linksIn(task: CommandTask, root: string): string[] {
  try {
    return findInputs(root, task.inputs, plainDisk).links;
  } catch (error) {
    // Whoever reads them tells it.
    if (error instanceof Unreadable || (error as NodeJS.ErrnoException).syscall !== undefined) return [];
    throw error;
  }
}

/** As many links as the system follows on one path. */
const mostLinks = 40;

/** A path, each link that it passes, and where it leads in the end. Links above the project are not among them. */
function waysTo(file: string, root: string): string[] {
  const ways = new Set([file]);
  // Above the project the way is the same for all.
  const isBelow = file.startsWith(`${root}/`);
  let rest = file
    .slice(isBelow ? root.length : 0)
    .split('/')
    .filter(Boolean);
  let at = isBelow ? root : '/';
  let followed = 0;
  while (rest.length > 0) {
    const next = path.join(at, rest.shift()!);
    const target = targetOf(next);
    if (target === undefined) at = next;
    else if (++followed > mostLinks) break;
    else {
      ways.add(next);
      rest = [...path.resolve(realpathSync.native(at), target).split('/').filter(Boolean), ...rest];
      at = '/';
    }
  }
  if (followed > 0) ways.add(path.join(at, ...rest));
  return [...ways];
}

/** Undefined: no link, or nothing at all. */
function targetOf(file: string): string | undefined {
  try {
    return lstatSync(file).isSymbolicLink() ? readlinkSync(file) : undefined;
  } catch {
    // It is watched where it would be.
    return undefined;
  }
}

/** True where a change is never a reason to look: our own state, and what tools keep for themselves. */
export function isOwnState(file: string, root: string): boolean {
  const parts = path.relative(root, file).split(path.sep);
  return parts[0] === '.cache' || parts.includes('.git') || parts.includes('node_modules');
}
