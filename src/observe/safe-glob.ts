import picomatch from 'picomatch';
import { matchesWildcard } from '../model/wildcard.ts';

/** In how many ways an expression may come to a name, times how far a star may reach, before it is not left to go back. */
const mostWays = 20_000_000;
const reach = 256;

/** A pattern that would take too long. */
export class GlobError extends Error {
  override readonly name = 'GlobError';
}

/**
 * A glob on paths, hidden files included; its time is bounded, whatever the path. Patterns of many stars, and nothing but stars
 * and question marks, are matched name by name. @throws GlobError for one of many stars and groups
 */
export function safeGlob(
  pattern: string,
  options: picomatch.PicomatchOptions = {},
): (path: string) => boolean {
  if (waysOf(pattern) <= mostWays) return picomatch(pattern, { dot: true, ...options });
  if (/[[\]{}()!@+\\|]/.test(pattern))
    throw new GlobError('it has too many stars and groups to be matched: write several simpler patterns');
  const wanted = pattern.split('/').filter((name) => name !== '.');
  return (path) => matchesNames(wanted, path.split('/'));
}

/** Stars may each end anywhere, groups have a way for each of their parts, and what repeats a star or a group has no end of them. */
function waysOf(pattern: string): number {
  if (/[+*]\([^)]*[(*?[{]/.test(pattern)) return Number.POSITIVE_INFINITY;
  let ways = reach ** (pattern.match(/\*+/g)?.length ?? 0);
  const open: number[] = [];
  for (const char of pattern) {
    if (char === '{' || char === '(') open.push(2);
    else if ((char === ',' || char === '|') && open.length > 0) open[open.length - 1]!++;
    else if (char === '}' || char === ')') ways *= open.pop() ?? 1;
  }
  return ways;
}

/** All positions in the pattern at which the names so far may have brought it are followed at once. */
function matchesNames(wanted: readonly string[], names: readonly string[]): boolean {
  const spread = (start: number, into: Set<number>): void => {
    into.add(start);
    for (let at = start; wanted[at] === '**'; at++) into.add(at + 1);
  };
  let positions = new Set<number>();
  spread(0, positions);
  for (const name of names) {
    const next = new Set<number>();
    for (const at of positions) {
      if (wanted[at] === '**') spread(at, next);
      else if (at < wanted.length && name !== '' && matchesWildcard(wanted[at]!, name)) spread(at + 1, next);
    }
    positions = next;
  }
  return positions.has(wanted.length);
}
