import { type Atom, compileAutomaton, type Part } from './automaton.ts';

/** The expression that docker generates for a `**` that is not at the end of a pattern. */
export const optionalFolders = '([^\\n]*/)?';

/** An expression with more repetitions runs in the automaton, because JavaScript's engine backtracks at each repetition. */
const nativeRepetitionLimit = 2;

/** Escapes that mean the same in Go's and JavaScript's expressions, and escapes that can be spelled out. */
const escapes: Readonly<Record<string, string>> = {
  ...{ d: '\\d', D: '\\D', w: '\\w', W: '\\W', f: '\\f', n: '\\n', r: '\\r', t: '\\t', v: '\\v' },
  a: '\\x07',
};
const escapesOutsideClass: Readonly<Record<string, string>> = {
  ...escapes,
  ...{ s: '[\\t\\n\\f\\r ]', S: '[^\\t\\n\\f\\r ]' },
};

const isWord = (char: string | undefined): boolean => char !== undefined && /\w/.test(char);
const isWordBoundary = (before: string | undefined, after: string | undefined): boolean =>
  isWord(before) !== isWord(after);
const assertions: Readonly<Record<string, Extract<Atom, { asserts: unknown }>['asserts']>> = {
  '^': (before) => before === undefined,
  A: (before) => before === undefined,
  z: (_, after) => after === undefined,
  b: isWordBoundary,
  B: (before, after) => !isWordBoundary(before, after),
};
/** The same assertions in JavaScript's syntax. */
const assertionTexts: Readonly<Record<string, string>> = { '^': '^', A: '^', z: '$', b: '\\b', B: '\\B' };

/** One part of the expression: for the automaton, and in JavaScript's syntax. */
interface CompiledPart {
  readonly part: Part;
  readonly text: string;
  /** The number of repetitions in it. */
  readonly repetitions: number;
}

/**
 * Returns a function that tells whether an expression in Go's syntax matches a whole text. It supports the expressions that
 * docker generates from patterns. @throws Error with the reason if Go would reject the expression, or if it contains a form
 * whose meaning is accidental
 */
export function compileGoRegexp(source: string): (text: string) => boolean {
  const parts = parseParts([...source]);
  if (parts.reduce((sum, { repetitions }) => sum + repetitions, 0) > nativeRepetitionLimit)
    return compileAutomaton(parts.map(({ part }) => part));
  const regex = compileNative(`^${parts.map(({ text }) => text).join('')}$`);
  return (text) => regex.test(text);
}

function parseParts(chars: readonly string[]): CompiledPart[] {
  const parts: CompiledPart[] = [];
  for (let at = 0; at < chars.length; ) {
    if (chars.slice(at, at + optionalFolders.length).join('') === optionalFolders) {
      const optional: Part[] = [
        { atom: { consumes: (char) => char !== '\n' }, quantifier: '*' },
        { atom: { consumes: (char) => char === '/' }, quantifier: '' },
      ];
      parts.push({ part: { optional }, text: '(?:[^\\n]*\\/)?', repetitions: 1 });
      at += optionalFolders.length;
      continue;
    }
    const { atom, text, end } = parseAtom(chars, at);
    const next = chars[end];
    const quantifier = next === '*' || next === '?' ? next : '';
    if (quantifier !== '' && 'asserts' in atom) throw new Error('an assertion cannot repeat');
    parts.push({
      part: { atom, quantifier },
      text: text + quantifier,
      repetitions: quantifier === '*' ? 1 : 0,
    });
    at = end + quantifier.length;
  }
  return parts;
}

type ParsedAtom = { readonly atom: Atom; readonly text: string; readonly end: number };

function parseAtom(chars: readonly string[], at: number): ParsedAtom {
  const char = chars[at]!;
  if (char === '[') return parseClass(chars, at);
  if (char === '^') return { atom: { asserts: assertions['^']! }, text: '^', end: at + 1 };
  if ('*?'.includes(char)) throw new Error('there is nothing to repeat');
  if (')('.includes(char)) throw new Error('not a valid regular expression');
  if (char !== '\\') return literal(char, at + 1);
  const escaped = chars[at + 1] ?? '';
  if (Object.hasOwn(assertions, escaped))
    return { atom: { asserts: assertions[escaped]! }, text: assertionTexts[escaped]!, end: at + 2 };
  if (!/[A-Za-z0-9]/.test(escaped)) return literal(escaped, at + 2);
  const known = escapesOutsideClass[escaped];
  if (known === undefined) throw new Error(`invalid escape "\\${escaped}"`);
  return nativeAtom(known, at + 2);
}

function literal(char: string, end: number): ParsedAtom {
  const text = /[\^$\\.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char;
  return { atom: { consumes: (each) => each === char }, text, end };
}

/** An atom that JavaScript's engine can match. */
function nativeAtom(text: string, end: number): ParsedAtom {
  const regex = compileNative(`^${text}$`);
  return { atom: { consumes: (char) => regex.test(char) }, text, end };
}

function parseClass(chars: readonly string[], start: number): ParsedAtom {
  let text = '[';
  let at = start + 1;
  if (chars[at] === '^') text += chars[at++];
  for (let isFirst = true; isFirst || chars[at] !== ']'; isFirst = false) {
    const char = chars[at];
    if (char === undefined) throw new Error('not a valid regular expression');
    if (char === '[' && chars[at + 1] === ':') throw new Error('"[:" is not supported');
    if (char === '\\') text += classEscape(chars[++at] ?? '');
    // A leading bracket is a member of the class in Go, and would close the class in JavaScript.
    else text += char === ']' ? '\\]' : char;
    at++;
  }
  return nativeAtom(`${text}]`, at + 1);
}

function classEscape(char: string): string {
  if (!/[A-Za-z0-9]/.test(char)) return /[\^$\\.*+?()[\]{}|/-]/.test(char) ? `\\${char}` : char;
  const known = escapes[char];
  if (known === undefined) throw new Error(`invalid escape "\\${char}"`);
  return known;
}

function compileNative(source: string): RegExp {
  try {
    return new RegExp(source, 'u');
  } catch {
    throw new Error('not a valid regular expression');
  }
}
