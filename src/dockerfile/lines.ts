import { DockerfileError } from './error.ts';
import { trim, trimStart } from './space.ts';
import { WordError } from './substitute.ts';
import { expandWords } from './words.ts';

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

export interface Source {
  /** Parser directives by name: `syntax`, `escape`, `check`. */
  readonly directives: ReadonlyMap<string, string>;
  readonly escapeToken: string;
  readonly lines: readonly LogicalLine[];
}

const directive = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/;
const knownDirectives = new Set(['syntax', 'escape', 'check']);

/**
 * Joins a Dockerfile's lines into instructions as BuildKit's parser does: byte order mark, directives, comments (between
 * continued lines too), the escape character, heredocs. @throws DockerfileError
 */
export function readLines(text: string): Source {
  const physical = splitLines(text.replace(/^\uFEFF/, ''));
  const { directives, escapeToken } = readDirectives(physical);
  const continued = new RegExp(`([^\\${escapeToken}])\\${escapeToken}[ \\t]*$|^\\${escapeToken}[ \\t]*$`);
  const lines: LogicalLine[] = [];
  for (let at = 0; at < physical.length; ) {
    const line = at + 1;
    let joined = '';
    let isOpen = true;
    for (let isFirst = true; isOpen && at < physical.length; isFirst = false, at++) {
      const bare = physical[at]!.replace(/[\r\n]+$/, '');
      const isBlank = trimStart(bare) === '' || trimStart(bare).startsWith('#');
      if (isBlank && isFirst) isOpen = false;
      if (isBlank) continue;
      const own = isFirst ? trimStart(bare) : bare;
      isOpen = continued.test(own);
      joined += own.replace(continued, '$1');
    }
    if (trim(joined) === '') continue;
    const lastLine = at;
    const heredocs: Heredoc[] = [];
    for (const start of heredocsOf(joined)) {
      const end = physical.findIndex((each, index) => index >= at && isEnd(each, start));
      if (end < 0) throw new DockerfileError(line, `the heredoc ${start.name} is not closed`);
      heredocs.push({ ...start, content: physical.slice(at, end).join('') });
      at = end + 1;
    }
    lines.push({ text: trim(joined), line, lastLine, heredocs });
  }
  return { directives, escapeToken, lines };
}

/** Physical lines with their ends. */
export function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function readDirectives(physical: readonly string[]): {
  directives: Map<string, string>;
  escapeToken: string;
} {
  const directives = new Map<string, string>();
  for (const [index, text] of physical.entries()) {
    const [, name, value] = directive.exec(trimStart(text.replace(/[\r\n]+$/, ''))) ?? [];
    const key = name?.toLowerCase();
    if (key === undefined || !knownDirectives.has(key)) break;
    if (directives.has(key)) throw new DockerfileError(index + 1, `the directive ${key} stands twice`);
    directives.set(key, value!);
  }
  const escapeToken = directives.get('escape') ?? '\\';
  if (escapeToken !== '\\' && escapeToken !== '`')
    throw new DockerfileError(1, `the escape character is "${escapeToken}"; it can be \\ or \``);
  return { directives, escapeToken };
}

type HeredocStart = Omit<Heredoc, 'content'>;

/** The heredocs that a line opens. Only ADD, COPY and RUN, also behind ONBUILD, can; and not in JSON form. */
function heredocsOf(line: string): HeredocStart[] {
  const match = /^(?:onbuild[\t\v\f\r ]+)?(?:add|copy|run)(?=[\t\v\f\r ])([\s\S]*)$/i.exec(line);
  if (match === null || !line.includes('<<') || isJsonForm(match[1]!)) return [];
  let words: readonly string[];
  try {
    words = expandWords(line, () => undefined, { rawQuotes: true, rawEscapes: true, skipUnset: true }).words;
  } catch (error) {
    // A shell's quotes are not BuildKit's: such a line opens none.
    if (error instanceof WordError) return [];
    throw error;
  }
  return words.flatMap((word) => readHeredoc(word) ?? []);
}

function isJsonForm(rest: string): boolean {
  const body = trim(rest.replace(/^(?:[\t\v\f\r ]+--\S+)*/, ''));
  if (!body.startsWith('[')) return false;
  try {
    const value: unknown = JSON.parse(body);
    return Array.isArray(value) && value.every((each) => typeof each === 'string');
  } catch {
    // Not JSON: then it is a shell's word.
    return false;
  }
}

/** `<<EOF`, `3<<-"EOF"` as a whole word; undefined for any other. */
export function readHeredoc(word: string): HeredocStart | undefined {
  const [, , dash, rest] = /^(\d*)<<(-?)\s*([^<]*)$/.exec(word) ?? [];
  if (!rest) return undefined;
  const lex = (rawQuotes: boolean): readonly string[] =>
    expandWords(rest, () => undefined, { rawQuotes, skipUnset: true }).words;
  const [name, ...more] = lex(false);
  if (name === undefined || more.length > 0) return undefined;
  const quotes = (text: string | undefined): number => text?.match(/['"]/g)?.length ?? 0;
  return { name, chomp: dash === '-', expand: quotes(name) === quotes(lex(true)[0]) };
}

function isEnd(physical: string, { name, chomp }: HeredocStart): boolean {
  const bare = physical.replace(/[\r\n]+$/, '');
  return (chomp ? bare.replace(/^\t+/, '') : bare) === name;
}
