import { realpathSync } from 'node:fs';
import path from 'node:path';
import { type Disk, followLinks, type Stat } from '../disk/disk.ts';
import type { Memo } from '../incremental/memo.ts';
import type { FileEntry } from '../model/observed.ts';
import { type InputPattern, type MatchState, matchAll, parsePattern } from './input-pattern.ts';
import { GlobError } from './safe-glob.ts';
import { readLink, readListed, readNames, readTrackedLink, Unreadable } from './walk.ts';

/** A fault of a command's inputs. */
export interface InputProblem {
  readonly message: string;
  readonly found: string;
  readonly hint?: string;
}

/** A path that a command reads. */
export interface Input {
  /** As the command names it, relative to the root. */
  readonly path: string;
  readonly absolute: string;
  readonly stat: Stat;
  /** Of a link: what it leads to in the end. */
  readonly behind?: Stat;
}

/** As many paths behind links as are followed: links to links may lead to more than there are atoms. */
const mostBehindLinks = 200_000;

/**
 * What a command's inputs are: what the patterns (relative to the root) name or match, each path once, sorted. A folder means
 * all below it. A command follows links, so its inputs do: a link counts with its text and with all that it leads to, wherever
 * that is. A pattern that stands for nothing is a fault, and so is a link that leads nowhere or back to where it stands.
 * @throws Unreadable
 */
export function findInputs(
  root: string,
  patterns: readonly string[],
  disk: Disk,
  most = mostBehindLinks,
): { inputs: Input[]; faults: InputProblem[]; links: string[] } {
  const faults: InputProblem[] = [];
  const walk = newWalk({ root, disk, most }, (fault) => faults.push(fault));
  for (const pattern of patterns) {
    const read = pattern.startsWith('/') ? { literals: [], globs: [] } : readOrFault(pattern);
    if ('message' in read) faults.push(read);
    else if (!walk.take(read)) faults.push(nothing(pattern, read));
  }
  const inputs = [...walk.inputs.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  return { inputs, faults, links: walk.links };
}

function readOrFault(pattern: string): InputPattern | InputProblem {
  try {
    return parsePattern(pattern);
  } catch (error) {
    if (!(error instanceof GlobError)) throw error;
    return { message: error.message, found: pattern };
  }
}

function nothing(pattern: string, { globs }: InputPattern): InputProblem {
  if (pattern.startsWith('!'))
    return {
      message: 'there is no such file',
      found: pattern,
      hint: 'inputs cannot be excluded: name those that count',
    };
  if (pattern.startsWith('/'))
    return {
      message: 'not below the project root',
      found: pattern,
      hint: 'expected a path relative to the project root',
    };
  return { message: globs.length === 0 ? 'there is no such file' : 'nothing matches', found: pattern };
}

/** Reads inputs: each with its content, links with what is behind them. @throws Unreadable */
export function readInput({ behind, ...listed }: Input, memo: Memo, disk: Disk): FileEntry | undefined {
  if (behind === undefined) return listed.stat.kind === 'socket' ? undefined : readListed(listed, memo, disk);
  const link = {
    path: listed.path,
    type: 'link',
    target: readTrackedLink(listed.absolute, listed.stat, disk),
  } as const;
  // A command cannot read a socket's content.
  return behind.kind === 'socket'
    ? link
    : { ...link, resolved: readListed({ ...listed, stat: behind }, memo, disk) };
}

/** Where a walk is. */
interface Place {
  /** Relative to the root; empty for the root itself. */
  readonly path: string;
  readonly position: MatchState;
  /** The real folders of the links that were followed to come here. */
  readonly holders: readonly string[];
}

function newWalk(
  { root, disk, most }: { readonly root: string; readonly disk: Disk; readonly most: number },
  complain: (fault: InputProblem) => void,
) {
  const inputs = new Map<string, Input>();
  const absoluteOf = (name: string): string => (name === '' ? root : `${root}/${name}`);
  const state = path.join(root, '.cache');
  /** Absolute; all that were met. */
  const links: string[] = [];
  let behindLinks = 0;
  /** What matched so far, faults too. */
  let matches = 0;

  const fault = (name: string, message: string): void => {
    matches++;
    complain({ message, found: `${name} -> ${readLink(absoluteOf(name))}` });
  };
  const take = (input: Input): void => {
    matches++;
    inputs.set(input.path, input);
  };

  const look = (place: Place): void => {
    const { path: name, position } = place;
    // What can neither match nor hold a match is not asked for.
    if (!position.isMatch && !position.canDescend) return;
    const absolute = absoluteOf(name);
    const stat = lstatOf(absolute, disk);
    if (stat === undefined) return;
    if (stat === 'circle') {
      matches++;
      complain({ message: 'its links lead in a circle', found: name });
    } else if (stat.kind === 'link') follow(place, stat);
    else {
      if (position.isMatch) take({ path: name || '.', absolute, stat });
      if (stat.kind === 'folder') enter(place);
    }
  };

  const follow = (place: Place, stat: Stat): void => {
    const { path: name, position, holders } = place;
    const absolute = absoluteOf(name);
    links.push(absolute);
    const behind = followLinks(disk, absolute);
    if (behind === undefined || behind === 'circle') {
      if (position.isMatch) fault(name, `a link that leads ${behind ? 'in a circle' : 'nowhere'}`);
      return;
    }
    const input = { path: name || '.', absolute, stat, behind };
    if (position.isMatch) take(input);
    if (behind.kind !== 'folder') return;
    const all = [...holders, realpathSync.native(path.dirname(absolute))];
    if (all.some((holder) => isSelfOrAbove(realpathSync.native(absolute), holder))) {
      fault(name, 'a link that leads back to a folder that it stands in');
      return;
    }
    const before = matches;
    enter({ ...place, holders: all });
    // What is read through a link hangs on where it leads.
    if (matches > before) inputs.set(input.path, input);
  };

  /** A folder that matches means all below it. */
  const enter = ({ path: name, position, holders }: Place): void => {
    const at = position.isMatch ? matchAll : position;
    for (const child of readNames(absoluteOf(name), disk)) {
      const below = name === '' ? child : `${name}/${child}`;
      // The project's own state changes with every run.
      if (child === '.cache' && path.resolve(absoluteOf(below)) === state) continue;
      if (holders.length > 0 && ++behindLinks > most)
        throw new Unreadable(
          `${absoluteOf(name)}: more than ${most} paths stand behind links; name fewer inputs`,
        );
      look({ path: below, position: at.next(child), holders });
    }
  };

  return {
    inputs,
    links,
    /** Adds what a pattern stands for; false where that is nothing. */
    take({ literals, globs }: InputPattern): boolean {
      const before = matches;
      for (const name of literals) look({ path: name, position: matchAll, holders: [] });
      for (const { base, start } of globs) look({ path: base, position: start, holders: [] });
      return matches > before;
    },
  };
}

/** What stands at a path; links on the way may lead in a circle. */
function lstatOf(absolute: string, disk: Disk): Stat | 'circle' | undefined {
  try {
    return disk.lstat(absolute);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ELOOP') throw error;
    disk.markIncomplete();
    return 'circle';
  }
}

function isSelfOrAbove(folder: string, other: string): boolean {
  return folder === other || other.startsWith(folder === '/' ? '/' : `${folder}/`);
}
