import { realpathSync } from 'node:fs';
import path from 'node:path';
import { type Disk, followed, type Stat } from '../disk/disk.ts';
import type { Entry } from '../model/observed.ts';
import { everythingBelow, type InputPattern, type Position, readPattern } from './input-pattern.ts';
import type { Memo } from './memo.ts';
import { linkTarget, linkText, namesIn, readListed, Unreadable } from './walk.ts';

/** A fault of a command's inputs. */
export interface InputFault {
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
): { inputs: Input[]; faults: InputFault[] } {
  const faults: InputFault[] = [];
  const walk = newWalk({ root, disk, most }, (fault) => faults.push(fault));
  for (const pattern of patterns) {
    const read = pattern.startsWith('/') ? { literals: [], globs: [] } : readPattern(pattern);
    if (!walk.take(read)) faults.push(nothing(pattern, read));
  }
  const inputs = [...walk.inputs.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  return { inputs, faults };
}

function nothing(pattern: string, { globs }: InputPattern): InputFault {
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
export function readInput({ behind, ...listed }: Input, memo: Memo, disk: Disk): Entry | undefined {
  if (behind === undefined) return listed.stat.kind === 'socket' ? undefined : readListed(listed, memo, disk);
  const link = {
    path: listed.path,
    type: 'link',
    target: linkText(listed.absolute, listed.stat, disk),
  } as const;
  // A command cannot read a socket's content.
  return behind.kind === 'socket'
    ? link
    : { ...link, behind: readListed({ ...listed, stat: behind }, memo, disk) };
}

/** Where a walk is: below which links, and how far in the pattern. */
interface Place {
  readonly path: string;
  readonly position: Position;
  /** The real folders of the links that were followed to come here. */
  readonly holders: readonly string[];
}

function newWalk(
  { root, disk, most }: { readonly root: string; readonly disk: Disk; readonly most: number },
  complain: (fault: InputFault) => void,
) {
  const inputs = new Map<string, Input>();
  const absoluteOf = (name: string): string => (name === '' ? root : `${root}/${name}`);
  const state = path.join(root, '.cache');
  let behindLinks = 0;
  let matches = 0;

  const fault = (name: string, message: string): void =>
    complain({ message, found: `${name} -> ${linkTarget(absoluteOf(name))}` });

  const take = (input: Input): void => void inputs.set(input.path, input);

  const lstat = (name: string): Stat | 'circle' | undefined => {
    try {
      return disk.lstat(absoluteOf(name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOOP') throw error;
      disk.vouchForNothing();
      return 'circle';
    }
  };

  const look = ({ path: name, position, holders }: Place): void => {
    if (!position.isMatch && !position.isOpen) return;
    const absolute = absoluteOf(name);
    const stat = lstat(name);
    if (stat === undefined) return;
    if (stat === 'circle') {
      matches++;
      return complain({ message: 'its links lead in a circle', found: name });
    }
    const behind = stat.kind === 'link' ? followed(disk, absolute) : undefined;
    if (stat.kind === 'link' && (behind === undefined || behind === 'circle')) {
      if (position.isMatch) {
        matches++;
        fault(name, `a link that leads ${behind === undefined ? 'nowhere' : 'in a circle'}`);
      }
      return;
    }
    const target = behind as Stat | undefined;
    const input: Input = { path: name || '.', absolute, stat, ...(target ? { behind: target } : {}) };
    if (position.isMatch) {
      matches++;
      take(input);
    }
    if ((target ?? stat).kind !== 'folder') return;
    const below = position.isMatch ? everythingBelow : position;
    if (target === undefined) return enter({ path: name, position: below, holders });
    const holder = realpathSync.native(path.dirname(absolute));
    const real = realpathSync.native(absolute);
    if (
      [...holders, holder].some((each) => each === real || each.startsWith(real === '/' ? '/' : `${real}/`))
    ) {
      matches++;
      return fault(name, 'a link that leads back to a folder that it stands in');
    }
    const before = matches;
    enter({ path: name, position: below, holders: [...holders, holder] });
    // What is read through it hangs on where it leads.
    if (matches > before) take(input);
  };

  const enter = ({ path: name, position, holders }: Place): void => {
    for (const child of namesIn(absoluteOf(name), disk)) {
      const at = name === '' ? child : `${name}/${child}`;
      // The project's own state changes with every run.
      if (child === '.cache' && path.resolve(absoluteOf(at)) === state) continue;
      if (holders.length > 0 && ++behindLinks > most)
        throw new Unreadable(
          `${absoluteOf(name)}: more than ${most} paths stand behind links; name fewer inputs`,
        );
      look({ path: at, position: position.next(child), holders });
    }
  };

  return {
    inputs,
    /** Adds what a pattern stands for; false where that is nothing. */
    take({ literals, globs }: InputPattern): boolean {
      const before = matches;
      for (const name of literals) look({ path: name, position: everythingBelow, holders: [] });
      for (const { base, start } of globs) look({ path: base, position: start, holders: [] });
      return matches > before;
    },
  };
}
