import { DockerfileError } from './error.ts';
import { trimEndOf, trimStart } from './whitespace.ts';

/** What the comments at the top of a Dockerfile say to the parser. */
export interface Directives {
  readonly escapeToken: string;
  /** What `# check=` asks for. */
  readonly check?: string;
  /** True where builders of different ages read other directives: old ones know no `check`. */
  readonly isAmbiguous: boolean;
}

const known = new Set(['syntax', 'escape', 'check']);
/** White space in Go's regular expressions. */
const blanks = '\t\n\f\r ';

/** `# name = value`, with the mark `#` or `//`; undefined for any other line. */
function readDirective(line: string, mark: string): { name: string; value: string } | undefined {
  if (!line.startsWith(mark)) return undefined;
  const text = trimStart(line.slice(mark.length));
  const name = /^[a-zA-Z][a-zA-Z0-9]*/.exec(text)?.[0];
  if (name === undefined) return undefined;
  const behind = skipBlanks(text.slice(name.length));
  if (!behind.startsWith('=')) return undefined;
  const value = trimEndOf(behind.slice(1), blanks);
  if (value === '' && behind.length === 1) return undefined;
  return { name: name.toLowerCase(), value: value === '' ? behind.slice(-1) : skipBlanks(value) };
}

function skipBlanks(text: string): string {
  let at = 0;
  while (at < text.length && blanks.includes(text[at]!)) at++;
  return text.slice(at);
}

/** The parser directives of a Dockerfile's lines. @throws DockerfileError */
export function parseDirectives(physical: readonly string[]): Directives {
  const found = new Map<string, string>();
  let isAmbiguous = false;
  for (const [index, text] of physical.entries()) {
    const { name, value } = readDirective(trimStart(trimEndOf(text, '\r\n')), '#') ?? {};
    if (name === undefined || !known.has(name)) break;
    if (found.has(name)) throw new DockerfileError(index + 1, `the directive ${name} stands twice`);
    if (name === 'escape' && found.has('check')) isAmbiguous = true;
    found.set(name, value!);
  }
  const escapeToken = found.get('escape') ?? '\\';
  if (escapeToken !== '\\' && escapeToken !== '`')
    throw new DockerfileError(1, `the escape character is "${escapeToken}"; it can be \\ or \``);
  const check = found.get('check');
  return { escapeToken, isAmbiguous, ...(check === undefined ? {} : { check }) };
}

/** The image of the `syntax` directive, as builders find it. */
export interface SyntaxDirective {
  readonly image?: string;
  /** True where builders of different ages find another one. */
  readonly isAmbiguous: boolean;
}

/** As BuildKit looks for it: in `#` or `//` directives, or a JSON object; behind a line `#!` too. */
export function parseSyntaxDirective(text: string): SyntaxDirective {
  const lines = withoutMark(text).split('\n');
  const isScript = lines[0]!.startsWith('#!');
  const body = isScript ? lines.slice(1) : lines;
  const image = syntaxIn(body, '#') ?? syntaxIn(body, '//') ?? syntaxOfJson(body.join('\n'));
  // BuildKit of docker 20.10 knows `#` alone, skips directives that it does not know, and takes the last of two.
  const old = text.startsWith('\uFEFF') ? undefined : oldSyntaxIn(lines);
  return { ...(image === undefined ? {} : { image }), isAmbiguous: image !== old };
}

function withoutMark(text: string): string {
  return text.replace(/^\uFEFF/, '');
}

function syntaxIn(lines: readonly string[], mark: string): string | undefined {
  for (const line of lines) {
    const { name, value } = readDirective(trimEndOf(line, '\r'), mark) ?? {};
    if (name === 'syntax') return value!.split(' ', 1)[0];
    if (name === undefined || !known.has(name)) return undefined;
  }
  return undefined;
}

function oldSyntaxIn(lines: readonly string[]): string | undefined {
  let image: string | undefined;
  for (const line of lines) {
    const { name, value } = readDirective(trimEndOf(line, '\r'), '#') ?? {};
    if (name === undefined) return image;
    if (name === 'syntax') image = value!.split(' ', 1)[0];
  }
  return image;
}

function syntaxOfJson(body: string): string | undefined {
  if (!trimStart(body).startsWith('{')) return undefined;
  try {
    const { syntax } = JSON.parse(body) as { syntax?: unknown };
    return typeof syntax === 'string' ? syntax : undefined;
  } catch {
    // No JSON: then it is a Dockerfile, and wrong; the parser says where.
    return undefined;
  }
}
