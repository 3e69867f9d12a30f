import { compileGoRegexp, optionalFolders } from './go-regexp.ts';

/** One pattern of an ignore file, without its `!`. */
export interface IgnorePattern {
  /** Tells whether the pattern matches this path itself (not a parent of it). */
  matches(path: string): boolean;
  /** False if the pattern certainly matches no path below this directory. */
  mayMatchBelow(dir: string): boolean;
}

/**
 * Compiles a cleaned ignore pattern with the semantics of moby/patternmatcher: `*` and `?` stop at slashes, `**` does not,
 * `[…]` is a class, `\` escapes. @throws Error with the reason if docker would reject the pattern, or if it contains a form
 * whose meaning in docker is an accident of its regular expressions
 */
export function compileIgnorePattern(pattern: string): IgnorePattern {
  checkSyntax(pattern);
  const hasWildcards = /[*?[\]\\]/.test(pattern);
  if (!hasWildcards) return exactPattern(pattern);
  const stars = pattern.indexOf('**');
  const hasOthers = /[*?[\]\\]/.test(pattern.replace('**', ''));
  if (!hasOthers && stars === 0) return suffixPattern(pattern.slice(2));
  if (!hasOthers && stars > 0 && stars === pattern.length - 2) return prefixPattern(pattern.slice(0, -2));
  return { matches: compileGoRegexp(dockerRegexp(pattern)), mayMatchBelow: matchesBelow(pattern) };
}

function exactPattern(pattern: string): IgnorePattern {
  return {
    matches: (path) => path === pattern,
    mayMatchBelow: (dir) => pattern.startsWith(`${dir}/`),
  };
}

function prefixPattern(prefix: string): IgnorePattern {
  return {
    matches: (path) => path.startsWith(prefix),
    mayMatchBelow: (dir) => `${dir}/`.startsWith(prefix) || prefix.startsWith(`${dir}/`),
  };
}

function suffixPattern(suffix: string): IgnorePattern {
  const whole = suffix.startsWith('/') ? suffix.slice(1) : undefined;
  return { matches: (path) => path.endsWith(suffix) || path === whole, mayMatchBelow: () => true };
}

/** Returns the `mayMatchBelow` of a pattern with wildcards. */
function matchesBelow(pattern: string): (dir: string) => boolean {
  // Only `*` and `?` are known to stop at slashes. With any other wildcard, only the text before it is certain.
  if (pattern.includes('**') || /[[\]\\]/.test(pattern)) {
    return prefixPattern(/^[^*?[\]\\^]*/.exec(pattern)?.[0] ?? '').mayMatchBelow;
  }
  const parts = pattern.split('/');
  const heads = new Map<number, (dir: string) => boolean>();
  return (dir) => {
    const depth = dir.split('/').length;
    if (depth >= parts.length) return false;
    const head = heads.get(depth) ?? compileGoRegexp(dockerRegexp(parts.slice(0, depth).join('/')));
    heads.set(depth, head);
    return head(dir);
  };
}

/** Checks the syntax of Go's `filepath.Match`, with which docker validates patterns before it uses them. */
function checkSyntax(pattern: string): void {
  const chars = [...pattern];
  let at = 0;
  const skipChar = (): void => {
    const char = chars[at];
    if (char === undefined || char === '-' || char === ']') throw new Error('incomplete character class');
    at += char === '\\' ? 2 : 1;
    if (at > chars.length) throw new Error('nothing follows the backslash');
    if (at === chars.length) throw new Error('"[" is not closed');
  };
  while (at < chars.length) {
    const char = chars[at++];
    if (char === '\\' && at++ >= chars.length) throw new Error('nothing follows the backslash');
    if (char !== '[') continue;
    if (chars[at] === '^') at++;
    for (let first = true; first || chars[at] !== ']'; first = false) {
      skipChar();
      if (chars[at] === '-') {
        at++;
        skipChar();
      }
    }
    at++;
  }
}

/** Returns the text of the regular expression that docker generates from a pattern; classes are copied as they are. */
function dockerRegexp(pattern: string): string {
  const chars = [...pattern];
  let text = '';
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] as string;
    if (char === '*' && chars[at + 1] === '*') {
      at++;
      if (chars[at + 1] === '/') at++;
      text += at === chars.length - 1 ? '[^\\n]*' : optionalFolders;
    } else if (char === '*') text += '[^/]*';
    else if (char === '?') text += '[^/]';
    else if (char === '\\') text += `\\${chars[++at] ?? '\\'}`;
    else text += '.+()|{}$'.includes(char) ? `\\${char}` : char;
  }
  return text;
}
