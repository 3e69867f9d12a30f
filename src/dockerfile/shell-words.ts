import { replacePattern, substitute, UnknownValueError, WordError } from './substitute.ts';
import { isSpace } from './whitespace.ts';

/** Returns the value of a variable, or undefined if it is not set. */
export type Lookup = (name: string) => string | undefined;

export interface WordOptions {
  /** The escape character; a backslash by default. */
  readonly escape?: string;
  /** Keeps quotes in the result. */
  readonly rawQuotes?: boolean;
  /** Keeps escape characters in the result. */
  readonly rawEscapes?: boolean;
  /** Keeps variables that are not set as written. */
  readonly skipUnset?: boolean;
}

/**
 * Expands variables, removes quotes and escapes, and splits into words the way BuildKit's `shell.Lex` does. It supports `$x`,
 * `${x}`, `${x:-word}`, `:+`, `:?`, the same without colon, `${x#pattern}`, `##`, `%`, `%%`, `${x/pattern/word}`, and `//`.
 * `text` is the result as a single word.
 * @throws WordError; UnknownValueError for what would take too long; and any error of `lookup`
 */
export function expandWords(
  source: string,
  lookup: Lookup,
  options: WordOptions = {},
): { text: string; words: readonly string[] } {
  return new Lexer(source, lookup, options).until(undefined, options.rawEscapes === true);
}

/** Limits of the nesting of braces and of the total length of values (in characters). Beyond them a value counts as unknown. */
const depthLimit = 200;
const textLimit = 1_000_000;

const special = /[@*#?\-$!0]/;
const digit = /\p{Nd}/u;
const nameChar = /[\p{L}\p{Nd}_]/u;

/** Collects characters into words, which end at white space that is not quoted or escaped. */
class Words {
  readonly #done: string[] = [];
  #current = '';

  add(char: string): void {
    if (!isSpace(char)) this.#current += char;
    else if (this.#current !== '') this.#done.push(this.#take());
  }

  addRaw(text: string): void {
    this.#current += text;
  }

  finish(): string[] {
    return this.#current === '' ? this.#done : [...this.#done, this.#take()];
  }

  #take(): string {
    const word = this.#current;
    this.#current = '';
    return word;
  }
}

class Lexer {
  readonly #chars: readonly string[];
  readonly #lookup: Lookup;
  readonly #options: WordOptions;
  readonly #escape: string;
  #at = 0;
  #depth = 0;
  #expandedLength = 0;

  constructor(source: string, lookup: Lookup, options: WordOptions) {
    // Go's scanner drops a byte order mark at the start of a word.
    this.#chars = [...source.replace(/^\uFEFF/, '')];
    this.#lookup = (name) => {
      const value = lookup(name);
      this.#expandedLength += value?.length ?? 0;
      if (this.#expandedLength > textLimit) throw new UnknownValueError(name);
      return value;
    };
    this.#options = options;
    this.#escape = options.escape ?? '\\';
  }

  /** Reads to a closing character, or to the end if `stop` is undefined. */
  until(stop: string | undefined, rawEscapes: boolean): { text: string; words: readonly string[] } {
    if (++this.#depth > depthLimit) throw new UnknownValueError('nested braces');
    const found = this.#until(stop, rawEscapes);
    this.#depth--;
    return found;
  }

  #until(stop: string | undefined, rawEscapes: boolean): { text: string; words: readonly string[] } {
    const words = new Words();
    let text = '';
    for (let char = this.#peek(); char !== undefined; char = this.#peek()) {
      if (char === stop) {
        this.#at++;
        return { text, words: words.finish() };
      }
      const part = this.#special(char, rawEscapes);
      if (part !== undefined) {
        text += part;
        if (char === '$') for (const each of part) words.add(each);
        else words.addRaw(part);
        continue;
      }
      this.#at++;
      if (char !== this.#escape) {
        words.add(char);
        text += char;
        continue;
      }
      const escaped = this.#next();
      const kept = `${rawEscapes ? char : ''}${escaped ?? ''}`;
      words.addRaw(kept);
      text += kept;
    }
    if (stop !== undefined) throw new WordError(`missing "${stop}"`);
    return { text, words: words.finish() };
  }

  #special(char: string, rawEscapes: boolean): string | undefined {
    if (char === '$') return this.#dollar();
    if (char === '<') return this.#heredocMarker();
    if (char === "'") return this.#singleQuoted();
    if (char === '"') return this.#doubleQuoted(rawEscapes);
    return undefined;
  }

  #singleQuoted(): string {
    const quote = this.#options.rawQuotes ? "'" : '';
    this.#at++;
    const end = this.#chars.indexOf("'", this.#at);
    if (end < 0) throw new WordError('unterminated single quote');
    const text = this.#chars.slice(this.#at, end).join('');
    this.#at = end + 1;
    return quote + text + quote;
  }

  #doubleQuoted(rawEscapes: boolean): string {
    const quote = this.#options.rawQuotes ? '"' : '';
    let text = '';
    this.#at++;
    for (;;) {
      const char = this.#peek();
      if (char === undefined) throw new WordError('unterminated double quote');
      if (char === '$') {
        text += this.#dollar();
        continue;
      }
      this.#at++;
      if (char === '"') return quote + text + quote;
      if (char !== this.#escape) {
        text += char;
        continue;
      }
      if (rawEscapes) text += char;
      const next = this.#peek();
      if (next === undefined) continue;
      const isEscaped = next === '"' || next === '$' || next === this.#escape;
      if (isEscaped) this.#at++;
      text += isEscaped ? next : char;
    }
  }

  /** `<<` and the white space after it belong to the word of a heredoc. */
  #heredocMarker(): string {
    this.#at++;
    if (this.#peek() !== '<') return '<';
    this.#at++;
    let space = '';
    for (let char = this.#peek(); char === ' ' || char === '\t' || char === '\r'; char = this.#peek())
      space += this.#next();
    return `<<${space}`;
  }

  #dollar(): string {
    this.#at++;
    if (this.#peek() !== '{') {
      const name = this.#name();
      if (name === '') return '$';
      return this.#lookup(name) ?? (this.#options.skipUnset ? `$${name}` : '');
    }
    this.#at++;
    if (['{', '}', ':', undefined].includes(this.#peek())) throw new WordError('bad substitution');
    const name = this.#name();
    const char = this.#next();
    if (char === '}') return this.#lookup(name) ?? (this.#options.skipUnset ? `\${${name}}` : '');
    if (char === '/') return this.#replacement(name);
    const colon = char === ':';
    const operator = colon ? this.#next() : char;
    if (operator === undefined || !(colon ? '-+?' : '-+?#%').includes(operator))
      throw new WordError(`unsupported substitution "${colon ? ':' : ''}${operator ?? ''}"`);
    const word = this.until('}', operator === '#' || operator === '%').text;
    const value = this.#lookup(name);
    if (value === undefined && this.#options.skipUnset)
      return `\${${name}${colon ? ':' : ''}${operator}${word}}`;
    return substitute(name, value, operator, colon, word);
  }

  #replacement(name: string): string {
    const all = this.#peek() === '/';
    if (all) this.#at++;
    const pattern = this.until('/', true).text;
    const word = this.until('}', true).text;
    const value = this.#lookup(name);
    if (value === undefined && this.#options.skipUnset) return `\${${name}/${pattern}/${word}}`;
    return replacePattern(value ?? '', pattern, word, all);
  }

  #name(): string {
    const first = this.#peek();
    if (first === undefined) return '';
    if (special.test(first) && !digit.test(first)) return this.#next()!;
    const allowed = digit.test(first) ? digit : nameChar;
    let name = '';
    for (let char = this.#peek(); char !== undefined && allowed.test(char); char = this.#peek())
      name += this.#next();
    return name;
  }

  #peek(): string | undefined {
    return this.#chars[this.#at];
  }

  #next(): string | undefined {
    return this.#chars[this.#at++];
  }
}
