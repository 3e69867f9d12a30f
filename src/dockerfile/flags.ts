import { isSpace, trim } from './whitespace.ts';

/** A flag's word without quotes and escapes, and where it stands as it is written. */
export interface FlagWord {
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

export interface SplitFlags {
  readonly flags: readonly FlagWord[];
  /** What stands behind the flags. */
  readonly rest: string;
  /** True where BuildKit, which reads flags byte by byte, reads other characters than are written. */
  readonly isGarbled: boolean;
}

/** Words that begin with `--`, quotes and escapes taken off, up to the first that does not; `--` alone ends them. */
export function splitFlags(text: string, escapeToken: string): SplitFlags {
  const flags: FlagWord[] = [];
  let at = 0;
  const upTo = (end: number): SplitFlags => {
    const isGarbled = hasWideCharacter(text, end);
    return { flags, rest: trim(text.slice(at)), isGarbled };
  };
  for (;;) {
    while (at < text.length && isSpace(text[at]!)) at++;
    if (!text.startsWith('--', at)) return upTo(at);
    const start = at;
    let word = '';
    let quote = '';
    for (; at < text.length; at++) {
      const char = text[at]!;
      if (quote === '' && isSpace(char)) break;
      if (char === quote) quote = '';
      else if (quote === '' && (char === '"' || char === "'")) quote = char;
      else if (char !== escapeToken) word += char;
      else if (at + 1 < text.length) word += text[++at]!;
    }
    if (word === '--') return upTo(at);
    flags.push({ word, start, end: at });
  }
}

function hasWideCharacter(text: string, end: number): boolean {
  for (let at = 0; at < end; at++) if (text.charCodeAt(at) > 127) return true;
  return false;
}

/** The members of a JSON form; undefined where the text is none, and docker takes it as plain words. */
export function parseJsonForm(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const values: unknown = JSON.parse(text);
    if (Array.isArray(values) && values.every((value) => typeof value === 'string')) return values;
  } catch {
    // Not JSON after all.
  }
  return undefined;
}
