import { isSpace, trim } from './whitespace.ts';

/** A flag with quotes and escapes removed, and its range in the source text. */
export interface FlagWord {
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

export interface SplitFlags {
  readonly flags: readonly FlagWord[];
  /** The text after the flags. */
  readonly rest: string;
  /** True if the flags contain non-ASCII characters, which BuildKit garbles because it reads flags byte by byte. */
  readonly hasNonAscii: boolean;
}

/**
 * Splits off the leading words that begin with `--`, with quotes and escapes removed. A bare `--` ends the flags and is
 * dropped.
 */
export function splitFlags(text: string, escapeToken: string): SplitFlags {
  const flags: FlagWord[] = [];
  let at = 0;
  const finish = (): SplitFlags => ({
    flags,
    rest: trim(text.slice(at)),
    hasNonAscii: hasNonAsciiBefore(text, at),
  });
  for (;;) {
    while (at < text.length && isSpace(text[at]!)) at++;
    if (!text.startsWith('--', at)) return finish();
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
    if (word === '--') return finish();
    flags.push({ word, start, end: at });
  }
}

function hasNonAsciiBefore(text: string, end: number): boolean {
  for (let at = 0; at < end; at++) if (text.charCodeAt(at) > 127) return true;
  return false;
}

/** Parses the JSON form of an instruction. Returns undefined if the text isn't an array of strings: docker reads it as words. */
export function parseJsonForm(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const values: unknown = JSON.parse(text);
    if (Array.isArray(values) && values.every((value) => typeof value === 'string')) return values;
  } catch {
    // Words that begin with a bracket.
  }
  return undefined;
}
