import { safeGlob } from './safe-glob.ts';

/** Where a walk through folders stands in a pattern. */
export interface MatchState {
  /** True: this path is one that the pattern matches. */
  readonly isMatch: boolean;
  /** True: paths below may match. */
  readonly canDescend: boolean;
  /** The position of a name in this folder. */
  next(name: string): MatchState;
}

/** Everything matches, at any depth. */
export const matchAll: MatchState = { isMatch: true, canDescend: true, next: () => matchAll };

/** A pattern of a command's inputs. */
export interface InputPattern {
  /** The path that the pattern is where it is taken by its letters: names may hold what means something in patterns. */
  readonly literals: readonly string[];
  /** None: nothing in it means anything but itself. */
  readonly globs: readonly Glob[];
}

/** Where matches are looked for. */
export interface Glob {
  /** The folder that all matches stand in, relative; empty for the project's root. */
  readonly base: string;
  /** The position of the base. */
  readonly start: MatchState;
}

const special = /[*?[\]{}()!@+\\|]/;
/** Hidden files match like others; an exclamation mark at the start is part of a name. */
const options = { nonegate: true } as const;

/** Reads a pattern: relative to the project's root, with `/`. @throws GlobError for one that cannot be matched in bounded time */
export function parsePattern(pattern: string): InputPattern {
  const plain = namesOf(pattern).join('/');
  const literals = [...new Set([plain, plain.replace(/\\(.)/g, '$1')])];
  return { literals, globs: special.test(plain) ? alternatives(plain).map(globOf) : [] };
}

function namesOf(pattern: string): string[] {
  return pattern.split('/').filter((name) => name !== '' && name !== '.');
}

function globOf(pattern: string): Glob {
  const names = namesOf(pattern);
  const first = names.findIndex((name) => special.test(name));
  const count = first < 0 ? names.length - 1 : first;
  const rest = names.slice(count);
  const start = hasSlashInGroup(rest) ? asWhole(rest.join('/')) : bySegments(rest);
  return { base: names.slice(0, count).join('/'), start };
}

/** As many patterns as one may stand for. */
const mostAlternatives = 1000;

/** `{a,b/c}/*.c` → `a/*.c`, `b/c/*.c`: only what reaches over several names. */
function alternatives(pattern: string): string[] {
  const done: string[] = [];
  for (const open = [pattern]; open.length > 0; ) {
    const next = open.pop()!;
    const group = groupWithSlash(next);
    if (group === undefined || open.length + done.length > mostAlternatives) done.push(next);
    else for (const part of group.parts) open.push(next.slice(0, group.start) + part + next.slice(group.end));
  }
  return done;
}

/** The first group in braces that has several parts and a slash. */
function groupWithSlash(
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

/** Whether a group, such as `@(a|b/c)`, still reaches over several names: then these cannot be matched one by one. */
function hasSlashInGroup(names: readonly string[]): boolean {
  return names.length > 1 && names.some((name) => depthOf(name) !== 0);
}

function depthOf(name: string): number {
  const bare = name.replace(/\\./g, '').replace(/\[[^\]]*\]/g, '');
  return bare.replace(/[^{(]/g, '').length - bare.replace(/[^})]/g, '').length;
}

/** Matches whole paths; any folder may hold a match. */
function asWhole(pattern: string): MatchState {
  const isMatch = safeGlob(pattern, options);
  const at = (path: string): MatchState => ({
    isMatch: path !== '' && isMatch(path),
    canDescend: true,
    next: (name) => at(path === '' ? name : `${path}/${name}`),
  });
  return at('');
}

type Segment = '**' | ((name: string) => boolean);

/** Matches name by name, so that only folders are entered that can hold a match. */
function bySegments(names: readonly string[]): MatchState {
  const segments = names.map((name): Segment => (name === '**' ? '**' : segmentTest(name)));
  /** Behind `**`, which may stand for no folder at all. */
  const spread = (states: readonly number[]): number[] => {
    const all = new Set<number>();
    for (let state of states) for (all.add(state); segments[state] === '**'; all.add(state)) state++;
    return [...all];
  };
  const at = (states: readonly number[], isStart: boolean): MatchState => ({
    isMatch: !isStart && states.includes(segments.length),
    canDescend: states.some((state) => state < segments.length),
    next(name) {
      const after = states.flatMap((state) => {
        const segment = segments[state];
        if (segment === undefined) return [];
        if (segment === '**') return [state];
        return segment(name) ? [state + 1] : [];
      });
      return at(spread(after), false);
    },
  });
  return at(spread([0]), true);
}

/** A name matches its pattern, or is the same text: `[id]` and `(group)` are names, too. */
function segmentTest(pattern: string): (name: string) => boolean {
  const bare = pattern.replace(/\\(.)/g, '$1');
  if (!special.test(pattern)) return (name) => name === pattern;
  const isMatch = safeGlob(pattern, options);
  return (name) => name === pattern || name === bare || isMatch(name);
}
