import { DockerfileError } from './error.ts';
import { splitFlags } from './flags.ts';
import { parseLines, splitLines } from './logical-lines.ts';
import { type Instruction, parseDockerfile } from './parse.ts';
import { trimEndOf } from './whitespace.ts';

/** An image reference in an instruction, with variables expanded, and the reference to replace it by. */
export interface Replacement {
  readonly line: number;
  readonly reference: string;
  readonly by: string;
}

/**
 * Returns a Dockerfile with image references replaced: in FROM, in `--from` and `--mount`, also after ONBUILD, and in the
 * syntax line (whose `line` is 1). Nothing else changes, not even the number of lines.
 * @throws DockerfileError for a reference that cannot be replaced without changing something else
 */
export function replaceReferences(text: string, replacements: readonly Replacement[]): string {
  if (replacements.length === 0) return text;
  const before = parseDockerfile(text);
  const syntax = replacements.find(({ line, reference }) => line === 1 && reference === before.syntax);
  const replaced = syntax === undefined ? text : replaceSyntax(text, syntax);
  if (before.usesCustomFrontend) return checkedSyntax(replaced, syntax);
  const others = replacements.filter((each) => each !== syntax);
  const result = replaceInInstructions(replaced, others);
  const after = parseDockerfile(result);
  const lines = new Set(others.map(({ line }) => line));
  const isSame =
    after.syntax === (syntax?.by ?? before.syntax) &&
    after.escapeToken === before.escapeToken &&
    after.instructions.length === before.instructions.length &&
    before.instructions.every((each, at) =>
      isEquivalent(each, after.instructions[at]!, lines.has(each.line)),
    );
  if (!isSame) throw notReplaceable(replacements[0]!);
  return result;
}

function checkedSyntax(text: string, replacement: Replacement | undefined): string {
  if (replacement !== undefined && parseDockerfile(text).syntax !== replacement.by)
    throw notReplaceable(replacement);
  return text;
}

/** Tells whether only references differ between two instructions, or nothing at all if none was replaced. */
function isEquivalent(before: Instruction, after: Instruction, isReplaced: boolean): boolean {
  if (!isReplaced) return JSON.stringify(before) === JSON.stringify(after);
  const fixedParts = ({ keyword, flags, heredocs, json }: Instruction): string =>
    JSON.stringify([keyword, flags.map(({ name }) => name), heredocs, json]);
  const restWithoutReference = ({ keyword, rest }: Instruction): string =>
    keyword === 'FROM' ? rest.replace(firstWord, '') : keyword === 'ONBUILD' ? '' : rest;
  return (
    fixedParts(before) === fixedParts(after) && restWithoutReference(before) === restWithoutReference(after)
  );
}

function replaceSyntax(text: string, replacement: Replacement): string {
  const directive = /^(\uFEFF?(?:#|\/\/)[^\S\n]*syntax[^\S\n]*=[^\S\n]*)(\S+)/im.exec(text);
  if (directive !== null) {
    const [all, start] = directive as unknown as [string, string];
    return `${text.slice(0, directive.index)}${start}${replacement.by}${text.slice(directive.index + all.length)}`;
  }
  try {
    // The layout of a JSON file doesn't matter to its frontend.
    const body = JSON.parse(text.replace(/^\uFEFF/, '').replace(/^#![^\n]*(\n|$)/, '')) as object;
    return JSON.stringify({ ...body, syntax: replacement.by });
  } catch {
    throw notReplaceable(replacement);
  }
}

/** Joins an instruction of several lines into one, preceded by empty lines so that the number of lines stays the same. */
function replaceInInstructions(text: string, replacements: readonly Replacement[]): string {
  const mark = text.startsWith('\uFEFF') ? '\uFEFF' : '';
  const physical = splitLines(text.slice(mark.length));
  const { lines, escapeToken } = parseLines(text);
  for (const { line, lastLine, text: joined } of lines) {
    const inLine = replacements.filter((each) => each.line === line);
    if (inLine.length === 0) continue;
    // An instruction can name an image twice, and an ONBUILD can apply to several stages.
    const unique = new Map(inLine.map((each) => [`${each.reference} ${each.by}`, each])).values();
    const last = physical[lastLine - 1]!;
    const lineEnd = last.slice(trimEndOf(last, '\r\n').length);
    const blank = physical.slice(line - 1, lastLine - 1).map(() => '\n');
    const replaced = [...unique].reduce((now, each) => replaceInInstruction(now, each, escapeToken), joined);
    physical.splice(line - 1, lastLine - line + 1, ...blank, `${replaced}${lineEnd}`);
  }
  return mark + physical.join('');
}

const firstWord = /^[^\t\v\f\r ]+/;

function replaceInInstruction(text: string, replacement: Replacement, escapeToken: string): string {
  const [, head, tail] = /^([^\t\v\f\r ]+[\t\v\f\r ]+)([\s\S]*)$/.exec(text) ?? [];
  if (head === undefined) throw notReplaceable(replacement);
  const { flags, rest } = splitFlags(tail!, escapeToken);
  const before = head + tail!.slice(0, tail!.length - rest.length);
  const keyword = head.trim().toUpperCase();
  if (keyword === 'FROM') return before + rest.replace(firstWord, () => replacement.by);
  if (keyword === 'ONBUILD') return before + replaceInInstruction(rest, replacement, escapeToken);
  let result = tail!;
  for (const { word, start, end } of [...flags].reverse()) {
    const replaced = replaceInFlag(word, replacement);
    if (replaced !== word)
      result = result.slice(0, start) + escapeFlag(replaced, escapeToken) + result.slice(end);
  }
  if (result === tail) throw notReplaceable(replacement);
  return head + result;
}

function replaceInFlag(word: string, { reference, by }: Replacement): string {
  if (/^--from=/i.test(word) && word.slice(7) === reference) return `${word.slice(0, 7)}${by}`;
  if (!/^--mount=/i.test(word)) return word;
  const isFrom = (field: string): boolean => /^from=/i.test(field) && field.slice(5) === reference;
  const fields = word.slice(8).split(',');
  return `${word.slice(0, 8)}${fields.map((each) => (isFrom(each) ? `${each.slice(0, 5)}${by}` : each)).join(',')}`;
}

/** Escapes a flag so that the parser reads it as one word. */
function escapeFlag(word: string, escapeToken: string): string {
  return word.replace(/[\s"'\\`]/g, (char) =>
    /[\\`]/.test(char) && char !== escapeToken ? char : escapeToken + char,
  );
}

function notReplaceable({ line, reference }: Replacement): DockerfileError {
  return new DockerfileError(
    line,
    `cannot replace ${reference} with the exact image to use: simplify how this line names the image`,
  );
}
