import { DockerfileError } from './error.ts';
import { splitFlags } from './flags.ts';
import { parseLines, splitLines } from './logical-lines.ts';
import { type Instruction, parseDockerfile } from './parse.ts';
import { trimEndOf } from './whitespace.ts';

/** An image's name as an instruction means it (variables replaced), and what is to stand there instead. */
export interface Replacement {
  readonly line: number;
  readonly reference: string;
  readonly by: string;
}

/**
 * The same Dockerfile with other names of images: behind FROM, in `--from` and `--mount`, behind ONBUILD too, and in the
 * syntax line (of which `line` is 1). Nothing else of it changes, the number of its lines neither.
 * @throws DockerfileError where a name cannot be replaced without changing something else
 */
export function replaceReferences(text: string, replacements: readonly Replacement[]): string {
  if (replacements.length === 0) return text;
  const before = parseDockerfile(text);
  const syntax = replacements.find(({ line, reference }) => line === 1 && reference === before.syntax);
  const replaced = syntax === undefined ? text : replaceSyntax(text, syntax);
  if (before.usesCustomFrontend) return checkedSyntax(replaced, syntax);
  const others = replacements.filter((each) => each !== syntax);
  const result = replaceInstructions(replaced, others);
  const after = parseDockerfile(result);
  const lines = new Set(others.map(({ line }) => line));
  const isSame =
    after.syntax === (syntax?.by ?? before.syntax) &&
    after.escapeToken === before.escapeToken &&
    after.instructions.length === before.instructions.length &&
    before.instructions.every((each, at) => isLike(each, after.instructions[at]!, lines.has(each.line)));
  if (!isSame) throw cannot(replacements[0]!);
  return result;
}

function checkedSyntax(text: string, replacement: Replacement | undefined): string {
  if (replacement !== undefined && parseDockerfile(text).syntax !== replacement.by) throw cannot(replacement);
  return text;
}

function isLike(before: Instruction, after: Instruction, isReplaced: boolean): boolean {
  if (!isReplaced) return JSON.stringify(before) === JSON.stringify(after);
  const kept = ({ keyword, flags, heredocs, json }: Instruction): string =>
    JSON.stringify([keyword, flags.map(({ name }) => name), heredocs, json]);
  const behind = ({ keyword, rest }: Instruction): string =>
    keyword === 'FROM' ? rest.replace(firstWord, '') : keyword === 'ONBUILD' ? '' : rest;
  return kept(before) === kept(after) && behind(before) === behind(after);
}

function replaceSyntax(text: string, replacement: Replacement): string {
  const directive = /^(\uFEFF?(?:#|\/\/)[^\S\n]*syntax[^\S\n]*=[^\S\n]*)(\S+)/im.exec(text);
  if (directive !== null) {
    const [all, start] = directive as unknown as [string, string];
    return `${text.slice(0, directive.index)}${start}${replacement.by}${text.slice(directive.index + all.length)}`;
  }
  try {
    // A file in JSON: its language reads the same from any layout.
    const body = JSON.parse(text.replace(/^\uFEFF/, '').replace(/^#![^\n]*(\n|$)/, '')) as object;
    return JSON.stringify({ ...body, syntax: replacement.by });
  } catch {
    throw cannot(replacement);
  }
}

/** An instruction over several lines becomes one, behind as many empty ones as it loses. */
function replaceInstructions(text: string, replacements: readonly Replacement[]): string {
  const mark = text.startsWith('\uFEFF') ? '\uFEFF' : '';
  const physical = splitLines(text.slice(mark.length));
  const { lines, escapeToken } = parseLines(text);
  for (const { line, lastLine, text: joined } of lines) {
    const mine = replacements.filter((each) => each.line === line);
    if (mine.length === 0) continue;
    // One instruction may name an image twice, and ONBUILD run in several stages.
    const own = new Map(mine.map((each) => [`${each.reference} ${each.by}`, each])).values();
    const last = physical[lastLine - 1]!;
    const end = last.slice(trimEndOf(last, '\r\n').length);
    const blank = physical.slice(line - 1, lastLine - 1).map(() => '\n');
    const replaced = [...own].reduce((now, each) => replaceIn(now, each, escapeToken), joined);
    physical.splice(line - 1, lastLine - line + 1, ...blank, `${replaced}${end}`);
  }
  return mark + physical.join('');
}

const firstWord = /^[^\t\v\f\r ]+/;

function replaceIn(text: string, replacement: Replacement, escapeToken: string): string {
  const [, head, behind] = /^([^\t\v\f\r ]+[\t\v\f\r ]+)([\s\S]*)$/.exec(text) ?? [];
  if (head === undefined) throw cannot(replacement);
  const { flags, rest } = splitFlags(behind!, escapeToken);
  const before = head + behind!.slice(0, behind!.length - rest.length);
  const keyword = head.trim().toUpperCase();
  if (keyword === 'FROM') return before + rest.replace(firstWord, () => replacement.by);
  if (keyword === 'ONBUILD') return before + replaceIn(rest, replacement, escapeToken);
  let result = behind!;
  for (const { word, start, end } of [...flags].reverse()) {
    const other = replaceInFlag(word, replacement);
    if (other !== word) result = result.slice(0, start) + quoted(other, escapeToken) + result.slice(end);
  }
  if (result === behind) throw cannot(replacement);
  return head + result;
}

function replaceInFlag(word: string, { reference, by }: Replacement): string {
  if (/^--from=/i.test(word) && word.slice(7) === reference) return `${word.slice(0, 7)}${by}`;
  if (!/^--mount=/i.test(word)) return word;
  const isFrom = (field: string): boolean => /^from=/i.test(field) && field.slice(5) === reference;
  const fields = word.slice(8).split(',');
  return `${word.slice(0, 8)}${fields.map((each) => (isFrom(each) ? `${each.slice(0, 5)}${by}` : each)).join(',')}`;
}

/** A flag's word so that it is read as one word again. */
function quoted(word: string, escapeToken: string): string {
  return word.replace(/[\s"'\\`]/g, (char) =>
    /[\\`]/.test(char) && char !== escapeToken ? char : escapeToken + char,
  );
}

function cannot({ line, reference }: Replacement): DockerfileError {
  return new DockerfileError(
    line,
    `${reference} cannot be replaced by the very image that is meant: write it more plainly`,
  );
}
