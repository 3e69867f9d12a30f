import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { plainDisk } from '../disk/disk.ts';
import type { CommandTask, Graph, Task, TaskId } from '../model/task.ts';
import { parsePattern } from './input-pattern.ts';
import { findInputs } from './inputs.ts';
import { GlobError } from './safe-glob.ts';
import { Unreadable } from './walk.ts';

/**
 * The paths (absolute; folders with all that is below) in which a change can be one of what tasks are made from. Secrets
 * are not among them. More than what counts, so that what is not there yet is noticed, too. Where a path passes links, each of
 * them is among them, and where they lead: any of it may change by itself.
 */
export function watchedPaths(graph: Graph, scope: Iterable<TaskId>, root: string): string[] {
  const tasks = [...scope].map((id) => graph.tasks.get(id)!);
  const named = tasks.flatMap(pathsOf).map((each) => path.resolve(root, each));
  const hidden = tasks.flatMap((task) => (task.kind === 'command' ? hiddenIn(task, root) : []));
  return [...new Set([...named, ...hidden].flatMap((file) => waysTo(file, root)))];
}

function pathsOf(task: Task): string[] {
  if (task.kind === 'command') {
    const [program] = task.run;
    const inputs = task.inputs.flatMap(foldersOf);
    return [...inputs, ...(program.includes('/') ? [program] : [])];
  }
  const { context, dockerfile, test } = task;
  return [context, dockerfile, `${dockerfile}.dockerignore`, ...(test !== undefined ? [test] : [])];
}

/** Where what a pattern stands for is looked for. */
function foldersOf(pattern: string): readonly string[] {
  try {
    const { literals, globs } = parsePattern(pattern);
    return globs.length > 0 ? globs.map(({ base }) => base) : literals;
  } catch (error) {
    // Whoever reads the inputs tells it.
    if (error instanceof GlobError) return [];
    throw error;
  }
}

/** The paths (absolute) that a command's definition names, each link that they pass, and where they lead. */
export function commandPaths(task: CommandTask, root: string): string[] {
  return pathsOf(task).flatMap((each) => waysTo(path.resolve(root, each), root));
}

/**
 * What of a command's inputs would not be noticed by watching what it names: every link that is followed, also those that lead
 * nowhere yet, and folders that are ignored elsewhere.
 */
function hiddenIn(task: CommandTask, root: string): string[] {
  try {
    const { inputs, links } = findInputs(root, task.inputs, plainDisk);
    const ignored = inputs.flatMap(({ path: name }) => ignoredOf(name) ?? []);
    return [...links, ...ignored.map((name) => path.resolve(root, name))];
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

/** The links that a path passes (absolute). */
export function linksOnPath(file: string, root: string): string[] {
  return waysTo(file, root).filter((each) => targetOf(each) !== undefined);
}

/** Folders that tools keep for themselves. */
const ignoredFolder = /^(\.git|node_modules)$/;

/** The first such folder on a path. */
function ignoredOf(name: string): string | undefined {
  const parts = name.split('/');
  const at = parts.findIndex((part) => ignoredFolder.test(part));
  return at < 0 ? undefined : parts.slice(0, at + 1).join('/');
}

/** True where a change is never a reason to look: our own state, and what tools keep for themselves. */
export function isIgnoredPath(file: string, root: string): boolean {
  const parts = path.relative(root, file).split(path.sep);
  return parts[0] === '.cache' || parts.some((part) => ignoredFolder.test(part));
}
