import { DockerfileError } from './error.ts';
import { trimEndOf, trimStart } from './whitespace.ts';

/** The parser directives at the top of a Dockerfile, except `syntax`. */
export interface Directives {
  readonly escapeToken: string;
  /** The value of `# check=`. */
  readonly check?: string;
  /** True if the result depends on the BuildKit version: older versions don't know `check`. */
  readonly isAmbiguous: boolean;
}

const known = new Set(['syntax', 'escape', 'check']);
/** What `\s` matches in Go's regular expressions. */
const goBlanks = '\t\n\f\r ';

/** Parses `# name = value`, where the marker is `#` or `//`. Returns undefined for any other line. */
function parseDirective(line: string, marker: string): { name: string; value: string } | undefined {
  if (!line.startsWith(marker)) return undefined;
  const text = trimStart(line.slice(marker.length));
  const name = /^[a-zA-Z][a-zA-Z0-9]*/.exec(text)?.[0];
  if (name === undefined) return undefined;
  const assignment = skipBlanks(text.slice(name.length));
  if (!assignment.startsWith('=')) return undefined;
  const value = trimEndOf(assignment.slice(1), goBlanks);
  if (value === '' && assignment.length === 1) return undefined;
  return { name: name.toLowerCase(), value: value === '' ? assignment.slice(-1) : skipBlanks(value) };
}

function skipBlanks(text: string): string {
  let at = 0;
  while (at < text.length && goBlanks.includes(text[at]!)) at++;
  return text.slice(at);
}

/** Parses the directives in a Dockerfile's physical lines. @throws DockerfileError for a duplicate or invalid directive */
export function parseDirectives(physical: readonly string[]): Directives {
  const found = new Map<string, string>();
  let isAmbiguous = false;
  for (const [index, text] of physical.entries()) {
    const { name, value } = parseDirective(trimStart(trimEndOf(text, '\r\n')), '#') ?? {};
    if (name === undefined || !known.has(name)) break;
    if (found.has(name)) throw new DockerfileError(index + 1, `duplicate ${name} directive`);
    if (name === 'escape' && found.has('check')) isAmbiguous = true;
    found.set(name, value!);
  }
  const escapeToken = found.get('escape') ?? '\\';
  if (escapeToken !== '\\' && escapeToken !== '`')
    throw new DockerfileError(1, `invalid escape character "${escapeToken}": expected \\ or \``);
  const check = found.get('check');
  return { escapeToken, isAmbiguous, ...(check === undefined ? {} : { check }) };
}

/** The image of the `syntax` directive. */
export interface SyntaxDirective {
  readonly image?: string;
  /** True if older BuildKit versions find another image. */
  readonly isAmbiguous: boolean;
}

/** Finds the syntax directive the way BuildKit does: in `#` or `//` comments, or in a JSON object, also after a `#!` line. */
export function parseSyntaxDirective(text: string): SyntaxDirective {
  const lines = withoutByteOrderMark(text).split('\n');
  const isScript = lines[0]!.startsWith('#!');
  const body = isScript ? lines.slice(1) : lines;
  const image = syntaxInComments(body, '#') ?? syntaxInComments(body, '//') ?? syntaxInJson(body.join('\n'));
  // Docker 20.10's BuildKit knows only `#`, skips directives that it doesn't know, and uses the last of two.
  const oldImage = text.startsWith('\uFEFF') ? undefined : lastSyntaxInComments(lines);
  return { ...(image === undefined ? {} : { image }), isAmbiguous: image !== oldImage };
}

function withoutByteOrderMark(text: string): string {
  return text.replace(/^\uFEFF/, '');
}

function syntaxInComments(lines: readonly string[], marker: string): string | undefined {
  for (const line of lines) {
    const { name, value } = parseDirective(trimEndOf(line, '\r'), marker) ?? {};
    if (name === 'syntax') return value!.split(' ', 1)[0];
    if (name === undefined || !known.has(name)) return undefined;
  }
  return undefined;
}

function lastSyntaxInComments(lines: readonly string[]): string | undefined {
  let image: string | undefined;
  for (const line of lines) {
    const { name, value } = parseDirective(trimEndOf(line, '\r'), '#') ?? {};
    if (name === undefined) return image;
    if (name === 'syntax') image = value!.split(' ', 1)[0];
  }
  return image;
}

function syntaxInJson(body: string): string | undefined {
  if (!trimStart(body).startsWith('{')) return undefined;
  try {
    const { syntax } = JSON.parse(body) as { syntax?: unknown };
    return typeof syntax === 'string' ? syntax : undefined;
  } catch {
    // Not JSON, so the file is an invalid Dockerfile: the parser reports the line.
    return undefined;
  }
}
