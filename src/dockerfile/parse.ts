import { didYouMean } from '../model/did-you-mean.ts';
import { parseSyntaxDirective } from './directives.ts';
import { DockerfileError } from './error.ts';
import { parseJsonForm, splitFlags } from './flags.ts';
import { type Heredoc, isHeredocWord, type LogicalLine, parseLines } from './logical-lines.ts';

export interface Flag {
  readonly name: string;
  readonly value: string;
}

export interface Instruction {
  /** Upper case. */
  readonly keyword: string;
  /** The line where it begins, from 1. */
  readonly line: number;
  readonly flags: readonly Flag[];
  /** The text after the flags, as written. */
  readonly rest: string;
  /** The elements of its JSON form; undefined if it has another form. */
  readonly json?: readonly string[];
  readonly heredocs: readonly Heredoc[];
  /** The instruction inside an ONBUILD. */
  readonly trigger?: Instruction;
  /** Why BuildKit may read it differently; undefined if it does not. */
  readonly ambiguity?: string;
}

export interface Dockerfile {
  readonly instructions: readonly Instruction[];
  readonly escapeToken: string;
  /** The image of the `# syntax=` line. */
  readonly syntax?: string;
  /** True if that image is not docker's own frontend. */
  readonly usesCustomFrontend: boolean;
  /** The value of `# check=`, which can make a build fail. */
  readonly check?: string;
  /** Why BuildKit versions read the file as a whole differently. */
  readonly ambiguities: readonly string[];
}

const keywords = new Set(
  'ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR'.split(
    ' ',
  ),
);
const keywordsWithJsonForm = new Set(['ADD', 'CMD', 'COPY', 'ENTRYPOINT', 'RUN', 'SHELL', 'VOLUME']);

/**
 * Parses a Dockerfile into instructions the way BuildKit does. A file for a custom frontend has no instructions.
 * @throws DockerfileError if there is no stage, or for an instruction that is unknown or not allowed where it is
 */
export function parseDockerfile(text: string): Dockerfile {
  const directive = parseSyntaxDirective(text);
  const syntax = directive.image;
  const named = syntax === undefined ? {} : { syntax };
  if (syntax !== undefined && isCustomFrontend(syntax))
    return { instructions: [], escapeToken: '\\', ...named, usesCustomFrontend: true, ambiguities: [] };
  const { escapeToken, lines, check, isAmbiguous } = parseLines(text);
  const instructions = lines.map((line) => parseInstruction(line, escapeToken));
  checkInstructions(instructions);
  const ambiguities = [
    ...(directive.isAmbiguous ? ['which syntax line applies depends on the BuildKit version'] : []),
    ...(isAmbiguous ? ['older BuildKit versions ignore an escape line after a check line'] : []),
    ...(text.includes('\r\r\n') ? ['how its line endings are read depends on the BuildKit version'] : []),
    ...(text.includes('\uFFFD') ? ['it contains bytes that are not valid UTF-8'] : []),
  ];
  return {
    instructions,
    escapeToken,
    usesCustomFrontend: false,
    ambiguities,
    ...named,
    ...(check === undefined ? {} : { check }),
  };
}

/** Tells whether a syntax image is not docker's own Dockerfile frontend. */
export function isCustomFrontend(syntax: string): boolean {
  return !/(^|\/)docker\/dockerfile(-upstream)?(:|@|$)/.test(syntax);
}

type InstructionText = Pick<LogicalLine, 'text' | 'line' | 'heredocs'>;

function parseInstruction(
  { text, line, heredocs }: InstructionText,
  escapeToken: string,
  isTrigger = false,
): Instruction {
  const [, word, tail = ''] = /^([^\t\v\f\r ]+)(?:[\t\v\f\r ]+([\s\S]*))?$/.exec(text)!;
  const keyword = word!.toUpperCase();
  const { flags, rest, hasNonAscii } = splitFlags(tail, escapeToken);
  const json = keywordsWithJsonForm.has(keyword) ? parseJsonForm(rest) : undefined;
  // BuildKit rejects ONBUILD ONBUILD, so the inner one is not parsed.
  const inner =
    keyword === 'ONBUILD' && rest !== '' && !isTrigger ? { text: rest, line, heredocs } : undefined;
  const ambiguity = hasNonAscii
    ? 'its flags contain non-ASCII characters'
    : isTrigger && escapeToken !== '\\' && /[\\`]/.test(text)
      ? 'ONBUILD ignores the escape line'
      : undefined;
  return {
    keyword,
    line,
    flags: flags.map(({ word }) => parseFlag(word)),
    rest,
    ...(json !== undefined ? { json } : {}),
    heredocs,
    ...(inner !== undefined ? { trigger: parseInstruction(inner, escapeToken, true) } : {}),
    ...(ambiguity !== undefined ? { ambiguity } : {}),
  };
}

function parseFlag(word: string): Flag {
  const at = word.indexOf('=');
  const name = at < 0 ? word.slice(2) : word.slice(2, at);
  return { name: name.toLowerCase(), value: at < 0 ? '' : word.slice(at + 1) };
}

/** Returns the words of an instruction without its heredocs: the elements of its JSON form, or its words. */
export function instructionWords(instruction: Instruction): readonly string[] {
  const words = instruction.json ?? instruction.rest.split(/[\t\v\f\r ]+/).filter(Boolean);
  return instruction.heredocs.length === 0 ? words : words.filter((word) => !isHeredocWord(word));
}

function checkInstructions(instructions: readonly Instruction[]): void {
  for (const instruction of instructions) checkInstruction(instruction);
  const first = instructions.find(({ keyword }) => keyword !== 'ARG');
  if (first === undefined)
    throw new DockerfileError(1, 'there is no FROM: a Dockerfile needs at least one stage');
  if (first.keyword !== 'FROM')
    throw new DockerfileError(first.line, `${first.keyword} is not allowed before the first FROM`, {
      word: first.keyword,
    });
}

function checkInstruction({ keyword, line, rest, heredocs, trigger }: Instruction): void {
  if (!keywords.has(keyword)) {
    const hint = didYouMean(keyword, keywords);
    throw new DockerfileError(line, `unknown instruction ${keyword}`, {
      word: keyword,
      ...(hint === undefined ? {} : { hint }),
    });
  }
  if (rest === '' && heredocs.length === 0) throw new DockerfileError(line, `${keyword} has no arguments`);
  if (trigger === undefined) return;
  if (['FROM', 'MAINTAINER', 'ONBUILD'].includes(trigger.keyword))
    throw new DockerfileError(line, `${trigger.keyword} is not allowed after ONBUILD`);
  checkInstruction(trigger);
}
