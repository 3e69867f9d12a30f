import { type Directives, parseDirectives } from './directives.ts';
import { DockerfileError } from './error.ts';
import { parseJsonForm, splitFlags } from './flags.ts';
import { expandWords } from './shell-words.ts';
import { WordError } from './substitute.ts';
import { trim, trimEndOf, trimStart } from './whitespace.ts';

/** A document that stands behind an instruction, `<<EOF … EOF`. */
export interface Heredoc {
  readonly name: string;
  readonly content: string;
  /** `<<-`: leading tabs are taken off when it is used. */
  readonly chomp: boolean;
  /** Variables in it are replaced (its name was not quoted). */
  readonly expand: boolean;
}

/** One instruction as it was written, continued lines joined. */
export interface LogicalLine {
  readonly text: string;
  /** Where it begins, from 1. */
  readonly line: number;
  /** Where it ends, its heredocs not counted. */
  readonly lastLine: number;
  readonly heredocs: readonly Heredoc[];
}

export interface ParsedLines extends Directives {
  readonly lines: readonly LogicalLine[];
}

/**
 * Joins a Dockerfile's lines into instructions as BuildKit's parser does: byte order mark, directives, comments (between
 * continued lines too), the escape character, heredocs. @throws DockerfileError
 */
export function parseLines(text: string): ParsedLines {
  const physical = splitLines(text.replace(/^\uFEFF/, ''));
  const directives = parseDirectives(physical);
  const { escapeToken } = directives;
  const lines: LogicalLine[] = [];
  for (let at = 0; at < physical.length; ) {
    const line = at + 1;
    let joined = '';
    let isOpen = true;
    for (let isFirst = true; isOpen && at < physical.length; isFirst = false, at++) {
      const bare = trimEndOf(physical[at]!, '\r\n');
      const start = trimStart(bare);
      const isBlank = start === '' || start.startsWith('#');
      if (isBlank && isFirst) isOpen = false;
      if (isBlank) continue;
      const own = isFirst ? start : bare;
      const continued = continuedPart(own, escapeToken);
      isOpen = continued !== undefined;
      joined += continued ?? own;
    }
    if (trim(joined) === '') continue;
    const lastLine = at;
    const heredocs: Heredoc[] = [];
    for (const start of heredocsOf(joined, line, escapeToken)) {
      const end = endOf(start, physical, at);
      if (end === undefined) throw new DockerfileError(line, `the heredoc ${start.name} is not closed`);
      heredocs.push({ ...start, content: physical.slice(at, end).join('') });
      at = end + 1;
    }
    lines.push({ text: trim(joined), line, lastLine, heredocs });
  }
  return { ...directives, lines };
}

/** A line without the escape character that continues it; undefined where none does. */
function continuedPart(line: string, escapeToken: string): string | undefined {
  const bare = trimEndOf(line, ' \t');
  const isOpen = bare.endsWith(escapeToken) && bare.at(-2) !== escapeToken;
  return isOpen ? bare.slice(0, -1) : undefined;
}

/** Physical lines with their ends. */
export function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

type HeredocStart = Omit<Heredoc, 'content'>;

/** The heredocs that a line opens. Only ADD, COPY and RUN, also behind ONBUILD, can; and not in JSON form. */
function heredocsOf(text: string, line: number, escapeToken: string): HeredocStart[] {
  const match = /^(?:onbuild[\t\v\f\r ]+)?(?:add|copy|run)[\t\v\f\r ]([\s\S]*)$/i.exec(text);
  if (match === null || !text.includes('<<')) return [];
  if (parseJsonForm(splitFlags(match[1]!, escapeToken).rest) !== undefined) return [];
  let words: readonly string[];
  try {
    words = expandWords(text, () => undefined, { rawQuotes: true, rawEscapes: true, skipUnset: true }).words;
  } catch (error) {
    // A shell's quotes are not BuildKit's: such a line opens none.
    if (error instanceof WordError) return [];
    throw error;
  }
  try {
    return words.flatMap((word) => readHeredoc(word) ?? []);
  } catch (error) {
    if (error instanceof WordError)
      throw new DockerfileError(line, `the heredoc has no name: ${error.message}`);
    throw error;
  }
}

/** True for a word that stands for a heredoc. */
export function isHeredocWord(word: string): boolean {
  try {
    return readHeredoc(word) !== undefined;
  } catch (error) {
    if (error instanceof WordError) return false;
    throw error;
  }
}

/** `<<EOF`, `3<<-"EOF"` as a whole word; undefined for any other. @throws WordError for a name that is none */
function readHeredoc(word: string): HeredocStart | undefined {
  const [, dash, written] = /^\d*<<(-?)([^<]*)$/.exec(word) ?? [];
  const name = trimStart(written ?? '');
  if (name === '') return undefined;
  const lex = (rawQuotes: boolean): readonly string[] =>
    expandWords(name, () => undefined, { rawQuotes, skipUnset: true }).words;
  const [bare, ...more] = lex(false);
  if (bare === undefined || more.length > 0) return undefined;
  const quotes = (text: string | undefined): number => text?.match(/['"]/g)?.length ?? 0;
  return { name: bare, chomp: dash === '-', expand: quotes(bare) === quotes(lex(true)[0]) };
}

function endOf({ name, chomp }: HeredocStart, physical: readonly string[], from: number): number | undefined {
  for (let at = from; at < physical.length; at++) {
    const bare = trimEndOf(physical[at]!, '\r\n');
    if ((chomp ? bare.replace(/^\t+/, '') : bare) === name) return at;
  }
  return undefined;
}
