import path from 'node:path';
import { type Disk, pathKind } from '../disk/disk.ts';
import { compileIgnoreFile, IgnoreError, type IgnoreFile } from '../dockerfile/ignore-file.ts';
import { placeInLine } from './line-place.ts';
import type { TaskProblem } from './task-problem.ts';
import { type Filter, includeAll, type Listed, list, readBytes } from './walk.ts';

interface ContextSources {
  readonly root: string;
  readonly disk: Disk;
  readOnce<T>(id: string, read: () => T): T;
}

/**
 * Lists a build context without the files that its ignore file excludes. Passes an invalid ignore file to `addProblem`.
 * `context` and `dockerfile` are absolute. A named context has no Dockerfile. `field`: the field that names the context.
 * @throws Unreadable
 */
export function listContext(
  context: string,
  dockerfile: string | undefined,
  { root, disk, readOnce }: ContextSources,
  addProblem: (problem: TaskProblem) => void,
  field = 'context',
): readonly Listed[] {
  const ignoreFile = ignoreFilesOf(context, dockerfile).find((file) => pathKind(disk, file) === 'file');
  return readOnce(`${context}\0${ignoreFile ?? ''}`, () => {
    let filter: Filter = includeAll;
    const text = ignoreFile === undefined ? '' : readBytes(ignoreFile, disk).toString('utf8');
    try {
      if (ignoreFile !== undefined) filter = ignoreFilter(compileIgnoreFile(text));
    } catch (error) {
      if (!(error instanceof IgnoreError)) throw error;
      const place = placeInLine(path.relative(root, ignoreFile!), text, error.line);
      addProblem({ place, field, message: error.message });
    }
    return list(context, withoutCacheFolder(filter, context, root), disk);
  });
}

/** Returns the ignore files of a context that BuildKit looks for; it reads the first one that exists. */
function ignoreFilesOf(context: string, dockerfile: string | undefined): string[] {
  const own = dockerfile === undefined ? [] : [`${dockerfile}.dockerignore`];
  return [...own, path.join(context, '.dockerignore')];
}

/** Returns the ignore file that a context has, or else could have, relative to the project root. Paths are absolute. */
export function ignoreFileName(
  context: string,
  dockerfile: string | undefined,
  { root, disk }: Pick<ContextSources, 'root' | 'disk'>,
): string {
  const files = ignoreFilesOf(context, dockerfile);
  const file = files.find((each) => pathKind(disk, each) === 'file') ?? files.at(-1)!;
  return path.relative(root, file);
}

function ignoreFilter(ignore: IgnoreFile): Filter {
  return { omits: (child) => ignore.ignores(child), mayEnter: (child) => ignore.mayReinclude(child) };
}

/** Returns a filter that also excludes the project's `.cache/`, which changes with every run. */
function withoutCacheFolder(filter: Filter, context: string, root: string): Filter {
  const cacheFolder = pathWithin(context, path.join(root, '.cache'));
  if (cacheFolder === undefined) return filter;
  return {
    omits: (child) => child === cacheFolder || filter.omits(child),
    mayEnter: (child) => child !== cacheFolder && filter.mayEnter(child),
  };
}

/** Returns the path of a file relative to a folder; undefined if it is not below it. Both are absolute and normalized. */
function pathWithin(folder: string, file: string): string | undefined {
  const prefix = folder.endsWith('/') ? folder : `${folder}/`;
  return file.startsWith(prefix) ? file.slice(prefix.length) : undefined;
}
