import { realpathSync } from 'node:fs';
import path from 'node:path';
import { type Disk, followLinks, type Stat } from '../disk/disk.ts';
import type { Memo } from '../incremental/memo.ts';
import type { FileEntry } from '../model/observed.ts';
import { type InputPattern, type MatchState, matchAll, parsePattern } from './input-pattern.ts';
import { GlobError } from './safe-glob.ts';
import { readLink, readListed, readNames, readTrackedLink, Unreadable } from './walk.ts';

/** A problem in the `inputs` of a command. */
export interface InputProblem {
  readonly message: string;
  readonly found: string;
  readonly hint?: string;
}

/** A path that a command reads. */
export interface Input {
  /** As the command sees it, relative to the project root. */
  readonly path: string;
  readonly absolute: string;
  readonly stat: Stat;
  /** For a symlink: what it finally leads to. */
  readonly resolved?: Stat;
}

/** The maximum number of paths that are reached through symlinks: nested symlinks can multiply without bound. */
const maxLinkedPaths = 200_000;

/**
 * Finds the inputs of a command: the paths that the patterns (relative to the project root) name or match, each once,
 * sorted. A folder includes everything below it. Symlinks are followed, as a command follows them: both the symlink and
 * everything that it leads to are inputs, even outside the project. A pattern without a match is a problem, and so is a
 * symlink that leads nowhere or to a folder that contains it. `links` are all symlinks that were followed, absolute.
 * @throws Unreadable
 */
export function findInputs(
  root: string,
  patterns: readonly string[],
  disk: Disk,
  limit = maxLinkedPaths,
): { inputs: Input[]; problems: InputProblem[]; links: string[] } {
  const problems: InputProblem[] = [];
  const walk = newWalk({ root, disk, limit }, (problem) => problems.push(problem));
  for (const pattern of patterns) {
    const parsed = pattern.startsWith('/') ? { literals: [], globs: [] } : parseOrProblem(pattern);
    if ('message' in parsed) problems.push(parsed);
    else if (!walk.add(parsed)) problems.push(noMatchProblem(pattern, parsed));
  }
  const inputs = [...walk.inputs.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  return { inputs, problems, links: walk.links };
}

function parseOrProblem(pattern: string): InputPattern | InputProblem {
  try {
    return parsePattern(pattern);
  } catch (error) {
    if (!(error instanceof GlobError)) throw error;
    return { message: error.message, found: pattern };
  }
}

function noMatchProblem(pattern: string, { globs }: InputPattern): InputProblem {
  if (pattern.startsWith('!'))
    return {
      message: 'file not found',
      found: pattern,
      hint: 'inputs cannot be excluded: list only the inputs that you want',
    };
  if (pattern.startsWith('/'))
    return {
      message: 'not below the project root',
      found: pattern,
      hint: 'use a path relative to the project root',
    };
  return { message: globs.length === 0 ? 'file not found' : 'no files match', found: pattern };
}

/**
 * Reads an input with its content; for a symlink, also the content that it leads to. Undefined for a socket.
 * @throws Unreadable
 */
export function readInput({ resolved, ...listed }: Input, memo: Memo, disk: Disk): FileEntry | undefined {
  if (resolved === undefined)
    return listed.stat.kind === 'socket' ? undefined : readListed(listed, memo, disk);
  const link = {
    path: listed.path,
    type: 'link',
    target: readTrackedLink(listed.absolute, listed.stat, disk),
  } as const;
  // A socket has no content.
  return resolved.kind === 'socket'
    ? link
    : { ...link, resolved: readListed({ ...listed, stat: resolved }, memo, disk) };
}

/** A path that the walk has reached. */
interface Place {
  /** Relative to the project root; empty for the root itself. */
  readonly path: string;
  readonly state: MatchState;
  /** The real folders of the symlinks that led here. */
  readonly linkFolders: readonly string[];
}

/** Returns a walk that collects the inputs that patterns match. */
function newWalk(
  { root, disk, limit }: { readonly root: string; readonly disk: Disk; readonly limit: number },
  addProblem: (problem: InputProblem) => void,
) {
  const inputs = new Map<string, Input>();
  const absoluteOf = (name: string): string => (name === '' ? root : `${root}/${name}`);
  const cacheFolder = path.join(root, '.cache');
  /** All symlinks that were found, absolute. */
  const links: string[] = [];
  let linkedPaths = 0;
  /** The number of matches so far, including those with problems. */
  let matches = 0;

  const addLinkProblem = (name: string, message: string): void => {
    matches++;
    addProblem({ message, found: `${name} -> ${readLink(absoluteOf(name))}` });
  };
  const addInput = (input: Input): void => {
    matches++;
    inputs.set(input.path, input);
  };

  const visit = (place: Place): void => {
    const { path: name, state } = place;
    // Do not stat paths that cannot match or contain a match.
    if (!state.isMatch && !state.canDescend) return;
    const absolute = absoluteOf(name);
    const stat = lstatOrLoop(absolute, disk);
    if (stat === undefined) return;
    if (stat === 'circle') {
      matches++;
      addProblem({ message: 'symlink loop', found: name });
    } else if (stat.kind === 'link') follow(place, stat);
    else {
      if (state.isMatch) addInput({ path: name || '.', absolute, stat });
      if (stat.kind === 'folder') enter(place);
    }
  };

  const follow = (place: Place, stat: Stat): void => {
    const { path: name, state, linkFolders } = place;
    const absolute = absoluteOf(name);
    links.push(absolute);
    const resolved = followLinks(disk, absolute);
    if (resolved === undefined || resolved === 'circle') {
      if (state.isMatch) addLinkProblem(name, resolved ? 'symlink loop' : 'broken symlink');
      return;
    }
    const input = { path: name || '.', absolute, stat, resolved };
    if (state.isMatch) addInput(input);
    if (resolved.kind !== 'folder') return;
    const folders = [...linkFolders, realpathSync.native(path.dirname(absolute))];
    if (folders.some((folder) => isSameOrParent(realpathSync.native(absolute), folder))) {
      addLinkProblem(name, 'symlink to a folder that contains it');
      return;
    }
    const before = matches;
    enter({ ...place, linkFolders: folders });
    // If the target changes, so do the inputs that were found through this symlink.
    if (matches > before) inputs.set(input.path, input);
  };

  /** Visits the content of a folder. If the folder matches, everything below it does. */
  const enter = ({ path: name, state, linkFolders }: Place): void => {
    const from = state.isMatch ? matchAll : state;
    for (const child of readNames(absoluteOf(name), disk)) {
      const below = name === '' ? child : `${name}/${child}`;
      // Skip the project's own state, which changes with every run.
      if (child === '.cache' && path.resolve(absoluteOf(below)) === cacheFolder) continue;
      if (linkFolders.length > 0 && ++linkedPaths > limit)
        throw new Unreadable(
          `${absoluteOf(name)}: symlinks lead to more than ${limit} paths; name fewer inputs`,
        );
      visit({ path: below, state: from.next(child), linkFolders });
    }
  };

  return {
    inputs,
    links,
    /** Adds the inputs that a pattern names or matches. Returns false if there are none. */
    add({ literals, globs }: InputPattern): boolean {
      const before = matches;
      for (const name of literals) visit({ path: name, state: matchAll, linkFolders: [] });
      for (const { base, start } of globs) visit({ path: base, state: start, linkFolders: [] });
      return matches > before;
    },
  };
}

/** Like `disk.lstat`, but returns `circle` if the symlinks on the way to the path form a loop. */
function lstatOrLoop(absolute: string, disk: Disk): Stat | 'circle' | undefined {
  try {
    return disk.lstat(absolute);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ELOOP') throw error;
    disk.markIncomplete();
    return 'circle';
  }
}

function isSameOrParent(folder: string, other: string): boolean {
  return folder === other || other.startsWith(folder === '/' ? '/' : `${folder}/`);
}
