import type { Instruction } from './parse.ts';
import { isSpace } from './whitespace.ts';

/** One variable of an ARG or ENV instruction. */
export interface Assignment {
  readonly name: string;
  /** As written; undefined for an ARG without a default. */
  readonly value: string | undefined;
}

/** Parses the variables of an ARG (`a b=c`) or ENV (`a=b c=d`, or the old form `a b c`). */
export function parseAssignments({ keyword, rest }: Instruction, escapeToken: string): Assignment[] {
  const words = splitWords(rest, escapeToken);
  if (keyword === 'ENV' && !words[0]?.includes('=')) {
    const [, name, value] = /^([^\t\v\f\r ]+)(?:[\t\v\f\r ]+([\s\S]*))?$/.exec(rest) ?? [];
    return name === undefined ? [] : [{ name, value: value ?? '' }];
  }
  return words.map((word) => {
    const at = word.indexOf('=');
    return at < 0 ? { name: word, value: undefined } : { name: word.slice(0, at), value: word.slice(at + 1) };
  });
}

/** Returns the names as written, which is how builders read them in an ARG before the first FROM. */
export function assignedNames(instruction: Instruction, escapeToken: string): string[] {
  return parseAssignments(instruction, escapeToken).map(({ name }) => name);
}

/** Splits a text at white space outside of quotes, keeping quotes and escapes (BuildKit's `parseWords`). */
function splitWords(text: string, escapeToken: string): string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (quote === '' && isSpace(char)) {
      if (word !== '') words.push(word);
      word = '';
      continue;
    }
    const isEscape = char === escapeToken && quote !== "'";
    // BuildKit drops an escape character at the end of the text.
    if (isEscape && at + 1 === text.length) break;
    word += char;
    if (isEscape) word += text[++at];
    else if (quote === '' && (char === '"' || char === "'")) quote = char;
    else if (char === quote) quote = '';
  }
  return word === '' ? words : [...words, word];
}
