/** One pattern of an ignore file, without its `!`. */
export interface Pattern {
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
export function compilePattern(pattern: string): Pattern {
  checkSyntax(pattern);
  const special = /[*?[\]\\]/.test(pattern);
  if (!special) return exact(pattern);
  const stars = pattern.indexOf('**');
  const others = /[*?[\]\\]/.test(pattern.replace('**', ''));
  if (!others && stars === 0) return suffix(pattern.slice(2));
  if (!others && stars > 0 && stars === pattern.length - 2) return prefix(pattern.slice(0, -2));
  return expression(pattern);
}

function exact(pattern: string): Pattern {
  return {
    matches: (path) => path === pattern,
    mayMatchBelow: (dir) => pattern.startsWith(`${dir}/`),
  };
}

function prefix(start: string): Pattern {
  return {
    matches: (path) => path.startsWith(start),
    mayMatchBelow: (dir) => `${dir}/`.startsWith(start) || start.startsWith(`${dir}/`),
  };
}

function suffix(end: string): Pattern {
  const whole = end.startsWith('/') ? end.slice(1) : undefined;
  return { matches: (path) => path.endsWith(end) || path === whole, mayMatchBelow: () => true };
}

function expression(pattern: string): Pattern {
  const regex = toRegExp(pattern);
  return { matches: (path) => regex.test(path), mayMatchBelow: reach(pattern) };
}

/** Below which directories can a pattern with wildcards match? */
function reach(pattern: string): (dir: string) => boolean {
  // Only `*` and `?` are sure to stop at slashes; with anything else, the text before it is all that is certain.
  if (pattern.includes('**') || /[[\]\\]/.test(pattern)) {
    return prefix(/^[^*?[\]\\^]*/.exec(pattern)?.[0] ?? '').mayMatchBelow;
  }
  const parts = pattern.split('/');
  const heads = parts.slice(0, -1).map((_, index) => toRegExp(parts.slice(0, index + 1).join('/')));
  return (dir) => heads[dir.split('/').length - 1]?.test(dir) ?? false;
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
function toRegExp(pattern: string): RegExp {
  const chars = [...pattern];
  let text = '^';
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] as string;
    if (char === '*' && chars[at + 1] === '*') {
      at++;
      if (chars[at + 1] === '/') at++;
      text += at === chars.length - 1 ? '[^\\n]*' : '([^\\n]*/)?';
    } else if (char === '*') text += '[^/]*';
    else if (char === '?') text += '[^/]';
    else if (char === '\\') text += `\\${chars[++at] ?? '\\'}`;
    else text += '.+()|{}$'.includes(char) ? `\\${char}` : char;
  }
  return translate(`${text}$`);
}

/** Escapes that mean the same in Go's and JavaScript's expressions, and those that can be spelled out. */
const ESCAPES: Readonly<Record<string, string>> = {
  ...{ d: '\\d', D: '\\D', w: '\\w', W: '\\W', f: '\\f', n: '\\n', r: '\\r', t: '\\t', v: '\\v' },
  a: '\\x07',
};
const ESCAPES_OUTSIDE: Readonly<Record<string, string>> = {
  ...ESCAPES,
  ...{ b: '\\b', B: '\\B', s: '[\\t\\n\\f\\r ]', S: '[^\\t\\n\\f\\r ]', A: '^', z: '$' },
};

/** A regular expression of Go's syntax (as far as patterns lead to it) as one of JavaScript. */
function translate(source: string): RegExp {
  const chars = [...source];
  let text = '';
  let inClass = false;
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] as string;
    if (char === '\\') text += translateEscape(chars[++at] ?? '', inClass);
    else if (!inClass && char === ']') text += '\\]';
    else if (inClass && char === '[' && chars[at + 1] === ':') throw new Error('"[:" is not supported');
    else if (!inClass && char === '[') {
      inClass = true;
      text += char;
      if (chars[at + 1] === '^') text += chars[++at];
      // A bracket that comes first belongs to the class in Go, and would close it in JavaScript.
      if (chars[at + 1] === ']') text += `\\${chars[++at]}`;
    } else {
      if (char === ']') inClass = false;
      text += char;
    }
  }
  try {
    return new RegExp(text, 'u');
  } catch {
    throw new Error('it makes no valid regular expression');
  }
}

function translateEscape(char: string, inClass: boolean): string {
  if (!/[A-Za-z0-9]/.test(char))
    return /[\^$\\.*+?()[\]{}|/-]/.test(char) ? escapeSyntax(char, inClass) : char;
  const known = (inClass ? ESCAPES : ESCAPES_OUTSIDE)[char];
  if (known === undefined) throw new Error(`"\\${char}" is no valid escape`);
  return known;
}

function escapeSyntax(char: string, inClass: boolean): string {
  return char === '-' && !inClass ? char : `\\${char}`;
}
