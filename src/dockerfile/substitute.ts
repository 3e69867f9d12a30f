import { hasPlaceholder, NeedValueError } from './placeholder.ts';

// What stands behind a variable's name in braces, as BuildKit's shell.Lex has it.

/** A word that BuildKit would refuse: a quote or brace without its end, a substitution that does not exist. */
export class WordError extends Error {
  override readonly name = 'WordError';
}

/** A value that only the build itself knows, or that would take too long to find. */
export class UnknownValueError extends Error {
  override readonly name = 'Unknowable';
}

/** How many steps a pattern may take before its result is called unknowable. */
const stepLimit = 10_000_000;

/**
 * `${name<colon><operator>word}`.
 * @throws WordError for a pattern that is none, and where `?` wants a value; MadeOfNeed where a pattern meets a need's value;
 * Unknowable
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
      checkKnown(value ?? '', word);
      const longest = word.startsWith(operator);
      const pattern = longest ? word.slice(1) : word;
      if (operator === '#') return trimPrefix(pattern, value ?? '', longest);
      return reverse(trimPrefix(reversePattern(pattern), reverse(value ?? ''), longest));
    }
  }
}

/** `${name/pattern/word}`, and with `//` for `all`. @throws WordError for a pattern that is none */
export function replacePattern(value: string, pattern: string, word: string, all: boolean): string {
  checkKnown(value, pattern, word);
  // Go replaces all with `$1` as a group; single replacements are taken as they are.
  if (all && word.includes('$')) throw new UnknownValueError(word);
  checkCost(pattern, value);
  let end = -1;
  return value.replace(patternRegex(pattern, true, false, all ? 'gu' : 'u'), (match: string, at: number) => {
    // Go takes no empty match right behind another one.
    const isNone = match === '' && at === end;
    end = at + match.length;
    return isNone ? '' : word;
  });
}

function checkKnown(...texts: readonly string[]): void {
  if (texts.some(hasPlaceholder)) throw new NeedValueError();
}

function trimPrefix(pattern: string, value: string, longest: boolean): string {
  checkCost(pattern, value);
  const match = patternRegex(pattern, longest, true, 'u').exec(value);
  return match === null ? value : value.slice(match[0].length);
}

/** Expressions go back at each star: @throws Unknowable for values too long for their number. */
function checkCost(pattern: string, value: string): void {
  const stars = pattern.split('*').length - 1;
  if ((value.length + 1) ** (stars + 1) * (pattern.length + 1) > stepLimit)
    throw new UnknownValueError(pattern);
}

/** `*` any text, `?` one character, `\` takes the meaning of these away; nothing else is special. */
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
        throw new WordError(`"\\${next ?? ''}" is no escape in a pattern`);
      source += `\\${next}`;
      at++;
    } else source += /[[\]{}.+()|^$/]/.test(char) ? `\\${char}` : char;
  }
  return new RegExp(source, flags);
}

function reverse(text: string): string {
  return [...text].reverse().join('');
}

/** Escapes stay before what they escape. */
function reversePattern(pattern: string): string {
  return (pattern.match(/\\[\s\S]|[\s\S]/gu) ?? []).reverse().join('');
}
