import { hasPlaceholder, NeedValueError } from './placeholder.ts';

// The substitutions of `${…}`, as in BuildKit's shell.Lex.

/** A word that BuildKit would reject: an unterminated quote or brace, or an unsupported substitution. */
export class WordError extends Error {
  override readonly name = 'WordError';
}

/** A value that only the build knows, or that would take too long to compute. */
export class UnknownValueError extends Error {
  override readonly name = 'UnknownValueError';
}

/** How many steps a pattern may take before its result counts as unknown. */
const stepLimit = 10_000_000;

/**
 * Returns the value of `${name<colon><operator>word}`.
 * @throws WordError for an invalid pattern, and if `?` requires a value
 * @throws NeedValueError if a pattern applies to a need's value
 * @throws UnknownValueError
 */
export function substitute(
  name: string,
  value: string | undefined,
  operator: string,
  colon: boolean,
  word: string,
): string {
  const isMissing = value === undefined || (colon && value === '');
  switch (operator) {
    case '-':
      return isMissing ? word : value;
    case '+':
      return isMissing ? '' : word;
    case '?':
      if (isMissing) throw new WordError(`${name}: ${word || 'must be set'}`);
      return value;
    default: {
      checkNoPlaceholders(value ?? '', word);
      const longest = word.startsWith(operator);
      const pattern = longest ? word.slice(1) : word;
      if (operator === '#') return trimPrefix(pattern, value ?? '', longest);
      return reverse(trimPrefix(reversePattern(pattern), reverse(value ?? ''), longest));
    }
  }
}

/**
 * Returns the value of `${name/pattern/word}`, or of `${name//pattern/word}` if `all` is set.
 * @throws WordError for an invalid pattern; NeedValueError; UnknownValueError
 */
export function replacePattern(value: string, pattern: string, word: string, all: boolean): string {
  checkNoPlaceholders(value, pattern, word);
  // When Go replaces all matches, `$1` in the replacement is a group; a single replacement is literal.
  if (all && word.includes('$')) throw new UnknownValueError(word);
  checkCost(pattern, value);
  let end = -1;
  return value.replace(patternRegex(pattern, true, false, all ? 'gu' : 'u'), (match: string, at: number) => {
    // Go ignores an empty match that directly follows another match.
    const isIgnored = match === '' && at === end;
    end = at + match.length;
    return isIgnored ? '' : word;
  });
}

function checkNoPlaceholders(...texts: readonly string[]): void {
  if (texts.some(hasPlaceholder)) throw new NeedValueError();
}

function trimPrefix(pattern: string, value: string, longest: boolean): string {
  checkCost(pattern, value);
  const match = patternRegex(pattern, longest, true, 'u').exec(value);
  return match === null ? value : value.slice(match[0].length);
}

/** Limits backtracking, which happens at each star. @throws UnknownValueError for a value too long for the number of stars */
function checkCost(pattern: string, value: string): void {
  const stars = pattern.split('*').length - 1;
  if ((value.length + 1) ** (stars + 1) * (pattern.length + 1) > stepLimit)
    throw new UnknownValueError(pattern);
}

/** Compiles a pattern: `*` matches any text, `?` one character, `\` escapes them; nothing else is special. */
function patternRegex(pattern: string, longest: boolean, anchored: boolean, flags: string): RegExp {
  const chars = [...pattern];
  let source = anchored ? '^' : '';
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at]!;
    if (char === '*') source += longest ? '[^\\n]*' : '[^\\n]*?';
    else if (char === '?') source += '[^\\n]';
    else if (char === '\\') {
      const next = chars[at + 1];
      if (next === '}' || next === '/') continue;
      if (next === undefined || !'*?\\'.includes(next))
        throw new WordError(`invalid escape "\\${next ?? ''}" in a pattern`);
      source += `\\${next}`;
      at++;
    } else source += /[[\]{}.+()|^$/]/.test(char) ? `\\${char}` : char;
  }
  return new RegExp(source, flags);
}

function reverse(text: string): string {
  return [...text].reverse().join('');
}

/** Reverses a pattern, keeping each backslash before the character that it escapes. */
function reversePattern(pattern: string): string {
  return (pattern.match(/\\[\s\S]|[\s\S]/gu) ?? []).reverse().join('');
}
