import type { Instruction } from './parse.ts';
import { isSpace } from './whitespace.ts';

/** One variable of ARG or ENV, its value as it is written; undefined where an ARG has none. */
export interface Assignment {
  readonly name: string;
  readonly value: string | undefined;
}

/** The variables that an ARG or ENV sets: `a b=c` of ARG; `a=b c=d` or the old form `a b c` of ENV. */
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

/** Words parted by white space outside of quotes; quotes and escapes stay (BuildKit's `parseWords`). */
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
    // One that escapes nothing, at the very end, is dropped.
    if (isEscape && at + 1 === text.length) break;
    word += char;
    if (isEscape) word += text[++at];
    else if (quote === '' && (char === '"' || char === "'")) quote = char;
    else if (char === quote) quote = '';
  }
  return word === '' ? words : [...words, word];
}
