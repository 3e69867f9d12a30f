import { type Directives, parseDirectives } from './directives.ts';
import { DockerfileError } from './error.ts';
import { parseJsonForm, splitFlags } from './flags.ts';
import { expandWords } from './shell-words.ts';
import { WordError } from './substitute.ts';
import { trim, trimEndOf, trimStart } from './whitespace.ts';

/** A here-document of an instruction, `<<EOF … EOF`. */
export interface Heredoc {
  readonly name: string;
  readonly content: string;
  /** `<<-`: the builder removes leading tabs. */
  readonly chomp: boolean;
  /** True if the builder expands variables in it, because its name is not quoted. */
  readonly expand: boolean;
}

/** One instruction as written, with continuation lines joined. */
export interface LogicalLine {
  readonly text: string;
  /** The first physical line, from 1. */
  readonly line: number;
  /** The last physical line, heredocs not included. */
  readonly lastLine: number;
  readonly heredocs: readonly Heredoc[];
}

export interface ParsedLines extends Directives {
  readonly lines: readonly LogicalLine[];
}

/**
 * Joins a Dockerfile's physical lines into instructions the way BuildKit's parser does: byte order mark, directives, comments
 * (also between continuation lines), the escape character, heredocs.
 * @throws DockerfileError for an invalid directive or heredoc
 */
export function parseLines(text: string): ParsedLines {
  const physical = splitLines(text.replace(/^\uFEFF/, ''));
  const directives = parseDirectives(physical);
  const { escapeToken } = directives;
  const lines: LogicalLine[] = [];
  for (let at = 0; at < physical.length; ) {
    const line = at + 1;
    let joined = '';
    let continues = true;
    for (let isFirst = true; continues && at < physical.length; isFirst = false, at++) {
      const bare = trimEndOf(physical[at]!, '\r\n');
      const trimmed = trimStart(bare);
      const isBlank = trimmed === '' || trimmed.startsWith('#');
      if (isBlank && isFirst) continues = false;
      if (isBlank) continue;
      const current = isFirst ? trimmed : bare;
      const continued = withoutContinuation(current, escapeToken);
      continues = continued !== undefined;
      joined += continued ?? current;
    }
    if (trim(joined) === '') continue;
    const lastLine = at;
    const heredocs: Heredoc[] = [];
    for (const start of heredocStarts(joined, line, escapeToken)) {
      const end = heredocEnd(start, physical, at);
      if (end === undefined)
        throw new DockerfileError(line, `unterminated heredoc ${start.name}`, { word: start.name });
      heredocs.push({ ...start, content: physical.slice(at, end).join('') });
      at = end + 1;
    }
    lines.push({ text: trim(joined), line, lastLine, heredocs });
  }
  return { ...directives, lines };
}

/** Returns a line without its trailing escape character, or undefined if the line doesn't continue. */
function withoutContinuation(line: string, escapeToken: string): string | undefined {
  const bare = trimEndOf(line, ' \t');
  const continues = bare.endsWith(escapeToken) && bare.at(-2) !== escapeToken;
  return continues ? bare.slice(0, -1) : undefined;
}

/** Splits a text into physical lines, line endings included. */
export function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

type HeredocStart = Omit<Heredoc, 'content'>;

/** Returns the heredocs that a line opens. Only ADD, COPY and RUN (also after ONBUILD) can open one, and not in JSON form. */
function heredocStarts(text: string, line: number, escapeToken: string): HeredocStart[] {
  const match = /^(?:onbuild[\t\v\f\r ]+)?(?:add|copy|run)[\t\v\f\r ]([\s\S]*)$/i.exec(text);
  if (match === null || !text.includes('<<')) return [];
  if (parseJsonForm(splitFlags(match[1]!, escapeToken).rest) !== undefined) return [];
  let words: readonly string[];
  try {
    words = expandWords(text, () => undefined, { rawQuotes: true, rawEscapes: true, skipUnset: true }).words;
  } catch (error) {
    // A shell's quoting rules are not BuildKit's: a line that BuildKit cannot split opens no heredoc.
    if (error instanceof WordError) return [];
    throw error;
  }
  try {
    return words.flatMap((word) => parseHeredocStart(word) ?? []);
  } catch (error) {
    if (error instanceof WordError) throw new DockerfileError(line, `invalid heredoc name: ${error.message}`);
    throw error;
  }
}

/** Tells whether a word opens a heredoc. */
export function isHeredocWord(word: string): boolean {
  try {
    return parseHeredocStart(word) !== undefined;
  } catch (error) {
    if (error instanceof WordError) return false;
    throw error;
  }
}

/**
 * Parses a whole word such as `<<EOF` or `3<<-"EOF"`. Returns undefined for any other word.
 * @throws WordError for an invalid name
 */
function parseHeredocStart(word: string): HeredocStart | undefined {
  const [, dash, written] = /^\d*<<(-?)([^<]*)$/.exec(word) ?? [];
  const name = trimStart(written ?? '');
  if (name === '') return undefined;
  const lex = (rawQuotes: boolean): readonly string[] =>
    expandWords(name, () => undefined, { rawQuotes, skipUnset: true }).words;
  const [bare, ...more] = lex(false);
  if (bare === undefined || more.length > 0) return undefined;
  const countQuotes = (text: string | undefined): number => text?.match(/['"]/g)?.length ?? 0;
  return { name: bare, chomp: dash === '-', expand: countQuotes(bare) === countQuotes(lex(true)[0]) };
}

function heredocEnd(
  { name, chomp }: HeredocStart,
  physical: readonly string[],
  from: number,
): number | undefined {
  for (let at = from; at < physical.length; at++) {
    const bare = trimEndOf(physical[at]!, '\r\n');
    if ((chomp ? bare.replace(/^\t+/, '') : bare) === name) return at;
  }
  return undefined;
}
