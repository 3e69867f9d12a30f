import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { plainDisk } from '../disk/disk.ts';
import type { CommandTask, Graph, Task, TaskId } from '../model/task.ts';
import { parsePattern } from './input-pattern.ts';
import { findInputs } from './inputs.ts';
import { GlobError } from './safe-glob.ts';
import { Unreadable } from './walk.ts';

/**
 * Returns the paths to watch for changes to the inputs of tasks, absolute; a folder includes everything below it. They cover
 * more than the inputs, so that new files are noticed. They include every symlink on the way and its target, because each
 * can change by itself. Secrets are not included.
 */
export function watchedPaths(graph: Graph, scope: Iterable<TaskId>, root: string): string[] {
  const tasks = [...scope].map((id) => graph.tasks.get(id)!);
  const named = tasks.flatMap(namedPaths).map((name) => path.resolve(root, name));
  const hidden = tasks.flatMap((task) => (task.kind === 'command' ? hiddenPaths(task, root) : []));
  return [...new Set([...named, ...hidden].flatMap((file) => withLinks(file, root)))];
}

/** Returns the paths that the definition of a task names, relative to the project root. */
function namedPaths(task: Task): string[] {
  if (task.kind === 'command') {
    const [program] = task.run;
    const inputs = task.inputs.flatMap(patternFolders);
    return [...inputs, ...(program.includes('/') ? [program] : [])];
  }
  const { context, contexts = {}, dockerfile, dockerfileText, test } = task;
  const folders = Object.values(contexts).flatMap((source) => ('folder' in source ? [source.folder] : []));
  return [
    context,
    ...folders,
    ...(dockerfileText === undefined ? [dockerfile, `${dockerfile}.dockerignore`] : []),
    ...(test !== undefined ? [test] : []),
  ];
}

/** Returns the paths that can contain matches of a pattern. */
function patternFolders(pattern: string): readonly string[] {
  try {
    const { literals, globs } = parsePattern(pattern);
    return globs.length > 0 ? globs.map(({ base }) => base) : literals;
  } catch (error) {
    // Reading the inputs reports this.
    if (error instanceof GlobError) return [];
    throw error;
  }
}

/**
 * Returns the paths (absolute) that the definition of a command names, every symlink on the way to them, and their targets.
 */
export function commandPaths(task: CommandTask, root: string): string[] {
  return namedPaths(task).flatMap((name) => withLinks(path.resolve(root, name), root));
}

/**
 * Returns the inputs of a command that watching its named paths would miss: every symlink that is followed, even a broken
 * one, and folders that are ignored by default.
 */
function hiddenPaths(task: CommandTask, root: string): string[] {
  try {
    const { inputs, links } = findInputs(root, task.inputs, plainDisk);
    const ignored = inputs.flatMap(({ path: name }) => ignoredPart(name) ?? []);
    return [...links, ...ignored.map((name) => path.resolve(root, name))];
  } catch (error) {
    // Reading the inputs reports this.
    if (error instanceof Unreadable || (error as NodeJS.ErrnoException).syscall !== undefined) return [];
    throw error;
  }
}

/** The maximum number of symlinks that Linux follows on one path. */
const maxLinks = 40;

/** Returns a path, every symlink on the way to it, and its final target. Leaves out symlinks above the project. */
function withLinks(file: string, root: string): string[] {
  const paths = new Set([file]);
  const isBelow = file.startsWith(`${root}/`);
  let rest = file
    .slice(isBelow ? root.length : 0)
    .split('/')
    .filter(Boolean);
  let at = isBelow ? root : '/';
  let followed = 0;
  while (rest.length > 0) {
    const next = path.join(at, rest.shift()!);
    const target = linkTarget(next);
    if (target === undefined) at = next;
    else if (++followed > maxLinks) break;
    else {
      paths.add(next);
      rest = [...path.resolve(realpathSync.native(at), target).split('/').filter(Boolean), ...rest];
      at = '/';
    }
  }
  if (followed > 0) paths.add(path.join(at, ...rest));
  return [...paths];
}

/** Returns the target of a symlink as written; undefined if the path is missing or not a symlink. */
function linkTarget(file: string): string | undefined {
  try {
    return lstatSync(file).isSymbolicLink() ? readlinkSync(file) : undefined;
  } catch {
    // A missing path is watched, too: it may be created.
    return undefined;
  }
}

/** Returns the symlinks on the way to a path, and the path itself if it is one; absolute. */
export function linksOnPath(file: string, root: string): string[] {
  return withLinks(file, root).filter((name) => linkTarget(name) !== undefined);
}

/** Folders with the internal state of other tools. */
const ignoredFolder = /^(\.git|node_modules)$/;

/** Returns a path up to its first ignored folder; undefined if there is none. */
function ignoredPart(name: string): string | undefined {
  const parts = name.split('/');
  const at = parts.findIndex((part) => ignoredFolder.test(part));
  return at < 0 ? undefined : parts.slice(0, at + 1).join('/');
}

/** Returns true for paths whose changes are ignored: the project's `.cache/`, and the internal state of other tools. */
export function isIgnoredPath(file: string, root: string): boolean {
  const parts = path.relative(root, file).split(path.sep);
  return parts[0] === '.cache' || parts.some((part) => ignoredFolder.test(part));
}
