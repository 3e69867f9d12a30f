import picomatch from 'picomatch';
import { matchesWildcard } from '../model/wildcard.ts';

/** The maximum number of backtracking steps that a regular expression may take, as estimated by `estimateSteps`. */
const maxSteps = 20_000_000;
/** The assumed length of what one star matches. */
const starLength = 256;

/** An error for a pattern that would take too long to match. */
export class GlobError extends Error {
  override readonly name = 'GlobError';
}

/**
 * Compiles a glob into a function that matches paths, including hidden files, in bounded time. A pattern with many stars is
 * matched name by name if it has no other special characters than stars and question marks.
 * @throws GlobError for a pattern with many stars and groups
 */
export function safeGlob(
  pattern: string,
  options: picomatch.PicomatchOptions = {},
): (path: string) => boolean {
  if (estimateSteps(pattern) <= maxSteps) return picomatch(pattern, { dot: true, ...options });
  if (/[[\]{}()!@+\\|]/.test(pattern))
    throw new GlobError('too many stars and groups in one pattern: use several simpler patterns');
  const segments = pattern.split('/').filter((name) => name !== '.');
  return (path) => matchesNames(segments, path.split('/'));
}

/**
 * Estimates the backtracking steps of a pattern: each star multiplies them by its length, each group by its number of
 * alternatives. A repeated group that contains a star or a group is unbounded.
 */
function estimateSteps(pattern: string): number {
  if (/[+*]\([^)]*[(*?[{]/.test(pattern)) return Number.POSITIVE_INFINITY;
  let steps = starLength ** (pattern.match(/\*+/g)?.length ?? 0);
  const open: number[] = [];
  for (const char of pattern) {
    if (char === '{' || char === '(') open.push(2);
    else if ((char === ',' || char === '|') && open.length > 0) open[open.length - 1]!++;
    else if (char === '}' || char === ')') steps *= open.pop() ?? 1;
  }
  return steps;
}

/** Matches name by name without backtracking: tracks all positions in the pattern that the names so far can reach. */
function matchesNames(segments: readonly string[], names: readonly string[]): boolean {
  const spread = (start: number, into: Set<number>): void => {
    into.add(start);
    for (let at = start; segments[at] === '**'; at++) into.add(at + 1);
  };
  let positions = new Set<number>();
  spread(0, positions);
  for (const name of names) {
    const next = new Set<number>();
    for (const at of positions) {
      if (segments[at] === '**') spread(at, next);
      else if (at < segments.length && name !== '' && matchesWildcard(segments[at]!, name))
        spread(at + 1, next);
    }
    positions = next;
  }
  return positions.has(segments.length);
}
