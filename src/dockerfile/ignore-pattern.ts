import { compileGoRegexp, optionalFolders } from './go-regexp.ts';

/** One pattern of an ignore file, without its `!`. */
export interface IgnorePattern {
  /** True where the pattern matches this very path (not a parent of it). */
  matches(path: string): boolean;
  /** False where the pattern is certain to match no path below this directory. */
  mayMatchBelow(dir: string): boolean;
}

/**
 * Compiles a cleaned ignore pattern, with the meaning of moby/patternmatcher: `*` and `?` stop at slashes, `**` does
 * not, `[…]` is a class, `\` takes a special meaning away. Throws an Error with a plain reason where docker would
 * refuse the pattern, or where it holds a form whose meaning in docker is an accident of its regular expressions.
 */
export function compileIgnorePattern(pattern: string): IgnorePattern {
  checkSyntax(pattern);
  const special = /[*?[\]\\]/.test(pattern);
  if (!special) return exact(pattern);
  const stars = pattern.indexOf('**');
  const others = /[*?[\]\\]/.test(pattern.replace('**', ''));
  if (!others && stars === 0) return suffix(pattern.slice(2));
  if (!others && stars > 0 && stars === pattern.length - 2) return prefix(pattern.slice(0, -2));
  return expression(pattern);
}

function exact(pattern: string): IgnorePattern {
  return {
    matches: (path) => path === pattern,
    mayMatchBelow: (dir) => pattern.startsWith(`${dir}/`),
  };
}

function prefix(start: string): IgnorePattern {
  return {
    matches: (path) => path.startsWith(start),
    mayMatchBelow: (dir) => `${dir}/`.startsWith(start) || start.startsWith(`${dir}/`),
  };
}

function suffix(end: string): IgnorePattern {
  const whole = end.startsWith('/') ? end.slice(1) : undefined;
  return { matches: (path) => path.endsWith(end) || path === whole, mayMatchBelow: () => true };
}

function expression(pattern: string): IgnorePattern {
  const matches = compileGoRegexp(dockerExpression(pattern));
  return { matches, mayMatchBelow: reach(pattern) };
}

/** Below which directories can a pattern with wildcards match? */
function reach(pattern: string): (dir: string) => boolean {
  // Only `*` and `?` are sure to stop at slashes; with anything else, the text before it is all that is certain.
  if (pattern.includes('**') || /[[\]\\]/.test(pattern)) {
    return prefix(/^[^*?[\]\\^]*/.exec(pattern)?.[0] ?? '').mayMatchBelow;
  }
  const parts = pattern.split('/');
  const heads = new Map<number, (dir: string) => boolean>();
  return (dir) => {
    const depth = dir.split('/').length;
    if (depth >= parts.length) return false;
    const head = heads.get(depth) ?? compileGoRegexp(dockerExpression(parts.slice(0, depth).join('/')));
    heads.set(depth, head);
    return head(dir);
  };
}

/** The syntax of Go's `filepath.Match`, by which docker refuses patterns before it uses them. */
function checkSyntax(pattern: string): void {
  const chars = [...pattern];
  let at = 0;
  const one = (): void => {
    const char = chars[at];
    if (char === undefined || char === '-' || char === ']')
      throw new Error('a character class is not complete');
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
      one();
      if (chars[at] === '-') {
        at++;
        one();
      }
    }
    at++;
  }
}

/** docker turns a pattern into the text of a regular expression, brackets included; this is the same text. */
function dockerExpression(pattern: string): string {
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
