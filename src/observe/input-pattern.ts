import { safeGlob } from './safe-glob.ts';

/** How far a walk through folders has matched a pattern. */
export interface MatchState {
  /** True: the pattern matches the current path. */
  readonly isMatch: boolean;
  /** True: the pattern may match paths below the current one. */
  readonly canDescend: boolean;
  /** Returns the state for a name in the current folder. */
  next(name: string): MatchState;
}

/** Matches the current path and everything below it. */
export const matchAll: MatchState = { isMatch: true, canDescend: true, next: () => matchAll };

/** A parsed pattern from the inputs of a command. */
export interface InputPattern {
  /** The pattern itself as a path, since file names may contain special characters; also with its escapes removed. */
  readonly literals: readonly string[];
  /** Empty if the pattern has no special characters. */
  readonly globs: readonly Glob[];
}

/** One alternative of a pattern. */
export interface Glob {
  /** The folder that contains all matches, relative; empty for the project root. */
  readonly base: string;
  /** The state at `base`. */
  readonly start: MatchState;
}

const special = /[*?[\]{}()!@+\\|]/;
/** A leading exclamation mark is part of a name. */
const options = { nonegate: true } as const;

/** Parses a pattern, relative to the project root, with `/`. @throws GlobError if it cannot be matched in bounded time */
export function parsePattern(pattern: string): InputPattern {
  const plain = namesOf(pattern).join('/');
  const literals = [...new Set([plain, plain.replace(/\\(.)/g, '$1')])];
  return { literals, globs: special.test(plain) ? splitAlternatives(plain).map(globOf) : [] };
}

function namesOf(pattern: string): string[] {
  return pattern.split('/').filter((name) => name !== '' && name !== '.');
}

function globOf(pattern: string): Glob {
  const names = namesOf(pattern);
  const first = names.findIndex((name) => special.test(name));
  const count = first < 0 ? names.length - 1 : first;
  const rest = names.slice(count);
  const start = hasSlashInGroup(rest) ? matchWholePaths(rest.join('/')) : matchSegments(rest);
  return { base: names.slice(0, count).join('/'), start };
}

/** The maximum number of alternatives that a pattern is split into. */
const maxAlternatives = 1000;

/** Splits the brace groups that contain a slash: `{a,b/c}/*.c` into `a/*.c` and `b/c/*.c`. Keeps other groups. */
function splitAlternatives(pattern: string): string[] {
  const done: string[] = [];
  for (const open = [pattern]; open.length > 0; ) {
    const next = open.pop()!;
    const group = findGroupWithSlash(next);
    if (group === undefined || open.length + done.length > maxAlternatives) done.push(next);
    else for (const part of group.parts) open.push(next.slice(0, group.start) + part + next.slice(group.end));
  }
  return done;
}

/** Finds the first brace group that has several parts and contains a slash. */
function findGroupWithSlash(
  pattern: string,
): { readonly start: number; readonly end: number; readonly parts: readonly string[] } | undefined {
  for (let start = pattern.indexOf('{'); start >= 0; start = pattern.indexOf('{', start + 1)) {
    if (pattern[start - 1] === '\\') continue;
    const commas: number[] = [];
    let end = start + 1;
    for (let depth = 1; end < pattern.length; end++) {
      const char = pattern[end];
      if (char === '\\') end++;
      else if (char === '{') depth++;
      else if (char === '}' && --depth === 0) break;
      else if (char === ',' && depth === 1) commas.push(end);
    }
    if (end >= pattern.length || commas.length === 0) continue;
    if (!pattern.slice(start, end).includes('/')) continue;
    const bounds = [start, ...commas, end];
    const parts = bounds.slice(1).map((bound, at) => pattern.slice(bounds[at]! + 1, bound));
    return { start, end: end + 1, parts };
  }
  return undefined;
}

/** Returns true if a group such as `@(a|b/c)` spans several segments, so that they cannot be matched one by one. */
function hasSlashInGroup(names: readonly string[]): boolean {
  return names.length > 1 && names.some((name) => depthOf(name) !== 0);
}

function depthOf(name: string): number {
  const bare = name.replace(/\\./g, '').replace(/\[[^\]]*\]/g, '');
  return bare.replace(/[^{(]/g, '').length - bare.replace(/[^})]/g, '').length;
}

/** Returns a state that matches whole paths. Any folder may contain a match. */
function matchWholePaths(pattern: string): MatchState {
  const isMatch = safeGlob(pattern, options);
  const at = (path: string): MatchState => ({
    isMatch: path !== '' && isMatch(path),
    canDescend: true,
    next: (name) => at(path === '' ? name : `${path}/${name}`),
  });
  return at('');
}

type Segment = '**' | ((name: string) => boolean);

/** Returns a state that matches name by name, so that a walk enters only folders that can contain a match. */
function matchSegments(names: readonly string[]): MatchState {
  const segments = names.map((name): Segment => (name === '**' ? '**' : segmentTest(name)));
  /** Adds the positions after each `**`, which may match no folder at all. */
  const spread = (positions: readonly number[]): number[] => {
    const all = new Set<number>();
    for (let position of positions)
      for (all.add(position); segments[position] === '**'; all.add(position)) position++;
    return [...all];
  };
  const at = (positions: readonly number[], isStart: boolean): MatchState => ({
    isMatch: !isStart && positions.includes(segments.length),
    canDescend: positions.some((position) => position < segments.length),
    next(name) {
      const next = positions.flatMap((position) => {
        const segment = segments[position];
        if (segment === undefined) return [];
        if (segment === '**') return [position];
        return segment(name) ? [position + 1] : [];
      });
      return at(spread(next), false);
    },
  });
  return at(spread([0]), true);
}

/** Returns a function that tests a name. The pattern also matches literally, because `[id]` and `(group)` can be names. */
function segmentTest(pattern: string): (name: string) => boolean {
  const unescaped = pattern.replace(/\\(.)/g, '$1');
  if (!special.test(pattern)) return (name) => name === pattern;
  const isMatch = safeGlob(pattern, options);
  return (name) => name === pattern || name === unescaped || isMatch(name);
}
