/** Which paths of a context an ignore file leaves out. Paths are relative to the context, with `/`. */
export interface Ignore {
  ignores(path: string): boolean;
  /** False: nothing below this ignored folder can be let in again, so a walk may pass it over. Never false wrongly. */
  mayReinclude(folder: string): boolean;
}

/** A pattern that docker refuses. */
export class IgnoreError extends Error {
  override readonly name = 'IgnoreError';
}

interface Pattern {
  readonly text: string;
  readonly isException: boolean;
  readonly matches: (path: string) => boolean;
}

/**
 * An ignore file with the meaning that docker gives it (moby/patternmatcher, and fsutil's walk, which BuildKit uses): one
 * pattern a line, the last that matches wins, `!` lets in again, what matches a folder matches all below it.
 * @throws IgnoreError for a malformed pattern, with its line
 */
export function compileIgnore(text: string): Ignore {
  const patterns = readPatterns(text);
  const exceptions = patterns
    .filter((pattern) => pattern.isException)
    .map((pattern) => pattern.text.split('/'));
  // What each pattern said of a folder holds for all below it.
  const folders = new Map<string, readonly boolean[]>();
  const matchAll = (path: string): { ignored: boolean; each: readonly boolean[] } => {
    const slash = path.lastIndexOf('/');
    const parent = slash < 0 ? undefined : matchFolder(path.slice(0, slash));
    let ignored = false;
    const each = patterns.map((pattern, index) => {
      const isInherited = parent?.[index] === true;
      if (!isInherited && pattern.isException !== ignored) return false;
      const isMatch = isInherited || pattern.matches(path);
      if (isMatch) ignored = !pattern.isException;
      return isMatch;
    });
    return { ignored, each };
  };
  const matchFolder = (folder: string): readonly boolean[] => {
    const known = folders.get(folder);
    if (known !== undefined) return known;
    const { each } = matchAll(folder);
    folders.set(folder, each);
    return each;
  };
  return {
    ignores: (path) => patterns.length > 0 && matchAll(path).ignored,
    mayReinclude: (folder) => exceptions.some((segments) => mayMatchBelow(segments, folder.split('/'))),
  };
}

function readPatterns(text: string): Pattern[] {
  const lines = text.replace(/^\uFEFF/, '').split('\n');
  return lines.flatMap((line, index) => {
    if (line.startsWith('#')) return [];
    const trimmed = line.trim();
    const isException = trimmed.startsWith('!');
    const written = (isException ? trimmed.slice(1) : trimmed).trim();
    if (trimmed === '') return [];
    if (written === '') throw new IgnoreError(`line ${index + 1}: "!" without a pattern`);
    const cleaned = cleanPath(written).replace(/^\/(?=.)/, '');
    if (!isWellFormed(cleaned)) throw new IgnoreError(`line ${index + 1}: malformed pattern "${trimmed}"`);
    return [{ text: cleaned, isException, matches: compilePattern(cleaned) }];
  });
}

/** As Go's path.Clean: no empty or `.` segments, `..` taken back where it can be. */
function cleanPath(path: string): string {
  const isAbsolute = path.startsWith('/');
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment !== '..') kept.push(segment);
    else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop();
    else if (!isAbsolute) kept.push('..');
  }
  return (isAbsolute ? '/' : '') + kept.join('/') || (isAbsolute ? '/' : '.');
}

/** What Go's filepath.Match takes: classes are closed and hold something, an escape escapes something. */
function isWellFormed(pattern: string): boolean {
  for (let index = 0; index < pattern.length; index++) {
    if (pattern[index] === '\\' && ++index >= pattern.length) return false;
    if (pattern[index] !== '[') continue;
    const body = /^\[\^?((?:\\.|[^\]\\-])(?:-(?:\\.|[^\]\\-]))?)+\]/.exec(pattern.slice(index));
    if (body === null) return false;
    index += body[0].length - 1;
  }
  return true;
}

/**
 * moby's translation: `**` any folders, `*` and `?` within a name, classes as they are. Patterns without wildcards, or
 * with a single `**` at one end, are compared as text there, and so here: `**.md` matches `x.md`, `a^b` itself.
 */
function compilePattern(pattern: string): (path: string) => boolean {
  if (!/[*?[\]\\]/.test(pattern)) return (path) => path === pattern;
  const [, before, after] = /^([^*?[\]\\]*)\*\*([^*?[\]\\]*)$/.exec(pattern) ?? [];
  if (before === '')
    return (path) => path.endsWith(after!) || (after!.startsWith('/') && path === after!.slice(1));
  if (after === '') return (path) => path.startsWith(before!);
  const regex = toRegex(pattern);
  return (path) => regex.test(path);
}

function toRegex(pattern: string): RegExp {
  let source = '';
  for (let index = 0; index < pattern.length; index++) {
    const char = pattern[index]!;
    if (char === '*' && pattern[index + 1] === '*') {
      index++;
      if (pattern[index + 1] === '/') index++;
      source += index + 1 >= pattern.length ? '[^\\n]*' : '(?:[^\\n]*/)?';
    } else if (char === '*') source += '[^/]*';
    else if (char === '?') source += '[^/]';
    else if (char === '\\') {
      index++;
      source += escapeChar(pattern[index] ?? '\\');
    } else if ('[]^-'.includes(char)) source += char;
    else source += escapeChar(char);
  }
  try {
    return new RegExp(`^${source}$`);
  } catch {
    // Only classes can still be wrong, such as [z-a]; docker refuses them too.
    throw new IgnoreError(`malformed pattern "${pattern}"`);
  }
}

function escapeChar(char: string): string {
  return char.replace(/[.*+?^${}()|[\]\\/]/, '\\$&');
}

/** Whether an exception could match the folder, something below it, or something above it. In doubt it could. */
function mayMatchBelow(exception: readonly string[], folder: readonly string[]): boolean {
  for (const [index, segment] of exception.entries()) {
    if (index >= folder.length || segment.includes('**')) return true;
    if (!/[*?[\]\\^]/.test(segment) && segment !== folder[index]) return false;
  }
  return true;
}
