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
  /** Where it begins, from 1. */
  readonly line: number;
  readonly flags: readonly Flag[];
  /** What stands behind the flags, as it is written. */
  readonly rest: string;
  /** The members of its JSON form; undefined where it has another. */
  readonly json?: readonly string[];
  readonly heredocs: readonly Heredoc[];
  /** What ONBUILD holds. */
  readonly trigger?: Instruction;
  /** Why builders may read it in another way; undefined where they do not. */
  readonly doubt?: string;
}

export interface Dockerfile {
  readonly instructions: readonly Instruction[];
  readonly escapeToken: string;
  /** The image of the `# syntax=` line. */
  readonly syntax?: string;
  /** True where that is another language than docker's own. */
  readonly usesCustomFrontend: boolean;
  /** What `# check=` asks for: it may make a build fail. */
  readonly check?: string;
  /** Why builders of different ages read the file as a whole in other ways. */
  readonly doubts: readonly string[];
}

const keywords = new Set(
  'ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR'.split(
    ' ',
  ),
);
const mayBeJson = new Set(['ADD', 'CMD', 'COPY', 'ENTRYPOINT', 'RUN', 'SHELL', 'VOLUME']);

/**
 * Splits a Dockerfile into instructions, as BuildKit does.
 * @throws DockerfileError where there is no stage, or an instruction that does not exist or stands before the first FROM
 */
export function parseDockerfile(text: string): Dockerfile {
  const found = parseSyntaxDirective(text);
  const syntax = found.image;
  const named = syntax === undefined ? {} : { syntax };
  if (syntax !== undefined && isCustomFrontend(syntax))
    return { instructions: [], escapeToken: '\\', ...named, usesCustomFrontend: true, doubts: [] };
  const { escapeToken, lines, check, isAmbiguous } = parseLines(text);
  const instructions = lines.map((line) => readInstruction(line, escapeToken));
  checkAll(instructions);
  const doubts = [
    ...(found.isAmbiguous ? ['builders differ in which syntax line they heed'] : []),
    ...(isAmbiguous ? ['old builders heed no escape line behind a check line'] : []),
    ...(text.includes('\r\r\n') ? ['builders differ in how they read its line ends'] : []),
    ...(text.includes('\uFFFD') ? ['it holds bytes that are not UTF-8'] : []),
  ];
  return {
    instructions,
    escapeToken,
    usesCustomFrontend: false,
    doubts,
    ...named,
    ...(check === undefined ? {} : { check }),
  };
}

/** True for an image that reads another language than docker's own. */
export function isCustomFrontend(syntax: string): boolean {
  return !/(^|\/)docker\/dockerfile(-upstream)?(:|@|$)/.test(syntax);
}

type Joined = Pick<LogicalLine, 'text' | 'line' | 'heredocs'>;

function readInstruction(
  { text, line, heredocs }: Joined,
  escapeToken: string,
  isTrigger = false,
): Instruction {
  const [, word, behind = ''] = /^([^\t\v\f\r ]+)(?:[\t\v\f\r ]+([\s\S]*))?$/.exec(text)!;
  const keyword = word!.toUpperCase();
  const { flags, rest, isGarbled } = splitFlags(behind, escapeToken);
  const json = mayBeJson.has(keyword) ? parseJsonForm(rest) : undefined;
  // ONBUILD behind ONBUILD is refused; it needs no reading.
  const inner =
    keyword === 'ONBUILD' && rest !== '' && !isTrigger ? { text: rest, line, heredocs } : undefined;
  const doubt = isGarbled
    ? 'its flags hold characters that are not ASCII'
    : isTrigger && escapeToken !== '\\' && /[\\`]/.test(text)
      ? 'a trigger is read without the escape line'
      : undefined;
  return {
    keyword,
    line,
    flags: flags.map(({ word }) => asFlag(word)),
    rest,
    ...(json !== undefined ? { json } : {}),
    heredocs,
    ...(inner !== undefined ? { trigger: readInstruction(inner, escapeToken, true) } : {}),
    ...(doubt !== undefined ? { doubt } : {}),
  };
}

function asFlag(word: string): Flag {
  const at = word.indexOf('=');
  const name = at < 0 ? word.slice(2) : word.slice(2, at);
  return { name: name.toLowerCase(), value: at < 0 ? '' : word.slice(at + 1) };
}

/** The words of an instruction without its heredocs: members of its JSON form, or what white space parts. */
export function instructionWords(instruction: Instruction): readonly string[] {
  const words = instruction.json ?? instruction.rest.split(/[\t\v\f\r ]+/).filter(Boolean);
  return instruction.heredocs.length === 0 ? words : words.filter((word) => !isHeredocWord(word));
}

function checkAll(instructions: readonly Instruction[]): void {
  for (const instruction of instructions) checkOne(instruction);
  const first = instructions.find(({ keyword }) => keyword !== 'ARG');
  if (first === undefined)
    throw new DockerfileError(1, 'there is no FROM: a Dockerfile needs at least one stage');
  if (first.keyword !== 'FROM')
    throw new DockerfileError(first.line, `${first.keyword} stands before the first FROM`);
}

function checkOne({ keyword, line, rest, heredocs, trigger }: Instruction): void {
  if (!keywords.has(keyword)) throw new DockerfileError(line, `unknown instruction ${keyword}`);
  if (rest === '' && heredocs.length === 0) throw new DockerfileError(line, `${keyword} has no arguments`);
  if (trigger === undefined) return;
  if (['FROM', 'MAINTAINER', 'ONBUILD'].includes(trigger.keyword))
    throw new DockerfileError(line, `${trigger.keyword} cannot stand behind ONBUILD`);
  checkOne(trigger);
}
