import { type Atom, compileAutomaton, type Part } from './automaton.ts';

/** What docker writes for a `**` that is not the last of a pattern. */
export const optionalFolders = '([^\\n]*/)?';

/** Expressions with more repetitions than this go through the automaton: JavaScript's own go back at each of them. */
const plainRepetitions = 2;

/** Escapes that mean the same in Go's and JavaScript's expressions, and those that can be spelled out. */
const escapes: Readonly<Record<string, string>> = {
  ...{ d: '\\d', D: '\\D', w: '\\w', W: '\\W', f: '\\f', n: '\\n', r: '\\r', t: '\\t', v: '\\v' },
  a: '\\x07',
};
const escapesOutside: Readonly<Record<string, string>> = {
  ...escapes,
  ...{ s: '[\\t\\n\\f\\r ]', S: '[^\\t\\n\\f\\r ]' },
};

const isWord = (char: string | undefined): boolean => char !== undefined && /\w/.test(char);
const isEdge = (before: string | undefined, behind: string | undefined): boolean =>
  isWord(before) !== isWord(behind);
const places: Readonly<Record<string, Extract<Atom, { holds: unknown }>['holds']>> = {
  '^': (before) => before === undefined,
  A: (before) => before === undefined,
  z: (_, behind) => behind === undefined,
  b: isEdge,
  B: (before, behind) => !isEdge(before, behind),
};
/** The same in JavaScript's expressions. */
const placeTexts: Readonly<Record<string, string>> = { '^': '^', A: '^', z: '$', b: '\\b', B: '\\B' };

/** A step of the expression: for the automaton, and as JavaScript writes it. */
interface Step {
  readonly part: Part;
  readonly text: string;
  /** How often it repeats. */
  readonly repetitions: number;
}

/**
 * Whether an expression of Go's syntax, as far as docker's patterns lead to it, matches a whole text. @throws Error with a plain
 * reason where Go would refuse it, or where it holds a form whose meaning is an accident
 */
export function compileGoRegexp(source: string): (text: string) => boolean {
  const steps = readSteps([...source]);
  if (steps.reduce((sum, { repetitions }) => sum + repetitions, 0) > plainRepetitions)
    return compileAutomaton(steps.map(({ part }) => part));
  const regex = compiled(`^${steps.map(({ text }) => text).join('')}$`);
  return (text) => regex.test(text);
}

function readSteps(chars: readonly string[]): Step[] {
  const steps: Step[] = [];
  for (let at = 0; at < chars.length; ) {
    if (chars.slice(at, at + optionalFolders.length).join('') === optionalFolders) {
      const maybe: Part[] = [
        { atom: { takes: (char) => char !== '\n' }, often: 'any' },
        { atom: { takes: (char) => char === '/' }, often: 'once' },
      ];
      steps.push({ part: { maybe }, text: '(?:[^\\n]*\\/)?', repetitions: 1 });
      at += optionalFolders.length;
      continue;
    }
    const { atom, text, end } = readAtom(chars, at);
    const sign = chars[end];
    const often = sign === '*' ? 'any' : sign === '?' ? 'maybe' : 'once';
    if (often !== 'once' && 'holds' in atom) throw new Error('it repeats what takes no character');
    steps.push({
      part: { atom, often },
      text: often === 'once' ? text : text + sign,
      repetitions: often === 'any' ? 1 : 0,
    });
    at = often === 'once' ? end : end + 1;
  }
  return steps;
}

type Read = { readonly atom: Atom; readonly text: string; readonly end: number };

function readAtom(chars: readonly string[], at: number): Read {
  const char = chars[at]!;
  if (char === '[') return readClass(chars, at);
  if (char === '^') return { atom: { holds: places['^']! }, text: '^', end: at + 1 };
  if ('*?'.includes(char)) throw new Error('it repeats nothing');
  if (')('.includes(char)) throw new Error('it makes no valid regular expression');
  if (char !== '\\') return literal(char, at + 1);
  const escaped = chars[at + 1] ?? '';
  if (Object.hasOwn(places, escaped))
    return { atom: { holds: places[escaped]! }, text: placeTexts[escaped]!, end: at + 2 };
  if (!/[A-Za-z0-9]/.test(escaped)) return literal(escaped, at + 2);
  const known = escapesOutside[escaped];
  if (known === undefined) throw new Error(`"\\${escaped}" is no valid escape`);
  return taking(known, at + 2);
}

function literal(char: string, end: number): Read {
  const text = /[\^$\\.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char;
  return { atom: { takes: (each) => each === char }, text, end };
}

/** An atom that JavaScript's expressions have, too. */
function taking(text: string, end: number): Read {
  const regex = compiled(`^${text}$`);
  return { atom: { takes: (char) => regex.test(char) }, text, end };
}

function readClass(chars: readonly string[], start: number): Read {
  let text = '[';
  let at = start + 1;
  if (chars[at] === '^') text += chars[at++];
  for (let isFirst = true; isFirst || chars[at] !== ']'; isFirst = false) {
    const char = chars[at];
    if (char === undefined) throw new Error('it makes no valid regular expression');
    if (char === '[' && chars[at + 1] === ':') throw new Error('"[:" is not supported');
    if (char === '\\') text += classEscape(chars[++at] ?? '');
    // A bracket that comes first belongs to the class in Go, and would close it in JavaScript.
    else text += char === ']' ? '\\]' : char;
    at++;
  }
  return taking(`${text}]`, at + 1);
}

function classEscape(char: string): string {
  if (!/[A-Za-z0-9]/.test(char)) return /[\^$\\.*+?()[\]{}|/-]/.test(char) ? `\\${char}` : char;
  const known = escapes[char];
  if (known === undefined) throw new Error(`"\\${char}" is no valid escape`);
  return known;
}

function compiled(source: string): RegExp {
  try {
    return new RegExp(source, 'u');
  } catch {
    throw new Error('it makes no valid regular expression');
  }
}
